"""A driver for the tests of sensing: it measures and tells what it is told to, and fails as drivers fail."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from drivers.contract import Capability, DriverFault, Measurement
from edge_agent.clock import SimulatedClock


class Probe:
    """Channels by name; a value that is an exception is raised, one that is an event is waited for."""

    def __init__(self, clock: SimulatedClock, **values: Any) -> None:
        self.clock = clock
        self.values = values
        self.units: dict[str, str] = {}
        self.at: datetime | None = None
        self.asked: list[tuple[float, str]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.takes_s = 0.0

    def capabilities(self) -> list[Capability]:
        return [Capability(name, name, "sensor", unit=self.units.get(name), writable=False) for name in self.values]

    async def measure(self, channel: str) -> Measurement:
        self.asked.append((self.clock.monotonic(), channel))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if self.takes_s:
                await self.clock.sleep(self.takes_s)
            if channel not in self.values:
                raise DriverFault("driver.unknown_line", f"no channel {channel}")
            value = self.values[channel]
            if isinstance(value, Exception):
                raise value
            if isinstance(value, asyncio.Event):
                await value.wait()
            return Measurement(value, self.at or self.clock.now())
        finally:
            self.at_once -= 1


class Speaking(Probe):
    """One that tells changes by itself as well."""

    def __init__(self, clock: SimulatedClock, **values: Any) -> None:
        super().__init__(clock, **values)
        self.told: Callable[[str, Measurement], None] | None = None

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        self.told = changed

    def say(self, channel: str, value: float) -> None:
        self.values[channel] = value
        assert self.told is not None
        self.told(channel, Measurement(value, self.clock.now()))
