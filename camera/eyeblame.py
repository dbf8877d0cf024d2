"""What the watchman keeps of one camera: its pictures, its open event, and whether they are what kills the eye."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from camera.eyefeed import Pending
from camera.model import MotionEvent

REST_S = 600.0
"""How long a camera rests whose pictures killed the eye twice running."""
_DEADLY = 2
_HARMLESS = 20
"""So many pictures looked at without harm make earlier deaths forgotten."""


class Looked:
    """Not thread-safe: the watchman's lock guards it."""

    def __init__(self, pending: Pending) -> None:
        self.pending = pending
        self.faulty = False
        """Whether a fault of its was told that is not cleared yet."""
        self.event: MotionEvent | None = None
        self.cut = False
        """Whether the eye is to be told that the stream broke off while something moved."""
        self._number = 0
        self._deaths = self._harmless = 0
        self._rests_until_s = 0.0
        self._seen_at: datetime | None = None

    def next_number(self) -> int:
        """Return the number of the next picture that is handed over."""
        self._number += 1
        return self._number

    def rests(self) -> bool:
        """Return whether its pictures are left out for now."""
        return time.monotonic() < self._rests_until_s

    def seen(self, at: datetime) -> None:
        """The eye has answered a picture of it."""
        self._seen_at = at
        self._harmless += 1
        if self._harmless >= _HARMLESS:
            self._deaths = 0

    def killed(self) -> bool:
        """The eye died over a picture of it; return whether the camera rests from now on."""
        self._deaths += 1
        self._harmless = 0
        if self._deaths < _DEADLY:
            return False
        self._deaths = 0
        self._rests_until_s = time.monotonic() + REST_S
        self.pending.clear()
        return True

    def ended_event(self) -> MotionEvent | None:
        """Return its open event as it ends when nobody looks any more: with the last picture that was seen."""
        if self.event is None:
            return None
        return replace(self.event, end=max(self.event.begin, self._seen_at or self.event.begin))
