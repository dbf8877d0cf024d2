"""Bulletins -> iCalendar (RFC 5545), as calendars of phones and offices read it.

Lunar days, which those do not know, go out one by one for the coming years. What only we understand stands in
`X-EDGE-BULLETIN`, so that a file that comes back is the same bulletin again; an approval does not travel so.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge_agent.calendar.occurrences import Occurrence, between, next_after, occurrences
from edge_agent.calendar.plan import estimate_s
from edge_agent.calendar.rules import last_of, rule_of
from edge_agent.contract.bulletins import Bulletin, Change, Recurrence
from edge_agent.contract.recurrence import parts_of
from edge_agent.contract.segments import Text

if TYPE_CHECKING:
    from icalendar import Event

LUNAR_DAYS_AHEAD = 2 * 366
_LEAST = timedelta(minutes=1)
DOMAIN = "@edge-agent"


def to_ical(bulletins: Iterable[Bulletin], zone: ZoneInfo, *, name: str, now: datetime) -> bytes:
    """The calendar as an .ics file, times in `zone`. What has no instance any more is left out."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//edge-agent//calendar//VI")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone.key)
    for bulletin in bulletins:
        if not _is_ever(bulletin, zone):
            continue
        for event in _events(bulletin, zone, now):
            calendar.add_component(event)
    calendar.add_missing_timezones(first_date=date(2020, 1, 1), last_date=date(2101, 1, 1))
    written: bytes = calendar.to_ical()
    return written


def _is_ever(bulletin: Bulletin, zone: ZoneInfo) -> bool:
    """Whether it has any instance, be it one that was moved to before its beginning."""
    recurrence = bulletin.recurrence
    added = () if recurrence is None else (*recurrence.also, *(change.at for change in recurrence.changes))
    return next_after(bulletin, min((bulletin.at, *added)) - timedelta.resolution, zone) is not None


def plain(text: str) -> str:
    """A text as iCalendar can carry it: no control characters but the line feed and the tab."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in text if letter in "\n\t" or (letter >= " " and letter != "\x7f")).strip("\n")


def _events(bulletin: Bulletin, zone: ZoneInfo, now: datetime) -> "Iterator[Event]":
    recurrence = bulletin.recurrence
    if recurrence is None:
        yield _event(bulletin, zone, now, bulletin.at)
    elif recurrence.lunar is not None:
        start = max(now, bulletin.at)
        for each in between([bulletin], start, start + timedelta(days=LUNAR_DAYS_AHEAD), zone):
            local = each.planned_as.astimezone(zone)
            event = _event(bulletin, zone, now, each.at, each)
            event["uid"] = f"{bulletin.id}-{local:%Y%m%d}{DOMAIN}"
            yield event
    else:
        yield from _recurring(bulletin, recurrence, zone, now)


def _recurring(bulletin: Bulletin, recurrence: Recurrence, zone: ZoneInfo, now: datetime) -> "Iterator[Event]":
    """One event with the rule, and one for each instance that is different."""
    from icalendar import vRecur

    bare = recurrence.model_copy(update={"also": (), "except_": (), "changes": ()})
    first = next(_instances(bulletin, bare, zone), None)
    valid = Bulletin.model_copy(bulletin, update={"recurrence": recurrence.model_copy(update={"changes": ()})})
    also = [at for at in recurrence.also if _is_instance(valid, at, zone)]
    if first is None and not also:
        return
    event = _event(bulletin, zone, now, first or min(also))
    if first is not None:
        event.add("rrule", vRecur.from_ical(_rule(bulletin, bare, zone)))
    else:
        also.remove(min(also))
    moved = [change for change in recurrence.changes if _is_instance(valid, change.planned, zone)]
    kept = {each.planned_as for each in _changed(bulletin, moved, zone)}
    left_out = {*recurrence.except_, *(change.planned for change in moved if change.planned not in kept)}
    if left_out:
        event.add("exdate", [at.astimezone(zone) for at in sorted(left_out)])
    if also:
        event.add("rdate", [at.astimezone(zone) for at in sorted(also)])
    yield event
    for each in _changed(bulletin, moved, zone):
        override = _event(bulletin, zone, now, each.at, each)
        override.add("recurrence-id", each.planned_as.astimezone(zone))
        yield override


def _event(bulletin: Bulletin, zone: ZoneInfo, now: datetime, at: datetime, each: Occurrence | None = None) -> "Event":
    from icalendar import Event, vDuration

    event = Event()
    event.add("uid", bulletin.id + DOMAIN)
    event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", at.astimezone(zone))
    length = timedelta(seconds=round(estimate_s(bulletin) or 300))
    event["duration"] = vDuration(max(_LEAST, length))
    event.add("summary", plain(bulletin.title))
    event.add("description", plain(each.text if each is not None and each.text else words(bulletin)))
    event.add("categories", [bulletin.class_])
    event.add("x-edge-class", bulletin.class_)
    volume = bulletin.volume if each is None or each.volume is None else each.volume
    event.add("x-edge-volume", f"{volume:g}")
    body = bulletin.model_dump_json(by_alias=True, exclude={"approval"}, exclude_none=True)
    event.add("x-edge-bulletin", body)
    return event


def words(bulletin: Bulletin) -> str:
    """What a person reads in the calendar: the text, or the texts among the segments."""
    return "\n".join(segment.text for segment in bulletin.parts() if isinstance(segment, Text))


def _instances(bulletin: Bulletin, recurrence: Recurrence, zone: ZoneInfo) -> Iterator[datetime]:
    bare = bulletin.model_copy(update={"recurrence": recurrence})
    after = bulletin.at - timedelta.resolution
    if recurrence.valid_from is not None:
        after = max(after, datetime.combine(recurrence.valid_from, time(), zone) - timedelta.resolution)
    return (each.at for each in occurrences(bare, after, zone))


def _is_instance(bulletin: Bulletin, at: datetime, zone: ZoneInfo) -> bool:
    return bool(between([bulletin], at, at + timedelta.resolution, zone))


def _changed(bulletin: Bulletin, changes: list[Change], zone: ZoneInfo) -> list[Occurrence]:
    """The instances that the changes make, but for those that end up on no valid day."""
    if not changes:
        return []
    ends = [change.at for change in changes]
    planned = {change.planned for change in changes}
    found = between([bulletin], min(ends), max(ends) + timedelta.resolution, zone)
    return [each for each in found if each.planned_as in planned]


def _rule(bulletin: Bulletin, bare: Recurrence, zone: ZoneInfo) -> str:
    """The rule from its first valid instance on: days of validity become UNTIL, and so does a COUNT that they cut."""
    parts = parts_of(bare.rule or "")
    if bare.valid_from is None and bare.valid_to is None:
        return bare.rule or ""
    ends = []
    if bare.valid_to is not None:
        ends.append(datetime.combine(bare.valid_to, time(23, 59, 59), zone).astimezone(UTC))
    if parts.pop("COUNT", None) is not None:
        begin = bulletin.at.astimezone(zone).replace(tzinfo=None)
        ends.append(last_of(rule_of(f"{bare.rule}", begin, zone)).replace(tzinfo=zone))
    if "UNTIL" in parts:
        ends.append(datetime.strptime(parts.pop("UNTIL"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    if ends:
        parts["UNTIL"] = f"{min(ends).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return ";".join(f"{part}={value}" for part, value in parts.items())
