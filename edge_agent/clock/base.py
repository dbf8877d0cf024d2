"""What the rest of the agent may know of time."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A clock that says whether it can be believed."""

    @property
    def trusted(self) -> bool:
        """Whether the kernel disciplines the clock (or the configuration says to assume so)."""
        ...

    def now(self) -> datetime:
        """Aware UTC; never before the last saved instant."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary beginning; never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many monotonic seconds."""
        ...


class Alarms(Protocol):
    """Wake somebody at an instant of the wall clock, whatever steps the clock makes before it."""

    def at(self, name: str, instant: datetime, call: Callable[[], Awaitable[None]]) -> None:
        """Call at the instant (at once when it is past). The same name again replaces the earlier one."""
        ...

    def cancel(self, name: str) -> None:
        """Forget an alarm; nothing happens when there is none."""
        ...
