"""What a programme does in one day (from noon to noon, or from midnight): spans of time, and the levels in them."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from edge_agent.config.timetable import MOMENT, Period, Photocell, Programme
from edge_agent.timetable.days import Days
from edge_agent.timetable.sun import Event

_NOON, _DAY = 720, 1440
_MIDDAY = (600, 840)
"""10:00 to 14:00: no photocell can light anything then, however dark it says it is."""


class Change(NamedTuple):
    """From an instant on (seconds since 1970): a level, reached in so many seconds; whether a photocell lit it."""

    at: int
    level: float
    ramp_s: float
    photocell: bool = False


class Span(NamedTuple):
    """A part of a period. Of several the one with the latest `order` counts; `changes` are those within the period."""

    start: int
    end: int
    order: int
    changes: tuple[Change, ...]
    sensor: str | None = None
    """Counts only while this says that it is dark."""
    after: bool = False
    """Is behind the end of its period."""


class _When:
    """A moment that was read: of the clock, or of the sun with so many seconds before or after."""

    __slots__ = ("event", "minutes", "offset_s", "shift")

    def __init__(self, moment: str, noon: bool) -> None:
        match = MOMENT.match(moment)
        assert match is not None  # noqa: S101 - the model saw to it
        self.event = cast("Event | None", match[1])
        self.minutes = 0 if match[1] else int(match[3]) * 60 + int(match[4])
        self.offset_s = 60 * int((match[2] or "0m")[:-1])
        morning = self.event in ("sunrise", "dawn") if self.event else self.minutes < _NOON
        self.shift = 1 if noon and morning else 0
        """Days after the one in which the day begins."""

    def on(self, day: int, days: Days) -> int:
        if self.event is None:
            return days.clock(day + self.shift, self.minutes)
        return days.sun(day + self.shift, self.event) + self.offset_s


class _Part:
    """A period that was read."""

    def __init__(self, period: Period, noon: bool) -> None:
        self.on = _When(period.on, noon)
        self.off = _When(period.off, noon)
        begin = _NOON if noon else 0
        if self.off.event is None and self.off.minutes == begin:
            self.off.shift = 1  # the clock time with which a day begins ends it too
        self.level, self.ramp_s = float(period.level), float(period.ramp_s)
        self.steps = tuple((_When(step.at, noon), float(step.level), float(step.ramp_s)) for step in period.steps)
        self.photocell = period.photocell


class Pattern:
    """A programme that was read, ready to be laid on any day."""

    def __init__(self, programme: Programme) -> None:
        self.noon = programme.begins == "noon"
        self._parts = tuple(_Part(period, self.noon) for period in programme.parts)
        self.photocells: tuple[Photocell, ...] = tuple(
            part.photocell for part in self._parts if part.photocell is not None
        )
        self.events: frozenset[Event] = frozenset(
            when.event
            for part in self._parts
            for when in (part.on, part.off, *(step[0] for step in part.steps))
            if when.event is not None
        )
        """Of the sun, that it asks for."""

    def spans(self, day: int, days: Days, within: tuple[int, int] | None = None) -> list[Span]:
        """Its periods in a day (`within`: its instants, if known); without those that end before they begin.

        Raises:
            NoSun: the sun neither rises nor sets there.
        """
        begin, end = within or (days.begin(day, self.noon), days.begin(day + 1, self.noon))
        found: list[Span] = []
        for part in self._parts:
            on, off = max(part.on.on(day, days), begin), min(part.off.on(day, days), end)
            if on >= off:
                continue
            changes = _changes(part, on, off, day, days)
            found.append(Span(on, off, on, changes))
            if part.photocell is not None:
                found += self._assist(part.photocell, found[-1], day, days)
        return found

    def _assist(self, cell: Photocell, period: Span, day: int, days: Days) -> list[Span]:
        """Before and after a period, while it is dark."""
        ten, two = _MIDDAY
        if self.noon:
            zones = [(days.clock(day, two), days.clock(day + 1, ten))]
        else:
            zones = [(days.clock(day, 0), days.clock(day, ten)), (days.clock(day, two), days.clock(day, _DAY))]
        on, off, first, last = period.start, period.end, period.changes[0], period.changes[-1]
        found = []
        for start, end in zones:
            if start < on <= end and cell.before_min:
                early = max(start, on - 60 * cell.before_min)
                lit = Change(early, first.level, first.ramp_s, True)
                found.append(Span(early, on, on, (lit,), cell.sensor))
            if start <= off < end and cell.after_min:
                lit = Change(off, last.level, last.ramp_s, True)
                found.append(Span(off, min(end, off + 60 * cell.after_min), on, (lit,), cell.sensor, after=True))
        return found


def _changes(part: _Part, on: int, off: int, day: int, days: Days) -> tuple[Change, ...]:
    """The level with which a period begins, and its steps as far as they are within it."""
    if not part.steps:
        return (Change(on, part.level, part.ramp_s),)
    steps = [Change(when.on(day, days), level, ramp_s) for when, level, ramp_s in part.steps]
    inside = sorted((step for step in steps if on <= step.at < off), key=lambda step: step.at)
    if inside and inside[0].at == on:
        return tuple(inside)
    return (Change(on, part.level, part.ramp_s), *inside)


def lay(spans: Sequence[Span], begin: int, end: int) -> list[Change]:
    """The levels of a day, each different from the one before it; the first is that with which the day begins."""
    if not spans:
        return [Change(begin, 0.0, 0.0)]
    if len(spans) == 1:
        only = spans[0]
        laid = list(only.changes)
        if only.start > begin:
            laid.insert(0, Change(begin, 0.0, 0.0))
        if only.end < end:
            laid.append(Change(only.end, 0.0, 0.0))
    else:
        edges = {begin, *(edge for span in spans for edge in (span.start, span.end))}
        edges |= {change.at for span in spans for change in span.changes}
        laid = [_in_force(spans, at) for at in sorted(edges) if at < end]
    return _different(laid)


def _in_force(spans: Sequence[Span], at: int) -> Change:
    best: Span | None = None
    for span in spans:
        if span.start <= at < span.end and (best is None or span.order >= best.order):
            best = span
    if best is None:
        return Change(at, 0.0, 0.0)
    change = best.changes[0]
    for later in best.changes:
        if later.at <= at:
            change = later
    return change._replace(at=at)


def _different(laid: list[Change]) -> list[Change]:
    kept = laid[:1]
    for change in laid[1:]:
        before = kept[-1]
        if change.at == before.at:
            kept.pop()  # of two at one instant the later in the list counts
            if kept and kept[-1].level == change.level and kept[-1].photocell == change.photocell:
                continue
            kept.append(change)
        elif change.level != before.level or change.photocell != before.photocell:
            kept.append(change)
    return kept
