"""What a calendar asks for, computed in the plainest way: all instants of a bulletin between two others."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

from tts.lunar import lunar_date


class Instance(NamedTuple):
    """A bulletin's instance: when it is due, and where its recurrence put it."""

    at: datetime
    planned_as: datetime


def instances(bulletin: dict[str, Any], start: datetime, end: datetime, zone: ZoneInfo) -> list[Instance]:
    """All instances on air after `start` and before `end`, of a bulletin as `bulletin.plan` has it."""
    recurrence = bulletin.get("recurrence") or {}
    moved = {_instant(each["planned"]): _instant(each["at"]) for each in recurrence.get("changes", ())}
    left_out = {_instant(each) for each in recurrence.get("except", ())}
    first = _instant(bulletin["at"])
    wide = timedelta(days=400)
    found = {}
    for put in _put(first, recurrence, start - wide, end + wide, zone):
        at = moved.get(put, put)
        if put in left_out or not _valid(at, recurrence, zone) or (at in found and put not in moved):
            continue  # where two fall together, the one that was moved there stands for both
        found[at] = Instance(at, put)
    return sorted(each for each in found.values() if start < each.at < end)


def _put(
    first: datetime, recurrence: dict[str, Any], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """Where the recurrence puts it, each instant once."""
    extra = {_instant(each) for each in recurrence.get("also", ())}
    if not recurrence:
        regular = {first}
    elif recurrence.get("rule"):
        regular = set(_by_rule(first, recurrence["rule"], start, end, zone))
    else:
        regular = set(_by_moon(first, recurrence["lunar"], start, end, zone))
    yield from sorted(regular | extra)


def _by_rule(first: datetime, rule: str, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    local = first.astimezone(zone).replace(tzinfo=None)
    parts = dict(part.split("=") for part in rule.upper().removeprefix("RRULE:").split(";"))
    if "UNTIL" in parts:  # in UTC, but the rule runs in local time
        until = datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}"
    rules = rruleset()
    rules.rrule(rrulestr(";".join("=".join(part) for part in parts.items()), dtstart=local))
    low, high = (each.astimezone(zone).replace(tzinfo=None) for each in (start, end))
    for each in rules.between(low, high, inc=True):
        yield each.replace(tzinfo=zone).astimezone(UTC)


def _by_moon(
    first: datetime, lunar: dict[str, Any], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    time = first.astimezone(zone).time()
    day = max(first, start).astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        at = datetime.combine(day, time, zone).astimezone(UTC)
        if at >= first and _lunar_day(day, lunar):
            yield at
        day += timedelta(days=1)


def _lunar_day(day: date, lunar: dict[str, Any]) -> bool:
    if lunar.get("before_tet") is not None:
        tet = lunar_date(day + timedelta(days=lunar["before_tet"]))
        return (tet.day, tet.month, tet.leap) == (1, 1, False)
    here, tomorrow = lunar_date(day), lunar_date(day + timedelta(days=1))
    days = {here.day} | ({30} if tomorrow.day == 1 else set())
    leap = lunar.get("leap") or ("never" if lunar.get("month") else "also")
    if (here.leap and leap == "never") or (not here.leap and leap == "only"):
        return False
    return bool(days & set(lunar["days"])) and lunar.get("month") in (None, here.month)


def _valid(at: datetime, recurrence: dict[str, Any], zone: ZoneInfo) -> bool:
    day = at.astimezone(zone).date().isoformat()
    return (recurrence.get("valid_from") or "") <= day <= (recurrence.get("valid_to") or "9999")


def _instant(text: str | datetime) -> datetime:
    """To the millisecond, as events have it."""
    at = (text if isinstance(text, datetime) else datetime.fromisoformat(text)).astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
