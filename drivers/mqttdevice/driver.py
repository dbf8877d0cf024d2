"""Devices that speak MQTT on a broker nearby: Zigbee through Zigbee2MQTT, and Wi-Fi plugs and relays with Tasmota.

A switch is done when the device itself has said so; of Zigbee2MQTT with `optimistic`, its default, when the bridge says
that the order succeeded. A device that its bridge or its last will calls offline is not
switched at all: an order that comes too late would be a surprise. A word that the broker had kept (retained) is
believed only with the device's own time of it (`last_seen`): nobody knows how old it is; a line is asked instead.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.mqttdevice import shapes
from drivers.mqttdevice.config import DeviceLine, DeviceSensor, MqttDevicesConfig
from drivers.mqttdevice.device import Device, Word, at_path, number, on_or_off
from drivers.mqttdevice.house import House
from drivers.mqttdevice.wire import Account, Message, Wire
from drivers.relay.lines import require

_CONNECT_S = 6.0


class MqttDevices:
    """Devices on an MQTT broker. Implements `Driver`, `Switchable`, `Dimmable`, `Measuring`, `Watching`."""

    Config: ClassVar[type[BaseModel]] = MqttDevicesConfig

    def __init__(self, config: MqttDevicesConfig, context: DriverContext) -> None:
        self._config, self._context = config, context
        self._house = House(config, context.logger)
        self._wire: Wire | None = None
        self._down: DriverFault | None = None
        self._tried = asyncio.Event()
        self._news = asyncio.Event()
        self._turns = {line: asyncio.Lock() for line in config.lines}
        self._changed: Callable[[str, Measurement], None] = lambda _channel, _measurement: None

    async def check(self) -> Check:
        """Whether the broker answers; open: whether the connection stands. Switches nothing."""
        if self._wire is not None:
            fault = self._down
            return Check(ok=fault is None, code=fault.code if fault else "ok", detail=fault.detail if fault else "")
        host, port, _ = self._config.address()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "no answer"
            return Check(ok=False, code="driver.io", detail=f"no broker answers at {host}:{port}: {reason}")
        writer.close()
        return Check(ok=True, detail=f"{host}:{port}")

    def capabilities(self) -> Sequence[Capability]:
        """One relay or dimmer a line, one channel a sensor."""
        found = []
        for id_, line in self._config.lines.items():
            kind, top = ("dimmer", 100.0) if line.dimmable else ("relay", None)
            unit, bottom = ("%", 0.0) if line.dimmable else (None, None)
            found.append(Capability(id_, line.name or id_, kind, unit=unit, minimum=bottom, maximum=top))
        for id_, sensor in self._config.sensors.items():
            found.append(Capability(id_, sensor.name or id_, "sensor", unit=sensor.unit, writable=False))
        return found

    async def __aenter__(self) -> Self:
        config = self._config
        host, port, tls = config.address()
        password = await asyncio.to_thread(config.password.reveal) if config.password is not None else None
        ca = str(config.ca.expanduser()) if config.ca is not None else None
        try:
            account = Account(host, port, tls, ca, config.username, password)
            wire = Wire(account, self._house.topics(), took=self._took, up=self._up)
        except (OSError, ValueError) as error:  # the file of the authority
            raise DriverFault("driver.io", f"TLS: {error}", retry=True) from error
        self._down = DriverFault("driver.io", f"the broker at {host}:{port} says nothing", retry=True)
        self._tried.clear()
        wire.start()
        self._wire = wire
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), _CONNECT_S)
            if self._down is not None:
                raise self._down
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.stop()
        self._house.doubt()

    async def switch(self, line: str, on: bool) -> None:
        """Switch, and wait until the device says that it did.

        Raises DriverFault `driver.silent` when it does not within `answer_s` or is offline, `driver.stuck` when it says
        otherwise, `driver.io` without a broker.
        """
        await self._set(line, 100 if on else 0)

    async def dim(self, line: str, level: float) -> None:
        """Set a level, and wait until the device says that it did. Raises ValueError unless 0 <= level <= 100."""
        if not 0 <= level <= 100:
            raise ValueError(f"level must be from 0 to 100, not {level}")
        if level not in (0, 100) and line in self._config.lines and not self._config.lines[line].dimmable:
            raise DriverFault("driver.not_dimmable", f"line {line!r} is only on or off")
        await self._set(line, level)

    async def read(self, line: str) -> bool:
        """What the device said last; it is asked when it has said nothing since we listen."""
        entry, word = await self._state(line)
        return on_or_off(entry.device, word.value)

    async def level(self, line: str) -> float:
        """What the device said last, as a level."""
        entry, word = await self._state(line)
        if not on_or_off(entry.device, word.value):
            return 0.0
        bright = self._house.device(entry).word((shapes.level_key(entry),)) if entry.dimmable else None
        return 100.0 if bright is None else shapes.level_of(entry, number(entry.device, bright.value))

    async def measure(self, channel: str) -> Measurement:
        """Give what the device said last, with the time when it did."""
        self._open()
        if channel not in self._config.sensors:
            raise DriverFault("driver.unknown_line", f"there is no sensor {channel!r}")
        entry = self._config.sensors[channel]
        self._house.require_there(entry)
        return _measurement(entry, self._house.device(entry))

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """From now on tell each word of a sensor as it comes."""
        self._changed = changed

    async def _set(self, line: str, level: float) -> None:
        wire = self._open()
        require(line, self._config.lines)
        entry = self._config.lines[line]
        order = shapes.order(self._config, entry, level)
        async with self._turns[line]:
            self._house.require_there(entry)
            before = self._house.taken
            wire.publish(order.topic, order.body)
            if not await self._until(lambda: self._followed(entry, order, before) is True, entry):
                raise self._why_not(entry, order, before)

    async def _state(self, line: str) -> tuple[DeviceLine, Word]:
        wire = self._open()
        require(line, self._config.lines)
        entry = self._config.lines[line]
        self._house.require_there(entry)
        device, keys = self._house.device(entry), shapes.state_keys(entry)
        if device.word(keys) is None:
            wire.publish(*shapes.question(self._config, entry))
            await self._until(lambda: device.word(keys) is not None, entry)
        word = device.word(keys)
        if word is None:
            raise device.silent()
        return entry, word

    def _followed(self, entry: DeviceLine, order: shapes.Order, before: int) -> bool | None:
        """Whether the device has said since what was ordered; None: it has said nothing of it."""
        device, answers = self._house.device(entry), []
        for key, wanted in order.confirmed.items():
            keys = shapes.state_keys(entry) if isinstance(wanted, str) else (key,)
            word = device.word(keys)
            if word is None or word.number <= before:
                return None
            answers.append(_same(word.value, wanted, order.off_by))
        return all(answers)

    def _why_not(self, entry: DeviceLine, order: shapes.Order, before: int) -> DriverFault:
        if self._down is not None:
            return self._down
        device = self._house.device(entry)
        if self._followed(entry, order, before) is False:
            return DriverFault("driver.stuck", f"{entry.device} answers, and does not follow", retry=True)
        if device.online is False:
            return device.silent()
        detail = f"{entry.device} has not confirmed within {self._config.answer_s:g} s"
        return DriverFault("driver.silent", detail, retry=True)

    async def _until(self, true: Callable[[], bool], entry: DeviceLine) -> bool:
        """Wait until something is so; False when it takes too long, or the device is found to be away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.answer_s):
                while not true():
                    if self._down is not None:
                        return False
                    self._house.require_there(entry)
                    self._news.clear()
                    await self._news.wait()
        return true()

    def _open(self) -> Wire:
        if self._wire is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        if self._down is not None:
            raise self._down
        return self._wire

    def _up(self, fault: DriverFault | None) -> None:
        if fault is not None:
            self._house.doubt()
        self._down = fault
        self._tried.set()
        self._news.set()
        if fault is None and self._wire is not None:
            for topic, body in self._house.questions():
                with contextlib.suppress(DriverFault):  # gone again; then this is called again
                    self._wire.publish(topic, body)

    def _took(self, message: Message) -> None:
        found = self._house.take(message, self._context.clock.now())
        if found is None:
            return
        device, news = found
        self._news.set()
        for channel, entry in self._config.sensors.items():
            if self._house.device(entry) is device and entry.value.partition(".")[0] in news:
                with contextlib.suppress(DriverFault):  # who measures it is told why
                    self._changed(channel, _measurement(entry, device))


def _measurement(entry: DeviceSensor, device: Device) -> Measurement:
    word = device.word((entry.value.partition(".")[0],))
    if word is None or word.value is None:
        raise device.silent()
    value = at_path(entry.device, word.value, entry.value)
    return Measurement(number(entry.device, value, entry.on), word.at)


def _same(value: object, wanted: str | float, off_by: float) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and value.upper() == wanted
    return isinstance(value, int | float) and abs(value - wanted) <= off_by
