"""From registers to values and back. Pure."""

import math
import struct
from collections.abc import Sequence
from typing import Literal

from drivers.contract import DriverFault
from drivers.modbus.points import Place, Point

_FORMATS = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "u64": ">Q", "s64": ">q", "f32": ">f", "f64": ">d"}
_INTEGERS = {"bcd16": ">H", "bcd32": ">I"}


def raw(place: Place, words: Sequence[int]) -> int | float:
    """Return the number in `words`, which are the registers (or the one bit) of `place`.

    Raises DriverFault `driver.bad_value` for digits above 9 in BCD.
    """
    if place.is_bits:
        return int(bool(words[0]))
    data = _bytes(place, words)
    if place.type == "bool":
        return (int.from_bytes(data, "big") >> (place.bit or 0)) & 1
    if place.type in _INTEGERS:
        digits = data.hex()
        if not digits.isdecimal():
            raise DriverFault("driver.bad_value", f"{place.register_} {place.address}: {digits} is not BCD", retry=True)
        return int(digits)
    number: int | float = struct.unpack(_FORMATS[place.type], data)[0]
    return number


def words_of(place: Place, number: int) -> list[int]:
    """Return the registers that hold a whole number; the reverse of `raw`. Raises ValueError when it does not fit."""
    limits = place.limits
    if limits is None or not limits[0] <= number <= limits[1]:
        raise ValueError(f"{number} does not fit into {place.type}")
    if place.type in _INTEGERS:
        data = bytes.fromhex(f"{number:0{4 * place.count}d}")
    elif place.type == "bool":
        data = number.to_bytes(2, "big")
    else:
        data = struct.pack(_FORMATS[place.type], number)
    order: Literal["big", "little"] = place.bytes
    words = [int.from_bytes(data[at : at + 2], order) for at in range(0, len(data), 2)]
    return words if place.words == "big" else words[::-1]


def value(point: Point, words: Sequence[int]) -> float:
    """Return what a point says, in its unit.

    Raises DriverFault `driver.bad_value` for NaN, infinity, a number that means "none", and beyond its bounds.
    """
    number = raw(point, words)
    where = f"{point.register_} {point.address}"
    if not math.isfinite(number):
        raise DriverFault("driver.bad_value", f"{where}: the device says {number}", retry=True)
    if number in point.missing:
        raise DriverFault("driver.bad_value", f"{where}: {number} means that there is no value", retry=True)
    if point.level is not None:
        return level(point, int(number))
    scaled = _short(point, number) * point.scale + point.offset
    if not math.isfinite(scaled):
        raise DriverFault("driver.bad_value", f"{where}: {number} is too large", retry=True)
    scaled = float(f"{scaled:.15g}")  # 291 * 0.1 is 29.1, not 29.099999999999998
    if (point.minimum is not None and scaled < point.minimum) or (point.maximum is not None and scaled > point.maximum):
        bounds = f"{_bound(point.minimum)}..{_bound(point.maximum)}"
        raise DriverFault("driver.bad_value", f"{where}: {scaled:g} is outside {bounds}", retry=True)
    return scaled


def level(point: Point, number: int) -> float:
    """Return the per cent of a raw number of a dimmer, 0..100."""
    low, high = point.level or (0, 100)
    return min(100.0, max(0.0, (number - low) * 100 / (high - low)))


def level_raw(point: Point, percent: float) -> int:
    """Return the raw number nearest to a level of 0..100; more than 0 is never the number of 0."""
    low, high = point.level or (0, 100)
    number = low + round((high - low) * percent / 100)
    if percent > 0 and number == low:
        number += 1 if high > low else -1
    return number


def _bytes(place: Place, words: Sequence[int]) -> bytes:
    ordered = words if place.words == "big" else list(reversed(words))
    return b"".join(word.to_bytes(2, place.bytes) for word in ordered)


def _short(point: Point, number: int | float) -> float:
    """The shortest decimal that is the same 32-bit float: 230.1, not 230.10000610351562."""
    if point.type != "f32":
        return number
    packed = struct.pack(">f", number)
    for digits in range(6, 9):
        short = float(f"{number:.{digits}g}")
        if abs(short) < 3.4e38 and struct.pack(">f", short) == packed:
            return short
    return number


def _bound(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"
