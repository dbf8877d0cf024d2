"""One meter that gives pulses: counted in the module's thread, kept in a file now and then."""

import time
from collections import deque
from collections.abc import Callable

from drivers.gpio.config import InputLine
from drivers.gpio.pins import Pins

WINDOW_S = 10.0
"""Seconds over which the flow is taken: at 1 litre a minute a meter of 450 pulses a litre gives 75 in it."""


class Pulses:
    """Counts up for ever. The count is that of all its life, taken up from the file where it was kept."""

    def __init__(self, entry: InputLine, pins: Pins, clock: Callable[[], float] = time.monotonic) -> None:
        self._entry = entry
        self._pins = pins
        self._clock = clock
        self._last = -1e9
        self._before = False
        self._seen: deque[tuple[float, int]] = deque()
        self.count = 0
        self.edges = False

    def open(self, count: int) -> None:
        """Claim the pin and go on from `count`."""
        self.count = count
        self._seen.clear()
        pins = self._pins
        edge = pins.edge("falling" if self._entry.active_low else "rising")
        self.edges = pins.listen(self._entry.pin, pins.pull(self._entry.pull), edge, self._edge)
        self._before = self._read()
        self.look()

    def close(self) -> None:
        """Count no more."""
        if self.edges:
            self._pins.deafen(self._entry.pin)

    def poll(self) -> None:
        """Where there are no edges: counts what a look now and then can see."""
        now = self._read()
        if now and not self._before:
            self._edge()
        self._before = now

    def look(self) -> None:
        """Remember the count of now, for the flow."""
        now = self._clock()
        self._seen.append((now, self.count))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    def total(self) -> float:
        """Units counted."""
        return self.count / self._scale

    def rate(self) -> float:
        """Units a minute, over the last seconds."""
        begin, first = self._seen[0]
        passed = self._clock() - begin
        return (self.count - first) / self._scale * 60 / passed if passed > 0 else 0.0

    @property
    def _scale(self) -> float:
        return self._entry.counts_per_unit or 1.0

    def _edge(self) -> None:
        now = self._clock()
        if now - self._last >= self._entry.debounce_ms / 1000:
            self.count += 1  # only this thread writes it
            self._last = now

    def _read(self) -> bool:
        return bool(self._pins.read(self._entry.pin)) != self._entry.active_low
