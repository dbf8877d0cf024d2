"""What is known of a device of the bus, and how long one that fails is left alone."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from drivers.contract import DriverFault
from drivers.modbus.blocks import Block
from drivers.modbus.config import Device

_JUST_NOW_S = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The registers of a block, and when the device said so (the clock's monotonic seconds and UTC)."""

    words: list[int]
    taken: float
    at: datetime


class Rest:
    """How long something that fails is left alone: longer each time, up to a bound."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._length = 0.0
        self._until = self._failed_at = float("-inf")
        self.fault: DriverFault | None = None

    def failed(self, now: float, fault: DriverFault) -> None:
        """Leave it alone from now on."""
        self._length = min(self._most, self._length * 2 or self._first)
        self._until, self._failed_at, self.fault = now + self._length, now, fault

    def worked(self) -> None:
        """All is well again."""
        self._length, self.fault = 0.0, None
        self._until = self._failed_at = float("-inf")

    def now(self, now: float, *, command: bool) -> DriverFault | None:
        """Return the fault while it is to be left alone. A command waits only for what failed just now."""
        resting = now < self._until and (not command or now - self._failed_at < _JUST_NOW_S)
        return self.fault if resting else None


@dataclass
class Station:
    """A device of the bus, and what is known of it."""

    name: str
    device: Device
    timeout: float
    rest: Rest
    blocks: dict[str, Block]
    heard: bool = False
    known: bool = False
    readings: dict[Block, Reading] = field(default_factory=dict)
    waiting: dict[Block, asyncio.Future[Reading]] = field(default_factory=dict)

    @property
    def unit(self) -> int:
        """Its address on the bus."""
        return self.device.unit
