"""The instants of a bulletin: its rule or lunar days, what is added, left out, moved, and from when to when."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge_agent.contract.bulletins import Bulletin


class Occurrence(NamedTuple):
    """One instance of a bulletin. `bulletin` and `planned_as` together say which one, whenever it is on air."""

    at: datetime
    """On air, UTC."""
    planned_as: datetime
    """Where the recurrence put it, UTC; another instant than `at` only where it was moved."""
    bulletin: str
    """The bulletin's id."""
    text: str | None = None
    """What is said instead of the bulletin's own words."""
    volume: float | None = None
    """Per cent, instead of the bulletin's own."""


def occurrences(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    """Instances on air strictly after an instant, earliest first, up to five years ahead (lunar: twenty).

    Where two instances of one bulletin fall on the same instant there is one: the one that was moved there.
    """
    raise NotImplementedError


def next_after(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Occurrence | None:
    """The next instance after an instant, if there is one."""
    return next(occurrences(bulletin, after, zone), None)


def between(bulletins: Iterable[Bulletin], start: datetime, end: datetime, zone: ZoneInfo) -> list[Occurrence]:
    """All instances of many bulletins from `start` on and before `end`, earliest first."""
    raise NotImplementedError
