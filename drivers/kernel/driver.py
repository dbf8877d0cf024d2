"""Sensors that the Linux kernel reads: 1-Wire thermometers (DS18B20), and I2C sensors by hwmon or iio."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.kernel import files
from drivers.kernel.config import KernelSensorConfig
from drivers.relay.lines import require

_LIMIT_S = 5.0
"""A DS18B20 takes 0.75 s to measure; a bus that hangs takes for ever."""


class KernelSensors:
    """Sensors that the kernel reads. Implements `Driver` and `Measuring`."""

    Config: ClassVar[type[BaseModel]] = KernelSensorConfig

    def __init__(self, config: KernelSensorConfig, context: DriverContext) -> None:
        self._config, self._context = config, context
        self._open = False
        self._turn = asyncio.Lock()
        self._reading: asyncio.Future[float] | None = None

    async def check(self) -> Check:
        """Whether the kernel's files are there at all; a single sensor that is missing is that sensor's fault."""
        there = await asyncio.to_thread(self._config.root.is_dir)
        if not there:
            return Check(ok=False, code="driver.no_device", detail=f"{self._config.root} is not there")
        return Check(ok=True, detail=str(self._config.root))

    def capabilities(self) -> Sequence[Capability]:
        """One channel a line."""
        found = []
        for id_, line in self._config.lines.items():
            found.append(Capability(id_, line.name or id_, "sensor", unit=files.unit_of(line), writable=False))
        return found

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._open = False

    async def measure(self, channel: str) -> Measurement:
        """Read a sensor, one at a time: they share a bus.

        Raises DriverFault also `driver.no_device`, `driver.no_permission`, and `driver.silent` for a bus that hangs.
        """
        if not self._open:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        require(channel, self._config.lines)
        async with self._turn:
            if self._reading is not None and not self._reading.done():
                raise DriverFault("driver.silent", "the bus still hangs in an earlier reading", retry=True)
            reading = asyncio.to_thread(files.value, self._config.root, channel, self._config.lines[channel])
            self._reading = asyncio.ensure_future(reading)
            try:
                async with asyncio.timeout(_LIMIT_S):
                    value = await asyncio.shield(self._reading)
            except TimeoutError as error:
                self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
                raise DriverFault("driver.silent", f"{channel}: no answer in {_LIMIT_S:g} s", retry=True) from error
        return Measurement(value, self._context.clock.now())
