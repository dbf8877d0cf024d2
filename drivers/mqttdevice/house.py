"""All devices of one broker: which topic is whose, and what each has said. Pure: messages and time are passed in."""

import logging
from collections.abc import Iterator
from datetime import datetime

from drivers.mqttdevice import shapes
from drivers.mqttdevice.config import DeviceLine, DeviceSensor, MqttDevicesConfig
from drivers.mqttdevice.device import Device
from drivers.mqttdevice.wire import Message


class House:
    """The devices. `taken` counts messages: a word with a larger number was said later."""

    def __init__(self, config: MqttDevicesConfig, logger: logging.Logger) -> None:
        self._config, self._log = config, logger
        self._devices: dict[tuple[str, str], Device] = {}
        self._roles: dict[str, tuple[shapes.Role, Device | None]] = {}
        self._complained: set[str] = set()
        self._bridge = Device("Zigbee2MQTT")
        self.taken = 0
        for line in config.lines.values():
            device = self._add(line)
            device.wanted.update(shapes.state_keys(line), {shapes.level_key(line)} if line.dimmable else ())
        for sensor in config.sensors.values():
            self._add(sensor).wanted.add(sensor.value.partition(".")[0])

    def _add(self, entry: DeviceLine | DeviceSensor) -> Device:
        place = (entry.shape, entry.device)
        if place not in self._devices:
            self._devices[place] = Device(entry.device)
        device = self._devices[place]
        for topic, role in shapes.topics(self._config, entry).items():
            self._roles.setdefault(topic, (role, None if role == "bridge" else device))
        return device

    def device(self, entry: DeviceLine | DeviceSensor) -> Device:
        """The device of a line or a sensor."""
        return self._devices[entry.shape, entry.device]

    def topics(self) -> list[str]:
        """All that is to be listened to."""
        return list(self._roles)

    def questions(self) -> Iterator[tuple[str, str]]:
        """What to ask when the connection is new."""
        for sensor in {(s.shape, s.device): s for s in self._config.sensors.values()}.values():
            question = shapes.sensor_question(self._config, sensor)
            if question is not None:
                yield question

    def require_there(self, entry: DeviceLine | DeviceSensor) -> None:
        """Raise DriverFault `driver.silent` when the device, or the bridge before it, is known to be away."""
        if entry.shape == "zigbee2mqtt":
            self._bridge.require_there()
        self.device(entry).require_there()

    def doubt(self) -> None:
        """The connection was lost or is new: what was said before may not be so any more."""
        for device in (*self._devices.values(), self._bridge):
            device.doubt()

    def take(self, message: Message, now: datetime) -> tuple[Device, list[str]] | None:
        """Take a message; returns whose it is and which keys are news. What is no word of a device is told once."""
        role, device = self._roles.get(message.topic, ("values", None))
        self.taken += 1
        try:
            if role == "values":
                if device is None:
                    return None
                values = shapes.parse(message.topic, message.body)
                news = device.said(values, at=now, retained=message.retained, number=self.taken)
            else:
                there = shapes.availability(message.body)
                if there is None:
                    raise ValueError("neither online nor offline")
                (device or self._bridge).is_there(there, now)
                news = []
        except ValueError as error:
            self._complain(message.topic, error)
            return None
        self._complained.discard(message.topic)
        return device or self._bridge, news

    def _complain(self, topic: str, error: ValueError) -> None:
        if topic not in self._complained:
            self._complained.add(topic)
            self._log.warning("%s: not taken: %s", topic, str(error)[:200])
