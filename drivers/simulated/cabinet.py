"""A whole cabinet that is not there: contactors, meters, contacts, tank and air, with a panel of faults.

Shipped, not test code: an installer rehearses, a trainer teaches, the demo runs on it. What it does not do: switch
anything. Channels of a line: `LINE_contact`, `LINE_breaker`, `LINE_hand`, `LINE_power`, `LINE_current`, `LINE_energy`,
and with a flow meter `LINE_flow`, `LINE_litres`. Of the cabinet: door, supply, leakage, breaker, hand, power, current,
energy, voltage, photocell (1 is dark), illuminance, temperature, humidity, tank.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.simulated.channels import capabilities
from drivers.simulated.config import SimulatedCabinetConfig


class SimulatedCabinet:
    """A whole installation in memory. Implements `Driver`, `Switchable`, `Dimmable`, `Measuring`, `Watching`."""

    Config: ClassVar[type[BaseModel]] = SimulatedCabinetConfig

    def __init__(self, config: SimulatedCabinetConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context

    async def check(self) -> Check:
        """Is always able to work."""
        return Check(ok=True, detail="simulated: switches nothing")

    def capabilities(self) -> Sequence[Capability]:
        """One relay or dimmer a line, then all channels."""
        return capabilities(self._config)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def switch(self, line: str, on: bool) -> None:
        """Set a line to full or off."""
        await self.dim(line, 100 if on else 0)

    async def read(self, line: str) -> bool:
        """Whether the output is on."""
        return await self.level(line) > 0

    async def dim(self, line: str, level: float) -> None:
        """Set the output of a line."""
        raise DriverFault("driver.closed", f"{self._context.id} is not open: {line} {level}")

    async def level(self, line: str) -> float:
        """What the output is."""
        raise DriverFault("driver.closed", f"{self._context.id} is not open: {line}")

    async def measure(self, channel: str) -> Measurement:
        """What a channel shows now."""
        raise DriverFault("driver.closed", f"{self._context.id} is not open: {channel}")

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """Tell `changed` of each change."""
