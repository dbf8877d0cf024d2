"""Refusals that repeat: so that nobody fills the audit log by asking again and again for what they may not."""

from collections import OrderedDict
from datetime import datetime, timedelta

EACH = 50
"""Of one kind and person in an hour so many are written each; then the 100th, the 1000th, and so on."""
SPAN = timedelta(hours=1)
MOST = 2000
"""Kinds and persons that are counted at once."""


class Repeats:
    """Counts refusals by person and kind."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()

    def number(self, person: str, kind: str, now: datetime) -> int:
        """Which one this is since the hour began; 0: it is not to be written."""
        since, count = self._counts.pop((person, kind), (now, 0))
        if not timedelta() <= now - since < SPAN:
            since, count = now, 0
        self._counts[person, kind] = since, count + 1
        while len(self._counts) > MOST:
            self._counts.popitem(last=False)
        count += 1
        return count if count <= EACH or (count >= 100 and set(str(count)[1:]) == {"0"} and str(count)[0] == "1") else 0
