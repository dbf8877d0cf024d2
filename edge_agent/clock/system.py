"""The real clock: trusted only when the kernel says that it is disciplined."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Literal

from edge_agent.clock import kernel
from edge_agent.contract.reports import ClockReport

_ASK_AGAIN_S = 1.0


class SystemClock:
    """The machine's clock.

    `trust`: "kernel" believes the kernel's word (NTP, or set from a battery clock at boot); "assume" believes the
    clock as it is, for a desk. `floor`: an instant saved earlier, which time never runs back beyond - unless the kernel
    says that it knows better: then the saved instant was wrong. Time goes on from the floor, it does not stand still.
    """

    def __init__(self, trust: Literal["kernel", "assume"] = "kernel", floor: datetime | None = None) -> None:
        self._trust = trust
        self._floor: datetime | None = None
        self._floor_set = 0.0
        self._asked = -_ASK_AGAIN_S
        self._report = ClockReport(trusted=False, source="none")
        if floor is not None:
            self.raise_floor(floor)

    def raise_floor(self, instant: datetime) -> None:
        """Time never runs back beyond this saved instant."""
        lowest = self._lowest()
        if lowest is None or instant > lowest:
            self._floor, self._floor_set = instant, time.monotonic()
            self._asked = -_ASK_AGAIN_S

    @property
    def behind(self) -> timedelta:
        """How far the machine's clock is behind the last saved instant; zero when it is not."""
        lowest = self._lowest()
        return max(timedelta(), lowest - datetime.now(UTC)) if lowest is not None else timedelta()

    @property
    def trusted(self) -> bool:
        return self.report().trusted

    def report(self) -> ClockReport:
        """Trust, source, offset and error; asked of the kernel once a second at most."""
        if time.monotonic() - self._asked >= _ASK_AGAIN_S:
            self._asked = time.monotonic()
            self._report = self._ask()
        return self._report

    def now(self) -> datetime:
        now = datetime.now(UTC)
        lowest = self._lowest()
        if lowest is None or now >= lowest or self.report().source == "kernel":
            return now
        return lowest

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _lowest(self) -> datetime | None:
        """The saved instant and what has passed since it was read."""
        if self._floor is None:
            return None
        return self._floor + timedelta(seconds=time.monotonic() - self._floor_set)

    def _ask(self) -> ClockReport:
        try:
            state = kernel.discipline()
        except OSError:
            state = kernel.Discipline(synchronised=False, offset_ms=0, error_ms=0)
        if state.synchronised:
            return ClockReport(
                trusted=True, source="kernel", offset_ms=round(state.offset_ms, 3), error_ms=round(state.error_ms, 3)
            )
        # a clock behind what was already seen is wrong, whoever vouches for it
        if self.behind:
            return ClockReport(trusted=False, source="none")
        if self._trust == "assume":
            return ClockReport(trusted=True, source="assumed")
        if kernel.set_by_rtc():
            return ClockReport(trusted=True, source="rtc")
        return ClockReport(trusted=False, source="none")
