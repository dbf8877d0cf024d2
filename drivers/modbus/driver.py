"""The driver of one Modbus with its devices."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, Measurement
from drivers.modbus.config import ModbusConfig, capability


class Modbus:
    """Devices on one Modbus. Implements `Driver`, `Switchable`, `Dimmable` and `Measuring`."""

    Config: ClassVar[type[BaseModel]] = ModbusConfig

    def __init__(self, config: ModbusConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context

    async def check(self) -> Check:
        """Library, port, permission; while open also which devices are silent."""
        raise NotImplementedError

    def capabilities(self) -> Sequence[Capability]:
        """One for each point of each device: `device_point`."""
        return [capability(*line) for line in self._config.lines()]

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *exc: object) -> None:
        raise NotImplementedError

    async def switch(self, line: str, on: bool) -> None:
        """Switch a relay, or a dimmer to full or off, and read it back."""
        raise NotImplementedError

    async def read(self, line: str) -> bool:
        """What the device says that the relay is; the device knows it before the first `switch` too."""
        raise NotImplementedError

    async def dim(self, line: str, level: float) -> None:
        """Set a dimmer to 0..100 per cent, and read it back."""
        raise NotImplementedError

    async def level(self, line: str) -> float:
        """What the device says that the level is; of a relay 0 or 100."""
        raise NotImplementedError

    async def measure(self, channel: str) -> Measurement:
        """Ask for a value, or give the one that is not older than `cache_s`."""
        raise NotImplementedError
