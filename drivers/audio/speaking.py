"""What every speaker does the same way: checks of arguments, one play at a time, how it describes itself."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drivers.audio.pieces import Item
from drivers.contract import Capability, Control, DriverFault, PlayReport, PlayStart


@dataclass(frozen=True, slots=True)
class Order:
    """What `play` was asked for."""

    items: tuple[Item, ...]
    at: datetime | None = None
    skip_s: float = 0.0
    volume: float = 1.0
    on_start: Callable[[PlayStart], None] | None = None
    control: Control | None = None

    def __post_init__(self) -> None:
        """Raise ValueError as `require_sane`, and for a skip that is none."""
        require_sane(self.at, self.volume)
        if not (math.isfinite(self.skip_s) and self.skip_s >= 0):
            raise ValueError(f"skip_s must be 0 or more, not {self.skip_s}")

    def never_begun(self, now: datetime, volume: float, output: str, *, stopped: bool) -> PlayReport:
        """Return the report of a play of which nothing was heard."""
        return PlayReport(now, None, 0.0, volume, output, stopped=stopped, position_s=self.skip_s)


def require_sane(at: datetime | None, volume: float) -> None:
    """Raise ValueError for an instant without a zone or a volume outside 0..1."""
    if at is not None and at.tzinfo is None:
        raise ValueError("at must be aware: an instant without a time zone is not one")
    if not 0.0 <= volume <= 1.0:
        raise ValueError(f"volume must be within 0..1, not {volume}")


async def wait_or_stop(wait: Coroutine[Any, Any, None], stopping: asyncio.Event) -> None:
    """Wait for that, or until `stopping` is set."""
    waits = [asyncio.ensure_future(wait), asyncio.ensure_future(stopping.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def capability(name: str) -> Capability:
    """Return the one capability of a speaker; its number is the volume."""
    return Capability(id="speaker", name=name, kind="speaker", minimum=0.0, maximum=1.0)


class Turn:
    """Open or closed, and if open, for one play at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False
        self.open = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the speaker. Raises DriverFault `driver.closed` or `speaker.busy`."""
        if not self.open:
            raise DriverFault("driver.closed", f"{self._name} is not open")
        if self._busy:
            raise DriverFault("speaker.busy", f"{self._name} is playing something else", retry=True)
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
