"""How devices speak: topics, orders and words of Zigbee2MQTT and of Tasmota. Pure.

By the public documentation of both: zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html,
tasmota.github.io/docs/MQTT and tasmota.github.io/docs/Commands.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from drivers.mqttdevice.config import DeviceLine, Shape

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


def topics(shape: Shape, base: str, device: str) -> dict[str, Role]:
    """What a device speaks on."""
    if shape == "zigbee2mqtt":
        return {
            f"{base}/{device}": "values",
            f"{base}/{device}/availability": "availability",
            f"{base}/bridge/state": "bridge",
        }
    heard = ("stat/{}/RESULT", "stat/{}/STATUS10", "stat/{}/STATUS11", "tele/{}/STATE", "tele/{}/SENSOR")
    found: dict[str, Role] = {topic.format(device): "values" for topic in heard}
    return {**found, f"tele/{device}/LWT": "availability"}


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a message. Raises ValueError for all else, also for what is nested beyond reason."""
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
            state = parse(body).get("state")
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


def order(base: str, line: DeviceLine, level: float) -> Order:
    """What sets a line to 0..100 per cent; of a line that cannot be dimmed more than 0 is on."""
    word = "ON" if level > 0 else "OFF"
    state = state_keys(line)[0]
    dims = line.dimmable and level > 0
    if line.shape == "zigbee2mqtt":
        body: dict[str, Any] = {state: word}
        if dims:
            body[level_key(line)] = max(1, round(level / 100 * _FULL))
        return Order(f"{base}/{line.device}/set", json.dumps(body), body, off_by=2)
    if dims:
        percent = max(1, round(level))
        return Order(f"cmnd/{line.device}/Dimmer", str(percent), {state: word, "Dimmer": percent})
    number = line.endpoint or ""
    return Order(f"cmnd/{line.device}/POWER{number}", word, {state: word})


def question(base: str, line: DeviceLine) -> tuple[str, str]:
    """What makes a device say how a line is: topic and body."""
    if line.shape == "zigbee2mqtt":
        asked = {state_keys(line)[0]: ""} | ({level_key(line): ""} if line.dimmable else {})
        return f"{base}/{line.device}/get", json.dumps(asked)
    return f"cmnd/{line.device}/STATE", ""


def sensor_question(shape: Shape, device: str) -> tuple[str, str] | None:
    """What makes a device say what it measures; None where it speaks only by itself (Zigbee: batteries sleep)."""
    return (f"cmnd/{device}/STATUS", "10") if shape == "tasmota" else None
