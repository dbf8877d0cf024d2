"""The machine's clock, for drivers that are used alone. The agent passes its own."""

import asyncio
import logging
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from drivers.contract import Clock, DriverContext


class SystemClock:
    """Real time. Trusted, because alone nobody else is there to judge it."""

    trusted = True

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)


def standalone_context(name: str, directory: Path | None = None) -> DriverContext:
    """Return a context for a driver that is used without an agent; its directory defaults to a new temporary one."""
    clock: Clock = SystemClock()
    folder = directory or Path(tempfile.mkdtemp(prefix="drivers-"))
    return DriverContext(name, clock, logging.getLogger(f"drivers.{name}"), folder)


async def wait_until(clock: Clock, at: datetime, early: float = 0.0) -> None:
    """Wait until `early` seconds before `at`.

    Looks at the clock again at least every 10 s: a clock that is set while we wait must move the start with it.
    """
    while (left := (at - clock.now()).total_seconds() - early) > 0:
        await clock.sleep(min(left, 10.0))
