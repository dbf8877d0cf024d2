"""The driver of one Modbus with its devices."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.modbus import decode
from drivers.modbus.bus import Bus
from drivers.modbus.config import ModbusConfig, capability
from drivers.modbus.ear import Ask
from drivers.modbus.points import Point
from drivers.modbus.station import Reading, Station
from drivers.modbus.wire import Wire

_LOOK_S = 5.0


class _Line(NamedTuple):
    station: Station
    id: str
    point: Point


class Modbus:
    """Devices on one Modbus. Implements `Driver`, `Switchable`, `Dimmable` and `Measuring`.

    A line or channel is `device_point`. All may be asked at the same time: the bus asks one after the other. What a
    relay is, is known from the device itself, so `read` and `level` work before the first `switch`.
    """

    Config: ClassVar[type[BaseModel]] = ModbusConfig

    def __init__(self, config: ModbusConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._wire = Wire(config)
        self._bus: Bus | None = None
        self._running: asyncio.Task[None] | None = None
        self._lines: dict[str, _Line] = {}

    async def check(self) -> Check:
        """Library, port, permission; while it is open, whether the line is, and which devices are silent."""
        found = self._wire.look()
        if not found.ok or self._bus is None:
            return found
        fault = await self._bus.look(_LOOK_S)
        return found if fault is None else Check(ok=False, code=fault.code, detail=fault.detail)

    def capabilities(self) -> Sequence[Capability]:
        """One for each point of each device."""
        return [capability(*line) for line in self._config.lines()]

    async def __aenter__(self) -> Self:
        await self._wire.open()
        bus = Bus(self._config, self._wire, self._context.clock, self._context.logger)
        self._lines = {
            f"{name}_{point_id}": _Line(station, point_id, point)
            for name, station in bus.stations.items()
            for point_id, point in station.device.registers.points.items()
        }
        self._bus = bus
        self._running = asyncio.create_task(bus.run(), name=f"modbus-{self._context.id}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        running, self._running, self._bus = self._running, None, None
        if running is not None:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        self._wire.close()

    async def switch(self, line: str, on: bool) -> None:
        """Switch a relay, or a dimmer to full or off, and read it back.

        Raises DriverFault `driver.unknown_line` also for a point that can only be read, `driver.stuck`,
        `driver.silent`, `driver.wrong_device`, `driver.io`.
        """
        bus, (station, _, point) = self._writable(line)
        if point.level is not None:
            await self._set_level(bus, station, point, 100.0 if on else 0.0)
            return
        if point.is_bits:
            ask = Ask(station.unit, 15 if point.multiple else 5, point.address, 1, (int(on),))
            await bus.write(station, ask, lambda words: bool(words[0]) == on)
            return
        written, expected = point.word(on), point.word(on, read=True)
        words = tuple(decode.words_of(point, written))
        ask = Ask(station.unit, 16 if point.multiple else 6, point.address, 1, words)
        await bus.write(station, ask, lambda words: decode.raw(point, words) == expected)

    async def read(self, line: str) -> bool:
        """What the device says that a relay, a dimmer or a contact is. Raises DriverFault as `measure` does."""
        found, _, words = await self._look(line)
        return _is_on(line, found, words)

    async def dim(self, line: str, level: float) -> None:
        """Set a dimmer to 0..100 per cent, and read it back. Raises ValueError, and DriverFault as `switch` does."""
        if not (math.isfinite(level) and 0 <= level <= 100):
            raise ValueError(f"a level is 0..100, not {level}")
        bus, (station, _, point) = self._writable(line)
        if point.level is None:
            raise DriverFault("driver.not_dimmable", f"{line} is only on or off")
        await self._set_level(bus, station, point, level)

    async def level(self, line: str) -> float:
        """What the device says that the level is; of a relay 0 or 100. Raises DriverFault as `read` does."""
        found, _, words = await self._look(line)
        if found.point.level is None:
            return 100.0 if _is_on(line, found, words) else 0.0
        return decode.level(found.point, int(decode.raw(found.point, words)))

    async def measure(self, channel: str) -> Measurement:
        """Ask for a value, or give one that is not older than `cache_s`; relays and contacts are 1 or 0.

        Raises DriverFault `driver.unknown_line`, `driver.closed`, `driver.silent`, `driver.wrong_device`,
        `driver.bad_value`, `driver.io`.
        """
        found, reading, words = await self._look(channel)
        station, point_id, point = found
        if point.writable and point.level is None:
            return Measurement(float(_is_on(channel, found, words)), reading.at)
        try:
            return Measurement(decode.value(point, words), reading.at)
        except DriverFault as fault:
            raise DriverFault(fault.code, f"{station.name}, {point_id}: {fault.detail}", retry=fault.retry) from None

    async def _set_level(self, bus: Bus, station: Station, point: Point, level: float) -> None:
        low, high = point.level or (0, 100)
        number = decode.level_raw(point, level)
        near = max(1, abs(high - low) // 100) if number not in (low, high) else 0
        words = tuple(decode.words_of(point, number))
        function = 16 if point.multiple or len(words) > 1 else 6
        ask = Ask(station.unit, function, point.address, len(words), words)
        await bus.write(station, ask, lambda words: abs(decode.raw(point, words) - number) <= near)

    async def _look(self, line: str) -> tuple[_Line, Reading, list[int]]:
        bus, found = self._known(line)
        block = found.station.blocks[found.id]
        reading = await bus.read(found.station, block)
        return found, reading, block.words(found.point, reading.words)

    def _known(self, line: str) -> tuple[Bus, _Line]:
        if self._bus is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        if line not in self._lines:
            known = ", ".join(self._lines)
            raise DriverFault("driver.unknown_line", f"there is no line {line!r}; known are: {known}")
        return self._bus, self._lines[line]

    def _writable(self, line: str) -> tuple[Bus, _Line]:
        bus, found = self._known(line)
        if not found.point.writable:
            raise DriverFault("driver.unknown_line", f"{line} can only be read")
        return bus, found


def _is_on(line: str, found: _Line, words: list[int]) -> bool:
    station, _, point = found
    number = decode.raw(point, words)
    if point.level is not None:
        return number != point.level[0]
    if point.type == "bool":
        return bool(number)
    if not point.writable:
        raise DriverFault("driver.unknown_line", f"{line} is measured; it is neither on nor off")
    if number not in (point.word(False, read=True), point.word(True, read=True)):
        said = f"{station.name}: {point.register_} {point.address} is {number}, which is neither on nor off"
        raise DriverFault("driver.bad_value", said, retry=True)
    return number == point.word(True, read=True)
