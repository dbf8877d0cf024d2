"""iCalendar (RFC 5545) -> bulletins, and a list of what could not be taken and why, each with its line."""

import hashlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from edge_agent.calendar.ical_scan import Block, scan
from edge_agent.calendar.ical_times import EventTimes, rule_text
from edge_agent.calendar.ical_write import DOMAIN, plain, words
from edge_agent.calendar.occurrences import between
from edge_agent.contract import invalid
from edge_agent.contract.base import NAME_PATTERN
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault, Refusal

if TYPE_CHECKING:
    from icalendar import Event

MAX_BULLETINS = 500
_TAG = re.compile(r"(?i)</?(a|b|br|div|em|font|h[1-6]|html|i|li|ol|p|span|strong|u|ul)(\s[^<>]{0,500})?/?>")
_BREAK = re.compile(r"(?i)<br\s*/?>|</(p|div|li)>")


@dataclass(frozen=True, slots=True)
class Untaken:
    """An event, or a part of one, that no bulletin was made of."""

    line: int
    uid: str
    fault: Fault


@dataclass(slots=True)
class Imported:
    """What a file gave."""

    bulletins: list[Bulletin] = field(default_factory=list)
    untaken: list[Untaken] = field(default_factory=list)


@dataclass(slots=True)
class _Series:
    """Events of one UID: the one with the rule, and the instances that differ."""

    masters: list[tuple[Block, "Event"]] = field(default_factory=list)
    others: list[tuple[Block, "Event"]] = field(default_factory=list)


def from_ical(data: bytes, zone: ZoneInfo, *, trust_class: bool = False) -> Imported:
    """Make bulletins of an .ics file; times without a zone are taken as local.

    A file makes no siren: an emergency is taken as a priority bulletin, and told, unless `trust_class`.

    Raises:
        Refusal: the file as a whole cannot be read, see `edge_agent.calendar.ical_scan.scan`.
    """
    scanned, imported = scan(data), Imported()
    for block in scanned.others:
        imported.untaken.append(Untaken(block.line, "-", Fault.of("ical.component", name=block.name[:40])))
    times = EventTimes(zone, scanned.offsets)
    taken: dict[str, Bulletin] = {}
    for uid, series in _series(scanned.events, imported).items():
        for block, _event in series.masters[1:]:
            imported.untaken.append(Untaken(block.line, uid, Fault.of("ical.same_uid")))
        if not series.masters:
            imported.untaken += [Untaken(block.line, uid, Fault.of("ical.no_master")) for block, _ in series.others]
            continue
        block, event = series.masters[0]
        try:
            bulletin = _bulletin(uid, event, times, changed=bool(series.others))
            if bulletin.class_ == "emergency" and not trust_class:
                bulletin = bulletin.model_copy(update={"class_": "priority"})
                imported.untaken.append(Untaken(block.line, uid, Fault.of("ical.emergency")))
            lunar = bulletin.recurrence is not None and bulletin.recurrence.lunar is not None
            if bulletin.recurrence is not None and not lunar:
                bulletin = _with_changes(bulletin, uid, series.others, times, imported)
            if bulletin.id not in taken and len(taken) >= MAX_BULLETINS:
                raise Refusal("ical.too_many", limit=MAX_BULLETINS)
            if taken.setdefault(bulletin.id, bulletin) != bulletin:
                raise Refusal("ical.same_uid")
            if lunar and not _is_instance(bulletin, times.start(event), times.zone):
                raise Refusal("ical.lunar")
        except Refusal as refusal:
            imported.untaken.append(Untaken(block.line, uid, refusal.fault))
    imported.bulletins = list(taken.values())
    imported.untaken.sort(key=lambda each: each.line)
    return imported


def _series(blocks: Iterable[Block], imported: Imported) -> dict[str, _Series]:
    from icalendar import Event

    found: dict[str, _Series] = {}
    for block in blocks:
        try:
            event = cast(Event, Event.from_ical(block.text()))
        except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:  # whatever it stumbles over
            imported.untaken.append(Untaken(block.line, "-", Fault.of("ical.broken", detail=str(error)[:200])))
            continue
        uid = str(_one(event, "UID") or f"line-{block.line}")[:200]
        if str(_one(event, "STATUS") or "").upper() == "CANCELLED" and "RECURRENCE-ID" not in event:
            imported.untaken.append(Untaken(block.line, uid, Fault.of("ical.cancelled")))
            continue
        series = found.setdefault(uid, _Series())
        (series.others if "RECURRENCE-ID" in event else series.masters).append((block, event))
    return found


def _one(event: "Event", name: str) -> Any:
    """A property that may stand once; the first where it stands more often."""
    value = event.get(name)
    return value[0] if isinstance(value, list) and value else value


def _bulletin(uid: str, event: "Event", times: EventTimes, *, changed: bool) -> Bulletin:
    """Raises Refusal with the first reason why there is no bulletin in it."""
    known = _known(event)
    title, text = plain(str(_one(event, "SUMMARY") or "")), _text(event)
    if known is not None:
        made = known.model_dump(by_alias=True, exclude={"approval"}, exclude_none=True)
        if title and title != plain(known.title):
            made["title"] = title[:200]
        if known.text is not None and text and _description(event) != plain(words(known)):
            made["text"] = text
        if known.recurrence is not None and known.recurrence.lunar is not None:
            return _validated(made)
    else:
        if not (text or title):
            raise Refusal("ical.no_text")
        made = {"id": _id(uid), "title": title[:200] or text[:60], "text": text or title}
    for name, key in (("X-EDGE-CLASS", "class"), ("X-EDGE-VOLUME", "volume")):
        if (value := _one(event, name)) is not None:
            made[key] = str(value)
    at = times.start(event)
    return _validated({**made, "at": at, "recurrence": _recurrence(event, at, times, changed=changed)})


def _known(event: "Event") -> Bulletin | None:
    """What we wrote ourselves, if it still can be read; otherwise the event counts as anybody's."""
    value = _one(event, "X-EDGE-BULLETIN")
    try:
        return Bulletin.model_validate_json(str(value)) if value is not None else None
    except ValidationError:
        return None


def _text(event: "Event") -> str:
    """The description in plain words: some calendars write HTML."""
    text = _description(event)
    if _TAG.search(text):
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    return plain(text)


def _description(event: "Event") -> str:
    return plain(str(_one(event, "DESCRIPTION") or ""))


def _id(uid: str) -> str:
    name = uid.removesuffix(DOMAIN).lower()
    return name if re.match(NAME_PATTERN, name) else f"ical-{hashlib.sha256(uid.encode()).hexdigest()[:16]}"


def _validated(made: dict[str, Any]) -> Bulletin:
    try:
        return Bulletin.model_validate(made)
    except ValidationError as error:
        raise Refusal("ical.invalid", **invalid.first(error)) from error


def _recurrence(event: "Event", at: datetime, times: EventTimes, *, changed: bool) -> dict[str, Any] | None:
    rules = event.get("RRULE")
    also, left_out = times.listed(event, "RDATE"), times.listed(event, "EXDATE")
    if rules is None:
        if not also and not left_out and not changed:
            return None
        return {"rule": "FREQ=DAILY;COUNT=1", "also": also, "except": left_out}
    rule = rule_text(rules, times.start_of(event), times.zone)
    made = {"rule": rule, "also": also, "except": left_out}
    probe = _validated({"id": "probe", "title": "-", "text": "-", "at": at, "recurrence": {"rule": rule}})
    if not _is_instance(probe, at, times.zone):
        # RFC 5545 counts the start as the first instance even where the rule itself would not put one
        made["also"] = [at, *also]
        if (count := re.search(r"COUNT=(\d+)", rule)) is not None:
            left = int(count[1]) - 1
            made["rule"] = rule.replace(count[0], f"COUNT={left}" if left else "UNTIL=20200101T000000Z")
    return made


def _is_instance(bulletin: Bulletin, at: datetime, zone: ZoneInfo) -> bool:
    return bool(between([bulletin], at, at + timedelta.resolution, zone))


def _with_changes(
    bulletin: Bulletin, uid: str, others: list[tuple[Block, "Event"]], times: EventTimes, imported: Imported
) -> Bulletin:
    """The bulletin with the instances that differ; one that cannot be taken leaves its instance as the rule put it."""
    assert bulletin.recurrence is not None  # noqa: S101 - the caller looked
    changes: dict[datetime, dict[str, Any]] = {}
    left_out = list(bulletin.recurrence.except_)
    for block, event in others:
        try:
            planned = times.instance(event, bulletin.at)
            if not _is_instance(bulletin, planned, times.zone) or planned in changes:
                raise Refusal("ical.no_instance", at=f"{planned.astimezone(times.zone):%H:%M %d/%m/%Y}")
            if str(_one(event, "STATUS") or "").upper() == "CANCELLED":
                left_out.append(planned)
                continue
            changes[planned] = {"planned": planned, "at": times.start(event), **_different(bulletin, event)}
        except Refusal as refusal:
            imported.untaken.append(Untaken(block.line, uid, refusal.fault))
    if not changes and not left_out:
        return bulletin
    made = bulletin.recurrence.model_dump(by_alias=True) | {"changes": list(changes.values()), "except": left_out}
    return _validated({**bulletin.model_dump(by_alias=True), "recurrence": made})


def _different(bulletin: Bulletin, event: "Event") -> dict[str, Any]:
    """Words and volume of an instance, where they are not those of the others."""
    made: dict[str, Any] = {}
    text = _text(event) or ("" if bulletin.text is None else plain(str(_one(event, "SUMMARY") or "")))
    if text and _description(event) != plain(words(bulletin)) and text != plain(bulletin.title):
        made["text"] = text
    volume = _one(event, "X-EDGE-VOLUME")
    if volume is not None and str(volume) != f"{bulletin.volume:g}":
        made["volume"] = str(volume)
    return made
