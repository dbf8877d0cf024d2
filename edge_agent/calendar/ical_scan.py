"""The lines of an iCalendar file, before anything is made of them: bounded, unfolded, and each event with its line.

Files come by mail and from the net. What is too big, too deep or cut short is refused before a parser sees it.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta, timezone

from edge_agent.contract.errors import Refusal

MAX_BYTES = 4_000_000
MAX_LINE = 200_000
"""Letters of a line that was unfolded: the text of a bulletin three times over."""
MAX_EVENTS = 2_000
_MAX_DEPTH = 8
_OFFSET = re.compile(r"TZOFFSETTO:([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)


@dataclass(slots=True)
class Block:
    """A component without what is nested in it: the line of its BEGIN, from 1, and its content lines."""

    name: str
    line: int
    lines: list[str] = field(default_factory=list)

    def text(self) -> str:
        """As a component of its own."""
        return "\r\n".join((f"BEGIN:{self.name}", *self.lines, f"END:{self.name}", ""))


@dataclass(slots=True)
class Scanned:
    """What a file holds: events, other things that were left unread, and zones that never change their clocks."""

    events: list[Block] = field(default_factory=list)
    others: list[Block] = field(default_factory=list)
    offsets: dict[str, timezone] = field(default_factory=dict)


def scan(data: bytes) -> Scanned:
    """Read the lines of a file.

    Raises:
        Refusal: `ical.too_big`, `ical.not_text`, `ical.not_calendar`, `ical.too_deep`, `ical.too_many`, `ical.cut`,
            `ical.long_line`, `ical.nesting`.
    """
    if len(data) > MAX_BYTES:
        raise Refusal("ical.too_big", limit=MAX_BYTES // 1_000_000)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal("ical.not_text", position=error.start) from error
    lines = _unfolded(text)
    if not lines or lines[0][1].upper() != "BEGIN:VCALENDAR":
        raise Refusal("ical.not_calendar")
    found = Scanned()
    offsets: dict[str, timezone | None] = {}
    open_: list[Block] = []
    for number, line in lines:
        head, _, name = line.partition(":")
        head, name = head.strip().upper(), name.strip().upper()
        if head == "BEGIN":
            if len(open_) >= _MAX_DEPTH:
                raise Refusal("ical.too_deep", line=number)
            open_.append(Block(name, number))
        elif head == "END":
            if not open_ or open_[-1].name != name:
                raise Refusal("ical.nesting", line=number)
            _close(open_, found, offsets)
        elif open_:
            open_[-1].lines.append(line)
    if open_:
        raise Refusal("ical.cut", line=open_[-1].line)
    found.offsets = {zone: offset for zone, offset in offsets.items() if offset is not None}
    return found


def _close(open_: list[Block], found: Scanned, offsets: dict[str, timezone | None]) -> None:
    """Keep what ended, if it is of any use."""
    block = open_.pop()
    inside = [each.name for each in open_]
    if inside == ["VCALENDAR"] and block.name == "VEVENT":
        if len(found.events) >= MAX_EVENTS:
            raise Refusal("ical.too_many", limit=MAX_EVENTS)
        found.events.append(block)
    elif inside == ["VCALENDAR"] and block.name != "VTIMEZONE":
        found.others.append(block)
    elif inside == ["VCALENDAR", "VTIMEZONE"]:
        zone = next((line[5:].strip() for line in open_[-1].lines if line.upper().startswith("TZID:")), "")
        for line in block.lines:
            if (match := _OFFSET.fullmatch(line.strip())) is not None:
                offset = _offset(match)
                offsets[zone] = offset if offsets.get(zone, offset) == offset else None


def _offset(match: re.Match[str]) -> timezone | None:
    size = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return timezone(-size if match[1] == "-" else size) if size < timedelta(days=1) else None


def _unfolded(text: str) -> list[tuple[int, str]]:
    """Content lines with the number of their first line; RFC 5545 folds long ones with a space or tab."""
    lines: list[tuple[int, list[str]]] = []
    long = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line[:1] in (" ", "\t") and lines:
            lines[-1][1].append(line[1:])
            long += len(line)
        elif line.strip():
            lines.append((number, [line]))
            long = len(line)
        if long > MAX_LINE:
            raise Refusal("ical.long_line", line=number, limit=MAX_LINE)
    return [(number, "".join(parts)) for number, parts in lines]
