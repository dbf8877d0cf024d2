"""One question at a time on the line, by pymodbus: paced, limited in time, strict about answers."""

import asyncio
import importlib.util
import logging
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from drivers.contract import Check, DriverFault
from drivers.modbus.config import ModbusConfig
from drivers.modbus.ear import EXCEPTIONS, Ask, Ear

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
    from pymodbus.pdu import ModbusPDU

    Client = AsyncModbusSerialClient | AsyncModbusTcpClient

_CONNECT_S = 5.0
_LISTEN_S = 0.5
_DOUBT_S = 5.0  # for so long an answer may still come that was not there in time
_DOUBT_TRIES = 4
_NEVER_S = 3600.0  # time-outs are ours: pymodbus repeats a question by itself, and then takes a late answer for it
_FAST_GAP_S = 0.00175  # the standard's silence above 19,200 bit/s


class NoAnswer(DriverFault):
    """The device said nothing, or what came was not its answer."""


class Refused(DriverFault):
    """The device answered with an exception. It is there."""


class Lost(DriverFault):
    """There is no line: the port is gone, the connection is refused."""


class Wire:
    """The serial line or the connection. Not for several tasks at once."""

    def __init__(self, config: ModbusConfig) -> None:
        self._config = config
        self._rtu = config.port is not None or config.framer == "rtu-over-tcp"
        self._ear = Ear(rtu=self._rtu)
        self._client: Client | None = None
        self._quiet_from = 0.0
        self._doubtful: dict[int, float] = {}
        self._missed = 0

    @property
    def connected(self) -> bool:
        """Whether the line is open, as far as is known."""
        return self._client is not None and self._client.connected

    def look(self) -> Check:
        """Whether the libraries are there, and the port, and whether it may be used. Opens nothing."""
        missing = [name for name in ("pymodbus", "serial") if importlib.util.find_spec(name) is None]
        if missing:
            return Check(ok=False, code="driver.missing_library", detail=f"not installed: {', '.join(missing)}")
        port = self._config.port
        if port is None:
            return Check(ok=True, detail=self._where())
        if not port.exists():
            return Check(ok=False, code="driver.no_device", detail=f"{port} is not there: is the adapter plugged in?")
        if not os.access(port, os.R_OK | os.W_OK):
            detail = f"this account may not use {port}: add it to the group dialout"
            return Check(ok=False, code="driver.no_permission", detail=detail)
        return Check(ok=True, detail=str(port))

    async def open(self) -> None:
        """Open the line if it is not. Raises Lost with the reason."""
        if self.connected:
            return
        self.close()
        found = self.look()
        if not found.ok:
            raise Lost(found.code, found.detail, retry=True)
        self._client = self._make()
        try:
            async with asyncio.timeout(_CONNECT_S):
                opened = await self._client.connect()
        except TimeoutError:
            opened = False
        except Exception as error:  # foreign library: termios.error for settings that the port does not know
            self.close()
            raise Lost("driver.io", f"{self._where()} cannot be opened: {error}", retry=True) from error
        if not opened:
            self.close()
            hint = "does another program use it?" if self._config.port else "nobody takes the connection"
            raise Lost("driver.io", f"{self._where()} cannot be opened: {hint}", retry=True)
        self._missed = 0

    def close(self) -> None:
        """Close the line."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def ask(self, ask: Ask, timeout: float) -> list[int]:
        """Ask, and return the values of the answer: registers, or bits as 0 and 1; nothing for a write.

        `timeout` is for the device alone; the time that the bytes take on the line is added.
        Raises Lost, NoAnswer (`driver.silent`, `driver.wrong_device`, `driver.io`) and Refused (`driver.io`).
        """
        await self.open()
        until = self._doubtful.get(ask.unit)
        if until is None or ask.values:
            return await self._exchange(ask, timeout)
        if asyncio.get_running_loop().time() > until:
            del self._doubtful[ask.unit]
            return await self._exchange(ask, timeout)
        return await self._in_doubt(ask, timeout)

    async def _in_doubt(self, ask: Ask, timeout: float) -> list[int]:
        """Ask a unit that owes an answer from before, which may come any time and looks like the one to this question.

        The first answer is thrown away: it may be the old one. Then one is believed only if it stays the only one
        until the time-out is over.
        """
        loop = asyncio.get_running_loop()
        for attempt in range(_DOUBT_TRIES):
            end = loop.time() + self._limit(ask, timeout)
            words = await self._exchange(ask, timeout, stay=True)
            await asyncio.sleep(max(0.0, end - loop.time()))
            twice = self._ear.twice
            self._ear.expect(None)
            if attempt and not twice:
                return words
        raise NoAnswer("driver.io", f"unit {ask.unit}: it answers several times", retry=True)

    async def _exchange(self, ask: Ask, timeout: float, *, stay: bool = False) -> list[int]:
        """Ask once. `stay`: go on listening after the answer."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._quiet_from + self._gap() - loop.time()))
        client = self._client
        if client is None:
            raise Lost("driver.io", f"{self._where()} was closed", retry=True)
        self._ear.expect(ask)
        try:
            async with asyncio.timeout(self._limit(ask, timeout)):
                response = await _send(client, ask)
        except TimeoutError:
            raise await self._nothing(ask, timeout) from None
        except Exception as error:  # foreign library: ModbusException, OSError, and by version others
            self.close()
            raise Lost("driver.io", f"{self._where()}: {error}", retry=True) from error
        finally:
            if not stay:
                self._ear.expect(None)
            self._quiet_from = loop.time()
        self._missed = 0
        return _values(ask, response)

    async def _nothing(self, ask: Ask, timeout: float) -> DriverFault:
        """What to say when no answer came; leaves the line quiet and without old answers as far as can be."""
        if not self.connected:
            self.close()
            return Lost("driver.io", f"{self._where()}: the line was lost", retry=True)
        code, said = self._ear.verdict()
        self._ear.expect(None)
        self._missed += 1
        if self._config.port is not None:
            self._doubtful[ask.unit] = asyncio.get_running_loop().time() + _DOUBT_S + 2 * timeout
            await asyncio.sleep(min(timeout, _LISTEN_S))
        elif self._rtu or self._missed > 1:
            self.close()  # a gateway that was cut off takes no notice of an old connection
            if self._rtu:
                self._doubtful[ask.unit] = asyncio.get_running_loop().time() + _DOUBT_S + 2 * timeout
        return NoAnswer(code, f"unit {ask.unit}: {said}", retry=True)

    def _limit(self, ask: Ask, timeout: float) -> float:
        sent = 9 + 2 * len(ask.values)
        return timeout + (sent + ask.answer_bytes) * self._config.character_s

    def _gap(self) -> float:
        least = 3.5 * self._config.character_s
        if self._config.port is not None and self._config.baudrate > 19200:
            least = max(least, _FAST_GAP_S)
        return max(least, self._config.gap_ms / 1000)

    def _where(self) -> str:
        return str(self._config.port or f"{self._config.host}:{self._config.tcp_port}")

    def _make(self) -> "Client":
        # Its warnings repeat what our faults say, at each question to a device that is switched off.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        config = self._config
        common: dict[str, Any] = {"timeout": _NEVER_S, "retries": 0, "reconnect_delay": 0, "trace_packet": self._trace}
        if config.port is not None:
            return AsyncModbusSerialClient(  # opens the port for itself alone
                str(config.port), baudrate=config.baudrate, parity=config.parity, stopbits=config.stopbits, **common
            )
        framer = FramerType.RTU if self._rtu else FramerType.SOCKET
        return AsyncModbusTcpClient(config.host or "", port=config.tcp_port, framer=framer, **common)

    def _trace(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            return self._ear.heard(data)
        self._ear.sent(data)
        return data


def _send(client: "Client", ask: Ask) -> "Awaitable[ModbusPDU]":
    at, unit, values = ask.address, ask.unit, ask.values
    ways: dict[int, Callable[[], Awaitable[ModbusPDU]]] = {
        1: lambda: client.read_coils(at, count=ask.count, device_id=unit),
        2: lambda: client.read_discrete_inputs(at, count=ask.count, device_id=unit),
        3: lambda: client.read_holding_registers(at, count=ask.count, device_id=unit),
        4: lambda: client.read_input_registers(at, count=ask.count, device_id=unit),
        5: lambda: client.write_coil(at, bool(values[0]), device_id=unit),
        6: lambda: client.write_register(at, values[0], device_id=unit),
        15: lambda: client.write_coils(at, [bool(value) for value in values], device_id=unit),
        16: lambda: client.write_registers(at, list(values), device_id=unit),
    }
    return ways[ask.function]()


def _values(ask: Ask, response: "ModbusPDU") -> list[int]:
    if response.isError():
        code = int(getattr(response, "exception_code", 0))
        said = EXCEPTIONS.get(code, "no reason that is known")
        if code in (10, 11):
            raise NoAnswer("driver.silent", f"unit {ask.unit}: {said}", retry=True)
        raise Refused("driver.io", f"unit {ask.unit} refuses: exception {code}, {said}", retry=code in (4, 5, 6))
    if ask.values:
        return []
    found = [int(bit) for bit in response.bits] if ask.function in (1, 2) else list(response.registers)
    return found[: ask.count]
