"""A year of a commune's busy calendar, expanded: ours beside dateutil's rruleset, on the same bulletins."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil import rrule

from bench.rig import percentile
from edge_agent.calendar import between
from edge_agent.calendar.lunar import days as lunar_days
from edge_agent.contract.bulletins import Bulletin

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2027, 1, 1, tzinfo=ZONE)
END = datetime(2028, 1, 1, tzinfo=ZONE)
ROUNDS = 15


def busy() -> list[Bulletin]:
    """Sixty bulletins: dailies, weeklies, monthlies, yearly days, lunar days, with exceptions and changes."""
    begin = datetime(2024, 11, 4, 5, 30, tzinfo=ZONE)  # a bulletin of every day is not written anew each year
    rules = [
        "FREQ=DAILY", "FREQ=DAILY;BYHOUR=5,11,17", "FREQ=DAILY;INTERVAL=2", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA", "FREQ=WEEKLY",
        "FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=MONTHLY;BYDAY=1SU", "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=2",
        "FREQ=YEARLY;BYMONTH=4,12;BYDAY=2MO", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=700",
    ]  # fmt: skip
    lunars = [
        {"days": [1, 15], "leap": "also"}, {"days": [14, 30], "leap": "also"}, {"days": [10], "month": 3},
        {"days": [15], "month": 8}, {"before_tet": 7},
    ]  # fmt: skip
    made = []
    for number in range(60):
        at = begin + timedelta(minutes=7 * number)
        if number % 4 == 3:
            recurrence: dict[str, object] = {"lunar": lunars[number // 4 % len(lunars)]}
        else:
            recurrence = {"rule": rules[(number - number // 4) % len(rules)]}
            recurrence["except"] = [at + timedelta(days=days) for days in (791, 792, 793)]
        if number % 10 == 0:
            planned = at + timedelta(days=798)
            recurrence["changes"] = [{"planned": planned, "at": planned + timedelta(hours=1)}]
        made.append(
            Bulletin.model_validate(
                {"id": f"tin-{number}", "title": f"Tin {number}", "text": "...", "at": at, "recurrence": recurrence}
            )
        )
    return made


def by_dateutil(bulletins: list[Bulletin]) -> int:
    """How many instants dateutil finds, put in order as ours are; lunar days, which it does not know, it is given."""
    found: list[datetime] = []
    start, end = START.replace(tzinfo=None), END.replace(tzinfo=None)
    for bulletin in bulletins:
        recurrence = bulletin.recurrence
        assert recurrence is not None
        first = bulletin.at.astimezone(ZONE).replace(tzinfo=None)
        if recurrence.lunar is not None:
            days = lunar_days(recurrence.lunar, start.toordinal(), end.toordinal() - 1)
            found += [datetime.fromordinal(day).replace(tzinfo=UTC) for day in days]
            continue
        dates = rrule.rruleset()
        dates.rrule(rrule.rrulestr(recurrence.rule, dtstart=first))
        for at in recurrence.except_:
            dates.exdate(at.astimezone(ZONE).replace(tzinfo=None))
        found += [at.replace(tzinfo=ZONE).astimezone(UTC) for at in dates.between(start, end)]
    return len(sorted(found))


def milliseconds(work: Callable[[], object], rounds: int) -> list[float]:
    """The time of each round."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_known_args()[0].json
    bulletins = busy()

    def ours() -> int:
        return len(between(bulletins, START, END, ZONE))

    cold = milliseconds(ours, 1)[0]  # tables and rules not read yet
    warm = milliseconds(ours, ROUNDS)
    theirs = milliseconds(lambda: by_dateutil(bulletins), 3)
    figures = {
        "bulletins": len(bulletins),
        "instants": ours(),
        "instants_dateutil": by_dateutil(bulletins),
        "first_ms": round(cold, 2),
        "median_ms": round(percentile(warm, 0.5), 2),
        "worst_ms": round(max(warm), 2),
        "dateutil_ms": round(percentile(theirs, 0.5), 2),
        "limit_ms": 50,
    }
    if as_json:
        print(json.dumps(figures))
        return
    print(f"A year of {figures['bulletins']} bulletins, {figures['instants']} instants, milliseconds (limit 50)")
    print(f"{'':12} {'first time':>10} {'median':>8} {'worst':>8}")
    print(f"{'ours':12} {cold:10.1f} {figures['median_ms']:8.1f} {figures['worst_ms']:8.1f}")
    print(f"{'dateutil':12} {'':10} {figures['dateutil_ms']:8.1f}   (same instants but for moved ones)")


if __name__ == "__main__":
    main()
