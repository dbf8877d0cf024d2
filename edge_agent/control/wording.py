"""Numbers, times and sensors in words, in both languages at once: `33,2 °C` and `33.2 °C`."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge_agent.config.sensing import Sensor
from edge_agent.contract.errors import Said
from edge_agent.contract.sentences import sentence

_KIND_UNITS = {
    "temperature": "Cel",
    "humidity": "%",
    "illuminance": "lx",
    "volume": "L",
    "flow": "L/min",
    "power": "W",
    "current": "A",
    "voltage": "V",
    "energy": "kW.h",
}
_SHOWN = {"1": "", "Cel": "°C", "kW.h": "kWh", "m3": "m³", "Ohm": "Ω", "mg/L": "mg/L"}
_CONTACTS = frozenset({"photocell", "door", "contact", "breaker", "hand", "leakage", "supply"})


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Vietnamese and in English."""

    vi: str
    en: str


class Beyond(Protocol):
    """A limit as the configuration writes it: a rule's condition, or a block."""

    @property
    def sensor(self) -> str: ...
    @property
    def above(self) -> float | None: ...
    @property
    def below(self) -> float | None: ...
    @property
    def ends(self) -> float | None: ...


Sensors = Mapping[str, Sensor]


def part(code: str, **parts: Words | str) -> Words:
    """A piece of a sentence from the catalogue, with its gaps filled."""
    return Words(
        vi=sentence(code, "vi", {name: each.vi if isinstance(each, Words) else each for name, each in parts.items()}),
        en=sentence(code, "en", {name: each.en if isinstance(each, Words) else each for name, each in parts.items()}),
    )


def said(code: str, params: Mapping[str, str | int | float], **parts: Words | str) -> Said:
    """A sentence whose gaps differ between the languages. `params` are the bare facts, for programs."""
    words = part(code, **parts)
    return Said(code=code, params=dict(params), vi=_capital(words.vi), en=_capital(words.en))


def joined(code: str, pieces: Iterable[Words]) -> Words:
    """`a and b and c`; the code names what stands between them."""
    between, pieces = part(code), tuple(pieces)
    return Words(
        vi=f" {between.vi} ".join(each.vi for each in pieces), en=f" {between.en} ".join(each.en for each in pieces)
    )


def number(value: float) -> Words:
    """A number without false digits: 33.2, 1,250, 0.004; in Vietnamese 33,2, 1.250, 0,004."""
    if not math.isfinite(value):
        return Words("–", "–")
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 0.1 or size == 0 else 6
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = "0" if text == "-0" else text
    return Words(vi=text.translate(str.maketrans(",.", ".,")), en=text)


def quantity(value: float, unit: str) -> Words:
    """A number with its unit (UCUM)."""
    count, named = number(value), unit_words(unit)
    return Words(vi=f"{count.vi} {named.vi}".strip(), en=f"{count.en} {named.en}".strip())


def unit_words(unit: str) -> Words:
    """A unit (UCUM) as people write it."""
    if unit in ("L", "L/min", "L/h"):
        return Words(vi=unit.replace("L", "lít").replace("min", "phút").replace("/h", "/giờ"), en=unit)
    shown = _SHOWN.get(unit, unit)
    return Words(shown, shown)


def duration(seconds: float) -> Words:
    """A length of time: 60 seconds, 10 minutes, 1 hour 30 minutes."""
    if (seconds < 120 and seconds % 60) or seconds <= 60:
        return part("part.seconds", count=number(seconds))
    left = round(seconds)
    pieces = []
    for code, size in (("part.hours", 3600), ("part.minutes", 60), ("part.seconds", 1)):
        count, left = divmod(left, size)
        if count:
            pieces.append(part(code, count=number(count)))
    return Words(" ".join(each.vi for each in pieces), " ".join(each.en for each in pieces))


def name_of(sensor: str, sensors: Sensors) -> Words:
    """A sensor as people call it, as it stands within a sentence; its id where it has no name."""
    name = sensors[sensor].name if sensor in sensors else sensor
    inside = name[:1].lower() + name[1:] if name[1:2].islower() or name[1:2] == " " else name
    return Words(inside, inside)


def limit_words(limit: Beyond, sensors: Sensors, value: float | None = None) -> Words:
    """What holds: `temperature 33.2 °C above 32 °C`; without a value only what must hold.

    A value that is on its way back, between the limit and its end, has only not come back yet.
    """
    what = name_of(limit.sensor, sensors)
    if _is_contact(limit.sensor, sensors):
        return part("part.signals" if limit.above is not None else "part.no_signal", what=what)
    if value is not None:
        now = quantity(value, _unit(limit.sensor, sensors))
        what = Words(f"{what.vi} {now.vi}", f"{what.en} {now.en}")
    upper, side = limit.above is not None, _side(limit)
    if value is not None and not (value > side if upper else value < side):
        back = quantity(_back(limit), _unit(limit.sensor, sensors))
        return part("part.not_yet_down" if upper else "part.not_yet_up", what=what, limit=back)
    return part("part.above" if upper else "part.below", what=what, limit=_limit(limit, sensors))


def unmet_words(limit: Beyond, sensors: Sensors) -> Words:
    """What does not hold: `temperature not above 32 °C`."""
    what, upper = name_of(limit.sensor, sensors), limit.above is not None
    if _is_contact(limit.sensor, sensors):
        return part("part.no_signal" if upper else "part.signals", what=what)
    return part("part.not_above" if upper else "part.not_below", what=what, limit=_limit(limit, sensors))


def end_words(limit: Beyond, sensors: Sensors) -> Words:
    """When it ends: `temperature falls to 30 °C`."""
    what, upper = name_of(limit.sensor, sensors), limit.above is not None
    if _is_contact(limit.sensor, sensors):
        return part("part.stops" if upper else "part.starts", what=what)
    back = quantity(_back(limit), _unit(limit.sensor, sensors))
    return part("part.falls" if upper else "part.rises", what=what, limit=back)


def _limit(limit: Beyond, sensors: Sensors) -> Words:
    return quantity(_side(limit), _unit(limit.sensor, sensors))


def _side(limit: Beyond) -> float:
    return limit.above if limit.above is not None else limit.below or 0.0


def _back(limit: Beyond) -> float:
    return _side(limit) if limit.ends is None else limit.ends


def _is_contact(sensor: str, sensors: Sensors) -> bool:
    return sensor in sensors and sensors[sensor].kind in _CONTACTS


def _unit(sensor: str, sensors: Sensors) -> str:
    if sensor not in sensors:
        return "1"
    return sensors[sensor].unit or _KIND_UNITS.get(sensors[sensor].kind, "1")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
