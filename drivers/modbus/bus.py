"""Whose turn it is on the line: commands first, then the devices in turn; who is silent is left alone for a while."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from logging import Logger
from typing import TypeVar

from drivers.contract import Clock, DriverFault
from drivers.modbus import blocks, decode
from drivers.modbus.blocks import Block
from drivers.modbus.config import Device, ModbusConfig
from drivers.modbus.ear import READS, Ask
from drivers.modbus.station import Reading, Rest, Station
from drivers.modbus.wire import Lost, NoAnswer, Refused, Wire

T = TypeVar("T")

_WAIT_S = 60.0
_COMMANDS = 500
_LOOKS = 3
_LOOK_AGAIN_S = 0.05


class Bus:
    """Takes questions from many and asks them one after the other; `run` does the asking."""

    def __init__(self, config: ModbusConfig, wire: Wire, clock: Clock, logger: Logger) -> None:
        self._config, self._wire, self._clock, self._logger = config, wire, clock, logger
        self.stations = {name: self._station(name, device) for name, device in config.devices.items()}
        self._line = Rest(min(1.0, config.retry_s), min(30.0, config.retry_most_s))
        self._commands: deque[tuple[Callable[[], Awaitable[None]], asyncio.Future[None]]] = deque()
        self._turns: deque[Station] = deque()
        self._wake = asyncio.Event()

    def _station(self, name: str, device: Device) -> Station:
        rest = Rest(self._config.retry_s, self._config.retry_most_s)
        return Station(name, device, device.timeout_s or self._config.timeout_s, rest, blocks.blocks(device.registers))

    async def read(self, station: Station, block: Block) -> Reading:
        """Return a block of registers, at most `cache_s` old. Raises DriverFault."""
        reading = station.readings.get(block)
        if reading is not None and self._clock.monotonic() - reading.taken <= self._config.cache_s:
            return reading
        self._patience(station, command=False)
        future = station.waiting.get(block)
        if future is None:
            future = station.waiting[block] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_looked_at)
            if station not in self._turns:
                self._turns.append(station)
            self._wake.set()
        return await _limited(asyncio.shield(future))

    async def write(self, station: Station, ask: Ask, sits: Callable[[list[int]], bool]) -> None:
        """Write, and read back until `sits` says that the registers hold what they should.

        Raises DriverFault, `driver.stuck` when they do not.
        """
        self._patience(station, command=True)
        if len(self._commands) >= _COMMANDS:
            raise DriverFault("driver.io", f"more than {_COMMANDS} commands wait for the bus", retry=True)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_looked_at)
        self._commands.append((lambda: self._written(station, ask, sits), future))
        self._wake.set()
        await _limited(future)

    async def look(self, limit: float) -> DriverFault | None:
        """Ask again, within `limit` seconds, what failed or was never heard; return what is wrong now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                for station in self.stations.values():
                    if self._line.fault or station.rest.fault or not station.heard:
                        with contextlib.suppress(DriverFault):
                            await self.read(station, next(iter(station.blocks.values())))
        if self._line.fault is not None:
            return self._line.fault
        faults = [station.rest.fault for station in self.stations.values() if station.rest.fault is not None]
        if not faults:
            return None
        return DriverFault(faults[0].code, "; ".join(fault.detail for fault in faults), retry=True)

    async def run(self) -> None:
        """Ask what is to be asked, until cancelled."""
        try:
            while True:
                if self._commands:
                    command, done = self._commands.popleft()
                    if not done.done():  # whoever gave it up does not want it any more
                        await _settle(done, command, self._logger)
                elif self._turns:
                    await self._turn(self._turns.popleft())
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:
            self._give_up()

    async def _turn(self, station: Station) -> None:
        """Ask one question to a device; if more are open it goes to the end of the row."""
        block = next(iter(station.waiting))
        future = station.waiting.pop(block)
        if station.waiting:
            self._turns.append(station)
        await _settle(future, lambda: self._fresh(station, block), self._logger)

    def _patience(self, station: Station, *, command: bool) -> None:
        now = self._clock.monotonic()
        fault = self._line.now(now, command=command) or station.rest.now(now, command=command)
        if fault is not None:
            raise DriverFault(fault.code, fault.detail, retry=True)

    async def _fresh(self, station: Station, block: Block) -> Reading:
        self._patience(station, command=False)
        try:
            await self._identified(station)
            words = await self._asked(station, block)
        except NoAnswer as fault:
            raise self._silent(station, fault) from None
        station.rest.worked()
        reading = Reading(words, self._clock.monotonic(), self._clock.now())
        station.readings[block] = reading
        return reading

    async def _written(self, station: Station, ask: Ask, sits: Callable[[list[int]], bool]) -> None:
        self._patience(station, command=True)
        kind = "coil" if ask.function in (5, 15) else "holding"
        block = Block("coil" if kind == "coil" else "holding", ask.address, ask.count)
        try:
            await self._identified(station)
            await self._insist(station, ask)
            for look in range(_LOOKS):
                if look:
                    await asyncio.sleep(_LOOK_AGAIN_S)
                words = await self._asked(station, block)
                station.rest.worked()
                if sits(words):
                    return
        except NoAnswer as fault:
            raise self._silent(station, fault) from None
        finally:
            station.readings.clear()
        said = f"{station.name}: {kind} {ask.address} says {words} after {list(ask.values)} was written"
        raise DriverFault("driver.stuck", said, retry=True)

    async def _insist(self, station: Station, ask: Ask) -> None:
        """Write; once more after noise or a lost frame, since all that is written is absolute.

        To a device that was silent before only once: others wait for the bus.
        """
        for left in (0,) if station.rest.fault else (1, 0):
            try:
                await self._on_line(station, ask)
            except NoAnswer:
                if not left:
                    raise
            except Refused as fault:
                if not (left and fault.retry):
                    raise
                await asyncio.sleep(_LOOK_AGAIN_S)
            else:
                return

    async def _asked(self, station: Station, block: Block) -> list[int]:
        ask = Ask(station.unit, READS[block.kind], block.address, block.count)
        try:
            return await self._on_line(station, ask)
        except NoAnswer as fault:
            if fault.code == "driver.silent":
                raise
        return await self._on_line(station, ask)  # noise is over in a moment

    async def _on_line(self, station: Station, ask: Ask) -> list[int]:
        try:
            words = await self._wire.ask(ask, station.timeout)
        except Lost as fault:
            self._line.failed(self._clock.monotonic(), fault)
            for each in self.stations.values():
                each.known = False  # whoever is there when it comes back
            raise
        except Refused:
            self._line.worked()
            station.rest.worked()
            station.heard = True
            raise
        self._line.worked()
        station.heard = True
        return words

    async def _identified(self, station: Station) -> None:
        identity = station.device.registers.identify
        if station.known or identity is None:
            return
        words = await self._asked(station, blocks.of(identity))
        number = decode.raw(identity, words)
        if number != identity.equals:
            where = f"{identity.register_} {identity.address}"
            said = f"unit {station.unit}: {where} is {number}, of a {station.device.map} it is {identity.equals}"
            raise NoAnswer("driver.wrong_device", said)
        station.known = True

    def _silent(self, station: Station, fault: DriverFault) -> DriverFault:
        told = DriverFault(fault.code, f"{station.name}, {fault.detail}", retry=True)
        if station.rest.fault is None:
            self._logger.warning("%s", told)
        station.rest.failed(self._clock.monotonic(), told)
        station.known = False
        station.readings.clear()
        for block in list(station.waiting):
            station.waiting.pop(block).set_exception(told)
        if station in self._turns:
            self._turns.remove(station)
        return told

    def _give_up(self) -> None:
        closed = DriverFault("driver.closed", "the bus was closed")
        waiting: list[asyncio.Future[None] | asyncio.Future[Reading]] = [done for _, done in self._commands]
        for station in self.stations.values():
            waiting += station.waiting.values()
            station.waiting.clear()
        self._commands.clear()
        self._turns.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(closed)


async def _settle(future: asyncio.Future[T], work: Callable[[], Awaitable[T]], logger: Logger) -> None:
    """Do the work and put what comes of it into the future."""
    try:
        result = await work()
    except DriverFault as fault:
        if not future.done():
            future.set_exception(fault)
    except asyncio.CancelledError:
        if not future.done():
            future.set_exception(DriverFault("driver.closed", "the bus was closed"))
        raise
    except Exception as error:  # one question must never end the asking of all
        logger.exception("a question to the bus failed")
        if not future.done():
            future.set_exception(DriverFault("driver.io", f"{type(error).__name__}: {error}", retry=True))
    else:
        if not future.done():
            future.set_result(result)


async def _limited(future: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_WAIT_S):
            return await future
    except TimeoutError:
        raise DriverFault("driver.io", f"the bus had no time for {_WAIT_S:.0f} s", retry=True) from None


def _looked_at(future: asyncio.Future[Reading] | asyncio.Future[None]) -> None:
    """Take note of its fault, so that one nobody waits for any more is not reported as forgotten."""
    if not future.cancelled():
        future.exception()
