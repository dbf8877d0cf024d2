"""When a bulletin is heard: its instants, by the same meaning that the nodes give to a recurrence.

Only the rules that a sentence of the plan can say are known here: every day, on weekdays, on days of the month, on
days of the moon, before Tet. That the nodes reckon the same is held by a test.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge_agent.contract.bulletins import LunarDays, Recurrence
from edge_agent.contract.recurrence import parts_of
from hub.bulletins.model import Schedule
from hub.lunar import lunar

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
YEAR = timedelta(days=366)
LONGEST = timedelta(days=12 * 366)
"""So far ahead is looked: ten times a day of the moon that comes once a year."""
_KNOWN = {"DAILY": set[str](), "WEEKLY": {"BYDAY"}, "MONTHLY": {"BYMONTHDAY"}}


class Instance(NamedTuple):
    """One time on air. `planned`: where the rule put it; another instant than `at` only where it was moved."""

    at: datetime
    planned: datetime


def instances(schedule: Schedule, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Instance]:
    """Those from `start` on and before `end`, the earliest first."""
    again = schedule.recurrence
    if again is None:
        if start <= schedule.at < end:
            yield Instance(schedule.at, schedule.at)
        return
    elsewhere = {change.planned for change in again.changes}
    rest = (Instance(at, at) for at in _planned(schedule, start, end, zone) if at not in elsewhere)
    moved = sorted(
        Instance(change.at, change.planned)
        for change in again.changes
        if start <= change.at < end
        and _within(again, change.at, zone)
        and change.planned in _planned(schedule, change.planned, change.planned + timedelta.resolution, zone)
    )
    yield from _merged(moved, rest)


def coming(schedule: Schedule, after: datetime, zone: ZoneInfo, most: int = 10) -> list[Instance]:
    """The next of them after an instant, at most `most`, as far ahead as is looked."""
    found: list[Instance] = []
    start = after + timedelta.resolution
    for instance in instances(schedule, start, max(start, schedule.at) + LONGEST, zone):
        found.append(instance)
        if len(found) >= most:
            break
    return found


def is_known(recurrence: Recurrence | None) -> bool:
    """Whether a sentence can say it."""
    if recurrence is None or recurrence.lunar is not None:
        return True
    parts = parts_of(recurrence.rule or "")
    freq = parts.pop("FREQ")
    plain = all(day in WEEKDAYS for day in parts.get("BYDAY", "MO").split(","))
    positive = all(day.isdigit() for day in parts.get("BYMONTHDAY", "1").split(","))
    return freq in _KNOWN and set(parts) <= _KNOWN[freq] and plain and positive


def _merged(moved: list[Instance], rest: Iterator[Instance]) -> Iterator[Instance]:
    """Both in order; of two at the same instant only the one that was moved there."""
    waiting = list(moved)
    for instance in rest:
        while waiting and waiting[0].at < instance.at:
            yield waiting.pop(0)
        if not waiting or waiting[0].at != instance.at:
            yield instance
    yield from waiting


def _planned(schedule: Schedule, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Of the rule and what was added, without what was left out; nothing moved yet."""
    again = schedule.recurrence
    assert again is not None  # noqa: S101 - the caller looked
    left_out, also = frozenset(again.except_), sorted(at for at in {*again.also} if start <= at < end)
    for at in _with(_of_rule(schedule, again, start, end, zone), also):
        if at not in left_out and _within(again, at, zone):
            yield at


def _with(rule: Iterator[datetime], also: list[datetime]) -> Iterator[datetime]:
    for at in rule:
        while also and also[0] < at:
            yield also.pop(0)
        if also and also[0] == at:
            also.pop(0)
        yield at
    yield from also


def _of_rule(
    schedule: Schedule, again: Recurrence, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    first = schedule.at.astimezone(zone)
    falls = _falls_on(again, first.date())
    day = max(start, schedule.at).astimezone(zone).date()
    last = min(end.astimezone(zone).date(), again.valid_to or date.max)
    while day <= last:
        if falls(day):
            at = datetime.combine(day, first.time(), zone).astimezone(UTC)
            if start <= at < end and at >= schedule.at:
                yield at
        day += timedelta(days=1)


def _falls_on(again: Recurrence, first: date) -> Callable[[date], bool]:
    if again.lunar is not None:
        wanted = again.lunar
        return lambda day: _by_moon(wanted, day)
    parts = parts_of(again.rule or "")
    match parts["FREQ"]:
        case "WEEKLY":
            days = {WEEKDAYS.index(name) for name in parts.get("BYDAY", WEEKDAYS[first.weekday()]).split(",")}
            return lambda day: day.weekday() in days
        case "MONTHLY":
            numbers = {int(number) for number in parts.get("BYMONTHDAY", str(first.day)).split(",")}
            return lambda day: day.day in numbers
        case _:
            return lambda _: True


def _by_moon(wanted: LunarDays, day: date) -> bool:
    if wanted.before_tet is not None:
        tet = lunar(day + timedelta(days=wanted.before_tet))
        return tet is not None and (tet.day, tet.month, tet.leap) == (1, 1, False)
    found = lunar(day)
    if found is None or wanted.month not in (None, found.month):
        return False
    leap = wanted.in_leap_months
    if leap != "also" and found.leap != (leap == "only"):
        return False
    if found.day in wanted.days:
        return True
    after = lunar(day + timedelta(days=1)) if found.day == 29 and 30 in wanted.days else None
    return after is not None and after.day == 1


def _within(again: Recurrence, at: datetime, zone: ZoneInfo) -> bool:
    day = at.astimezone(zone).date()
    return (again.valid_from or day) <= day <= (again.valid_to or day)
