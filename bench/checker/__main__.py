"""`python -m bench.checker EVENTS.jsonl CALENDAR.yaml`: what was not broadcast as it should have been.

EVENTS: one event (or sample of telemetry) a line, as a node numbers them: `{"seq":.., "at":.., "type":.., "data":..}`.
CALENDAR: `bulletins`, each as `bulletin.plan` has it, in the order in which they were planned; and if wanted `zone`,
`hours` (windows, minutes_per_session, sessions_per_day, weekdays, exempt), `seconds` (id: length), and `outages`
(`voice`, `speaker`: spans in which they are known to have failed). Ends with 1 where something is wrong.
"""

import json
import sys
from pathlib import Path

from bench.checker.judge import check
from edge_agent.config.yaml import read


def main(arguments: list[str]) -> int:
    """Print what is wrong; how many things."""
    if len(arguments) != 2:
        print(__doc__)
        return 2
    with Path(arguments[0]).open(encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines if line.strip()]
    calendar = read(Path(arguments[1]).read_text(encoding="utf-8")).data
    wrong = check(events, calendar)
    for sentence in wrong:
        print(sentence)
    aired = [each for each in events if each.get("type") == "aired"]
    print(f"{len(events)} events, {len(aired)} airings, {len(wrong)} wrong")
    return min(1, len(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
