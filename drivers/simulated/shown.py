"""What the channels of a simulated cabinet show: its physics, seen through sensors that may be broken too."""

import math
from collections.abc import Iterator, Mapping

from drivers.contract import DriverFault
from drivers.simulated.channels import UNITS, is_contact
from drivers.simulated.faults import Rehearsed

_DIGITS = {"W": 1, "A": 3, "V": 1, "Cel": 2, "%": 1, "L/min": 1, "lx": 1, "1": 0}
_COUNTED = {"energy": 0.01, "litres": 1.0}
"""Counters go up in steps, as meters with pulses do, so that no unwritten part of them is ever shown."""
_NEWS = 0.01
"""A value that is no contact is news when it has moved by such a part."""


def counters(values: Mapping[str, float]) -> dict[str, float]:
    """The counters among values, down to the last whole step."""
    found = {}
    for channel, value in values.items():
        step = _COUNTED.get(channel.rpartition("_")[2])
        if step is not None:
            found[channel] = round(math.floor(value / step + 1e-9) * step, 6)
    return found


def seen(channel: str, true: float, fault: Rehearsed | None) -> float:
    """What a sensor shows of a true value.

    Raises DriverFault `driver.silent` and `driver.bad_value` for one that is broken so.
    """
    kind = fault.kind if fault is not None else ""
    if kind == "silent":
        raise DriverFault("driver.silent", f"{channel} says nothing (rehearsed fault)", retry=True)
    if kind == "nan":
        raise DriverFault("driver.bad_value", f"{channel} says NaN (rehearsed fault)", retry=True)
    if kind == "value" and fault is not None and fault.amount is not None:
        return fault.amount
    unit = UNITS.get(channel.rpartition("_")[2], "1")
    return round(true, _DIGITS.get(unit, 6))


def news(before: Mapping[str, float], now: Mapping[str, float], *, all_of: bool) -> Iterator[str]:
    """Channels whose change is worth telling: contacts always, others when asked for all and moved enough."""
    for channel, value in now.items():
        old = before.get(channel)
        if old is None or is_contact(channel):
            if value != old:
                yield channel
        elif all_of and abs(value - old) > _NEWS * max(abs(old), abs(value)):
            yield channel
