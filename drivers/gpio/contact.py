"""One contact: a door, a breaker, a float switch. Its edges come in a foreign thread, its value changes on the loop."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from drivers.contract import DriverFault
from drivers.gpio.config import InputLine
from drivers.gpio.pins import Pins

RESTLESS_S = 2.0
"""A contact without rest for so long is broken, or has no resistor: nobody knows what it says."""


class Contact:
    """Debounced: a value counts when the line was at rest for `debounce_ms`. One call in flight, however it chatters.

    Raises DriverFault `driver.bad_value`.
    """

    def __init__(self, line: str, entry: InputLine, pins: Pins, changed: Callable[[bool], None]) -> None:
        """`changed` is called on the event loop."""
        self._line = line
        self._entry = entry
        self._pins = pins
        self._changed = changed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._edge_at = 0.0
        self._restless_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._value = False
        self.edges = False

    def open(self) -> None:
        """Claim the pin, read it, listen to its edges."""
        self._loop = asyncio.get_running_loop()
        pins = self._pins
        self.edges = pins.listen(self._entry.pin, pins.pull(self._entry.pull), pins.edge("both"), self._edge)
        self._value = self._read()
        self._restless_since = None

    def close(self) -> None:
        """Listen no more."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
        if self.edges:
            self._pins.deafen(self._entry.pin)

    def value(self) -> bool:
        """The last value that stood still."""
        since = self._restless_since
        if since is not None and time.monotonic() - since > RESTLESS_S:
            detail = f"line {self._line!r}: pin {self._entry.pin} has not been at rest for {RESTLESS_S:g} s"
            raise DriverFault("driver.bad_value", f"{detail} (loose contact, or no pull resistor?)", retry=True)
        return self._value

    def poll(self) -> None:
        """Look at the pin: where there are no edges, and for an edge that was lost."""
        if self._restless_since is None and self._read() != self._value:
            self._edge()

    def _edge(self) -> None:
        """In a thread of the module, at every edge: only says that there was one."""
        self._edge_at = time.monotonic()
        loop = self._loop
        if self._restless_since is None and loop is not None:
            self._restless_since = self._edge_at
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        """On the loop: take the value over once it has stood still."""
        loop = self._loop
        if loop is None:
            return
        rest = self._entry.debounce_ms / 1000 - (time.monotonic() - self._edge_at)
        if rest > 0:
            self._timer = loop.call_later(rest, self._look)
            return
        self._restless_since = None  # before the pin is read: an edge from now on is a new one
        try:
            value = self._read()
        except Exception:  # noqa: BLE001 - foreign library; the next look or the next question will tell it
            return
        if value != self._value:
            self._value = value
            self._changed(value)

    def _read(self) -> bool:
        return bool(self._pins.read(self._entry.pin)) != self._entry.active_low
