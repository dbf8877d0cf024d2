"""A microphone with its own crystal, put on the grid of the system's clock. numpy: for the mouth only."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATE = 48_000
_STEP = 0.001
"""Steepest correction: 1 ms a second. No ear hears it, and no crystal is that wrong."""
_JUMP_S = 0.1
"""Further off than this, samples were lost: go where they are."""
_WINDOW_S = 2.0
_EASE = 0.4


class Grid:
    """Takes blocks as they come, each with the instant at which it was handed over; gives samples from an instant on.

    A block is never handed over before its last sample was spoken, often later: the earliest of each window counts.
    """

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)
        self._first = 0  # number of the first held sample
        self._window: list[float] = []
        self._window_end = 0
        self._zero: float | None = None
        self._place: float | None = None
        self._asked = 0

    def put(self, block: Floats, at: float) -> None:
        """A block that was handed over at `at` (seconds of any clock that goes on)."""
        self._held = np.concatenate((self._held, block))
        end = self._first + len(self._held)
        self._window.append(at - end / RATE)
        if self._zero is None or (self._window_end == 0 and self._place is None):
            self._zero = min(self._window[-50:])
        if end >= self._window_end + _WINDOW_S * RATE:
            self._zero += _EASE * (min(self._window) - self._zero)
            if abs(min(self._window) - self._zero) > _JUMP_S:
                self._zero = min(self._window)
            self._window, self._window_end = [], end
        if self._place is None:  # nobody has begun to take: keep what a late start may want
            self._drop(len(self._held) - RATE)

    def take(self, start: float, count: int) -> Floats | None:
        """The next `count` samples of a stream that begins at the instant `start`; None until they are there."""
        if self._zero is None:
            return None
        end = (start + (self._asked + count) / RATE - self._zero) * RATE
        if self._place is None or abs(end - count - self._place) > _JUMP_S * RATE:
            self._place = end - count
        step = float(np.clip((end - self._place) / count, 1 - _STEP, 1 + _STEP))
        places = self._place + step * np.arange(count)
        if places[-1] + 3 > self._first + len(self._held):
            return None
        self._place += step * count
        self._asked += count
        out = self._between(places - self._first)
        self._drop(int(self._place) - 2 - self._first)
        return out

    def _between(self, places: "NDArray[np.floating]") -> Floats:
        """Cubic interpolation through four neighbours (Catmull and Rom); what is before the first sample is silence."""
        whole = np.floor(places).astype(np.int64)
        t = (places - whole).astype(np.float32)
        padded = np.concatenate((np.zeros(1, np.float32), self._held))
        valid = whole >= 0
        a, b, c, d = (padded[np.clip(whole + shift, 0, len(padded) - 1)] for shift in range(4))
        curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        return np.where(valid, curve, np.float32(0)).astype(np.float32)

    def _drop(self, count: int) -> None:
        count = min(count, len(self._held))
        if count > 0:
            self._held = self._held[count:]
            self._first += count
