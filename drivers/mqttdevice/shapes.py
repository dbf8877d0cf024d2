"""How devices speak: topics, orders and words of Zigbee2MQTT and of Tasmota. Pure.

By the public documentation of both. Of Zigbee2MQTT (www.zigbee2mqtt.io): guide/usage/mqtt_topics_and_messages,
guide/usage/exposes, guide/configuration/mqtt, .../device-availability and .../devices-groups, and the page of a dimmer
(devices/TS0501B_dimmer_2), which gives 0..254 where the general page's example says 255. Of Tasmota
(tasmota.github.io/docs): MQTT, Commands, Buttons-and-Switches, JSON-Status-Responses, Lights, and the log in DeepSleep,
which shows that with SetOption4 the answer and the plain word come on one topic, stat/NAME/POWER.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from drivers.mqttdevice.config import DeviceLine, DeviceSensor, MqttDevicesConfig

Role = Literal["values", "availability", "bridge"]
_FULL = 254
"""Brightness of Zigbee at 100 %."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to publish, and what the device says when it has done so: key -> value, and how far it may be off."""

    topic: str
    body: str
    confirmed: Mapping[str, str | float]
    off_by: float = 0.0


def topics(config: MqttDevicesConfig, entry: DeviceLine | DeviceSensor) -> dict[str, Role]:
    """What the device of a line or a sensor speaks on.

    Tasmota tells a change, also one made at its button, on stat/NAME/RESULT and plainly on stat/NAME/POWER; with
    SetOption4 its answers come on stat/NAME/POWER, DIMMER and STATE instead of RESULT.
    """
    if entry.shape == "zigbee2mqtt":
        place = f"{config.base}/{entry.device}"
        return {place: "values", f"{place}/availability": "availability", f"{config.base}/bridge/state": "bridge"}
    stat, tele = _tasmota(config, "stat", entry.device), _tasmota(config, "tele", entry.device)
    heard = [f"{stat}{name}" for name in ("RESULT", "STATE", "STATUS10", "STATUS11")]
    heard += [f"{tele}{name}" for name in ("STATE", "SENSOR")]
    if isinstance(entry, DeviceLine):
        heard += [f"{stat}{name}" for name in (*state_keys(entry), *(("DIMMER",) if entry.dimmable else ()))]
    elif entry.value.startswith("POWER"):
        heard.append(f"{stat}{entry.value}")
    found: dict[str, Role] = dict.fromkeys(heard, "values")
    return {**found, f"{tele}LWT": "availability"}


def _tasmota(config: MqttDevicesConfig, prefix: str, device: str) -> str:
    """Return the device's FullTopic for a prefix, up to where the command stands."""
    return config.full_topic.replace("%prefix%", prefix).replace("%topic%", device).rstrip("/") + "/"


def parse(topic: str, body: bytes) -> dict[str, Any]:
    """Return what a message says, key -> value: a JSON object, or the plain word of stat/NAME/POWER.

    Raises ValueError for all else, also for what is nested beyond reason.
    """
    name = topic.rpartition("/")[2]
    if name.startswith("POWER") and not body.lstrip().startswith(b"{"):
        return {name: body[:60].decode("utf-8")}
    try:
        data = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")
    for wrapper in ("StatusSNS", "StatusSTS"):  # Tasmota's answers to STATUS 10 and 11
        inner = data.get(wrapper)
        if isinstance(inner, dict):
            return inner
    return data


def availability(body: bytes) -> bool | None:
    """Return whether a device is there: online, Online, {"state": "online"}; None for any other word."""
    text = body[:200].decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            state = parse("", body).get("state")
        except ValueError:
            return None
        text = state if isinstance(state, str) else ""
    return {"online": True, "offline": False}.get(text.lower())


def state_keys(line: DeviceLine) -> tuple[str, ...]:
    """Where a line's on or off stands in what the device says; the first that is there counts."""
    if line.shape == "zigbee2mqtt":
        return (f"state_{line.endpoint}",) if line.endpoint else ("state",)
    return ("POWER", "POWER1") if line.endpoint in (None, "1") else (f"POWER{line.endpoint}",)


def level_key(line: DeviceLine) -> str:
    """Where its brightness stands."""
    if line.shape == "tasmota":
        return "Dimmer"
    return f"brightness_{line.endpoint}" if line.endpoint else "brightness"


def level_of(line: DeviceLine, brightness: float) -> float:
    """Per cent, of a brightness as the device says it."""
    return min(100.0, max(0.0, brightness / _FULL * 100 if line.shape == "zigbee2mqtt" else brightness))


def order(config: MqttDevicesConfig, line: DeviceLine, level: float) -> Order:
    """What sets a line to 0..100 per cent; of a line that cannot be dimmed more than 0 is on."""
    word = "ON" if level > 0 else "OFF"
    state = state_keys(line)[0]
    dims = line.dimmable and level > 0
    if line.shape == "zigbee2mqtt":
        body: dict[str, Any] = {state: word}
        if dims:
            body[level_key(line)] = max(1, round(level / 100 * _FULL))
        return Order(f"{config.base}/{line.device}/set", json.dumps(body), body, off_by=2)
    place = _tasmota(config, "cmnd", line.device)
    if dims:
        percent = max(1, round(level))
        return Order(f"{place}Dimmer", str(percent), {state: word, "Dimmer": percent})
    return Order(f"{place}POWER{line.endpoint or ''}", word, {state: word})


def question(config: MqttDevicesConfig, line: DeviceLine) -> tuple[str, str]:
    """What makes a device say how a line is: topic and body."""
    if line.shape == "zigbee2mqtt":
        asked = {state_keys(line)[0]: ""} | ({level_key(line): ""} if line.dimmable else {})
        return f"{config.base}/{line.device}/get", json.dumps(asked)
    return f"{_tasmota(config, 'cmnd', line.device)}STATE", ""


def sensor_question(config: MqttDevicesConfig, sensor: DeviceSensor) -> tuple[str, str] | None:
    """What makes a device say what it measures; None where it speaks only by itself (Zigbee: batteries sleep)."""
    return (f"{_tasmota(config, 'cmnd', sensor.device)}STATUS", "10") if sensor.shape == "tasmota" else None
