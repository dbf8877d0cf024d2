"""The instants of a bulletin: its rule or lunar days, what is added, left out, moved, and from when to when."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush, merge
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge_agent.calendar import lunar
from edge_agent.calendar.rules import instants, rule_of
from edge_agent.contract.bulletins import Bulletin, Recurrence

HORIZON = timedelta(days=5 * 366)
LUNAR_HORIZON = timedelta(days=20 * 366)
"""A leap month of a given number comes again after 8 to 19 years, or not for centuries."""
_CLOCKS_CHANGE = timedelta(hours=3)
"""More than any zone ever changed its clocks by at once, but for those that moved over the date line."""
_ZERO = datetime(2020, 1, 1)
_at = attrgetter("at")


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
    ahead = LUNAR_HORIZON if bulletin.recurrence is not None and bulletin.recurrence.lunar else HORIZON
    start = after.astimezone(UTC) + timedelta.resolution
    return _between(bulletin, start, max(start, bulletin.at) + ahead, zone)


def next_after(bulletin: Bulletin, after: datetime, zone: ZoneInfo) -> Occurrence | None:
    """The next instance after an instant, if there is one."""
    return next(occurrences(bulletin, after, zone), None)


def between(bulletins: Iterable[Bulletin], start: datetime, end: datetime, zone: ZoneInfo) -> list[Occurrence]:
    """All instances of many bulletins from `start` on and before `end`, earliest first."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    found: list[Occurrence] = []
    for bulletin in bulletins:
        found += _between(bulletin, start, end, zone)
    found.sort(key=_at)
    return found


def _between(bulletin: Bulletin, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    """From `start` on and before `end`, in UTC."""
    recurrence, name = bulletin.recurrence, bulletin.id
    if recurrence is None:
        if start <= bulletin.at < end:
            yield Occurrence(bulletin.at, bulletin.at, name)
        return
    planned = _planned(recurrence, bulletin.at, start, end, zone)
    if recurrence.changes:
        yield from _changed(bulletin, planned, start, end, zone)
        return
    for at in planned:
        yield Occurrence(at, at, name)


def _changed(
    bulletin: Bulletin, planned: Iterator[datetime], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[Occurrence]:
    """The same with single instances that are different. A change of what is not planned changes nothing."""
    recurrence = bulletin.recurrence
    assert recurrence is not None  # noqa: S101 - the caller looked
    moved = []
    for change in recurrence.changes:
        within = start <= change.at < end and _valid(recurrence, change.at, zone)
        if within and change.planned in _planned(
            recurrence, bulletin.at, change.planned, change.planned + timedelta.resolution, zone
        ):
            moved.append(Occurrence(change.at, change.planned, bulletin.id, change.text, change.volume))
    moved.sort(key=_at)
    elsewhere = {change.planned for change in recurrence.changes}
    rest = (Occurrence(at, at, bulletin.id) for at in planned if at not in elsewhere)
    last = None
    for each in merge(moved, rest, key=_at):  # of equal ones that of the first comes first
        if each.at != last:
            last = each.at
            yield each


def _planned(
    recurrence: Recurrence, first: datetime, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """The instants of the rule or the lunar days and those added, without those left out; nothing moved yet."""
    planned = _recurring(recurrence, first, start, end, zone)
    if recurrence.also:
        planned = _once_each(merge(planned, sorted(at for at in recurrence.also if start <= at < end)))
    if recurrence.except_:
        planned = _without(planned, sorted(recurrence.except_))
    if recurrence.valid_from or recurrence.valid_to:
        planned = (at for at in planned if _valid(recurrence, at, zone))
    return planned


def _without(instants: Iterable[datetime], left_out: list[datetime]) -> Iterator[datetime]:
    """Both are sorted; a set would take longer to hash the instants than to compare them."""
    coming = iter(left_out)
    out = next(coming, None)
    for at in instants:
        while out is not None and out < at:
            out = next(coming, None)
        if at != out:
            yield at


def _valid(recurrence: Recurrence, at: datetime, zone: ZoneInfo) -> bool:
    if recurrence.valid_from is None and recurrence.valid_to is None:
        return True
    day = at.astimezone(zone).date()
    return (recurrence.valid_from or day) <= day <= (recurrence.valid_to or day)


def _recurring(
    recurrence: Recurrence, first: datetime, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """Wall time stays: 05:30 is 05:30 in summer and in winter."""
    begin, low, high = (each.astimezone(zone).replace(tzinfo=None) for each in (first, start, end))
    offset = _steady_offset(zone, low.year, high.year)
    if offset is not None:  # by adding: `replace` takes as long as all the rest
        utc, local = _ZERO.replace(tzinfo=UTC), _ZERO + offset
        return (utc + (wall - local) for wall in _walls(recurrence, begin, low, high, zone))
    # clocks that change may put an instant before or behind the place of its wall time
    walls = _walls(recurrence, begin, low - _CLOCKS_CHANGE, high + _CLOCKS_CHANGE, zone)
    instants_ = _once_each(_in_order(wall.replace(tzinfo=zone).astimezone(UTC) for wall in walls))
    return (at for at in instants_ if start <= at < end)


def _walls(
    recurrence: Recurrence, begin: datetime, low: datetime, high: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """The same as naive wall times, from `low` on and before `high`."""
    if recurrence.lunar is None:
        return instants(rule_of(recurrence.rule or "", begin, zone), low, high)
    low = max(low, begin)
    days = lunar.days(recurrence.lunar, low.toordinal(), high.toordinal())
    walls = (datetime.combine(date.fromordinal(day), begin.time()) for day in days)
    return (wall for wall in walls if low <= wall < high)


@lru_cache(maxsize=256)
def _steady_offset(zone: ZoneInfo, first: int, last: int) -> timedelta | None:
    """The offset that a zone keeps through all these years, such as +7 in Viet Nam; None where clocks change."""
    noon = datetime(first, 1, 1, 12)
    days = datetime(last, 12, 31).toordinal() - noon.toordinal()
    offsets = {zone.utcoffset(noon + timedelta(days=day)) for day in range(days + 1)}
    return offsets.pop() if len(offsets) == 1 else None


def _in_order(instants: Iterable[datetime]) -> Iterator[datetime]:
    """Put right what clocks that change put out of order (02:30 of the hour that is left out is 03:30)."""
    waiting: list[datetime] = []
    for at in instants:
        heappush(waiting, at)
        while at - waiting[0] > _CLOCKS_CHANGE:
            yield heappop(waiting)
    while waiting:
        yield heappop(waiting)


def _once_each(instants: Iterable[datetime]) -> Iterator[datetime]:
    last = None
    for at in instants:
        if at != last:
            last = at
            yield at
