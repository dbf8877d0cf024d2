"""Make events of what single pictures show: begin, end, quiet, doubt. Knows no picture and no clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from camera.eye.finder import Body, Found
from camera.model import MotionEvent
from camera.settings import Motion

_REACH_LENGTHS_S = 3.0
"""Own lengths that a body may cover in a second: a walker does one, a car three."""
BETTER = 1.25
"""A picture must show so much more motion to become the event's picture, with its area and score: each costs a JPEG."""
_WAIT_S = 6.0
"""How long a doubtful picture waits for its second, at least."""
_ALIKE_SIZE, _ALIKE_HIGH = 6.0, 2.5
_FEET = 0.75
"""So many own heights may its lower edge rise or sink: bodies go on the ground, drops and insects anywhere."""

_GOES_ON = 0.6
"""What is faint must be so many own widths away: leaves sway where they are."""


class Doubts:
    """Lets a doubtful picture count only when the next ones show a body of its size within its reach."""

    def __init__(self) -> None:
        self._pending: list[tuple[datetime, datetime, Found]] = []

    def ask(self, found: Found | None, at: datetime, since: datetime) -> datetime | None:
        """Return when the motion in the picture of `at` began, None when there is none or it is not sure yet.

        `since` is when the picture before was taken: motion began after it.
        """
        wait_s = max(_WAIT_S, 2.5 * (at - since).total_seconds())
        self._pending = [entry for entry in self._pending if (at - entry[1]).total_seconds() <= wait_s]
        if found is None:
            return None
        known = [begin for begin, seen, earlier in self._pending if _one_body(earlier, found, (at - seen))]
        if found.doubtful and not known:
            self._pending = [*self._pending[-7:], (since, at, found)]
            return None
        begin = min([since, *known])
        self._pending = [(begin, at, found)]
        return begin


def _one_body(earlier: Found, later: Found, passed: timedelta) -> bool:
    """Tell whether both show the same body, as far as can be told."""
    ones = earlier.bodies or (Body(earlier.box, earlier.score),)
    others = later.bodies or (Body(later.box, later.score),)
    return any(_may_be(one, other, passed.total_seconds()) for one in ones for other in others)


def _may_be(one: Body, other: Body, passed_s: float) -> bool:
    """Tell whether a body of like size can have come so far."""
    if max(one.size, other.size) > _ALIKE_SIZE * min(one.size, other.size):
        return False
    a, b = one.box, other.box
    high = max(a[3] - a[1], b[3] - b[1])
    if high > _ALIKE_HIGH * min(a[3] - a[1], b[3] - b[1]) or abs(a[3] - b[3]) > _FEET * high + 0.02:
        return False
    long = max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    away = math.dist(_middle(a), _middle(b))
    if (one.faint or other.faint) and away < _GOES_ON * max(a[2] - a[0], b[2] - b[0]):
        return False
    return away <= 0.06 + long * _REACH_LENGTHS_S * passed_s


def _middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


@dataclass(slots=True)
class _Open:
    """An event that goes on."""

    event: MotionEvent
    last: datetime
    """The last picture with motion."""
    after: datetime | None
    """The first picture without motion after it."""
    told: bool


class EventMaker:
    """Joins the motion of pictures to events. One for each camera."""

    def __init__(self, camera: str, settings: Motion) -> None:
        self._camera, self._settings = camera, settings
        self._open: _Open | None = None

    @property
    def open(self) -> MotionEvent | None:
        """The event that goes on, told or not yet."""
        return self._open.event if self._open is not None else None

    def moving(self, begin: datetime, at: datetime, found: Found, label: str | None = None) -> list[MotionEvent]:
        """Take a picture with motion; return the events that began or ended with it.

        `begin` is when the picture before was taken. An event that lasts too long is closed, another begins.
        """
        told: list[MotionEvent] = []
        current = self._open
        if current is not None and (at - current.event.begin).total_seconds() > self._settings.longest_s:
            told += self._close(at)
            begin, current = at, None
        if current is None:
            event = MotionEvent(self._id(begin), self._camera, begin, None, found.zones, found.score, label, found.box)
            current = self._open = _Open(event, at, None, told=False)
        else:
            current.event = _joined(current.event, found, label)
            current.last, current.after = at, None
        if not current.told and (at - current.event.begin).total_seconds() >= self._settings.persist_s:
            current.told = True
            told.append(current.event)
        return told

    def still(self, at: datetime) -> list[MotionEvent]:
        """Take a picture without motion, or none for a long time; return the event that ended with it."""
        current = self._open
        if current is None:
            return []
        current.after = current.after or at
        if (at - current.last).total_seconds() < self._settings.quiet_s:
            return []
        return self._close(current.after)

    def finish(self) -> list[MotionEvent]:
        """End the event that goes on, at its last picture with motion: no picture comes any more."""
        return self._close(self._open.after or self._open.last) if self._open is not None else []

    def _close(self, end: datetime) -> list[MotionEvent]:
        current, self._open = self._open, None
        if current is None or not current.told:
            return []
        return [replace(current.event, end=end)]

    def _id(self, begin: datetime) -> str:
        return f"{begin:%Y%m%dT%H%M%S}{begin.microsecond // 1000:03d}-{self._camera}"


def _joined(event: MotionEvent, found: Found, label: str | None) -> MotionEvent:
    zones = tuple(sorted({*event.zones, *found.zones}))
    if found.score >= BETTER * event.score:
        return replace(event, zones=zones, score=found.score, box=found.box, label=label or event.label)
    return replace(event, zones=zones, label=event.label or label)
