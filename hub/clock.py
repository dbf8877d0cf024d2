"""Time is passed in, so that tests can tell it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the hub asks about time."""

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from some start, never backwards."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from some start, never backwards."""
        return time.monotonic()
