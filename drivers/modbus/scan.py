"""Looks who is on a bus, for an installer who does not know the addresses."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from drivers.modbus.config import ModbusConfig
from drivers.modbus.ear import Ask
from drivers.modbus.wire import NoAnswer, Refused, Wire

_PROBES = (3, 4)  # a device without holding registers may keep silent instead of refusing


@dataclass(frozen=True, slots=True)
class Found:
    """What a unit answered: "there", "silent", or "unclear" with the reason (noise, two devices at once)."""

    unit: int
    state: str
    detail: str = ""


async def scan(config: ModbusConfig, units: Iterable[int]) -> AsyncIterator[Found]:
    """Ask each unit for one register; nothing is written. Raises DriverFault when the line cannot be opened."""
    wire = Wire(config)
    try:
        for unit in units:
            yield await _probe(wire, unit, config.timeout_s)
    finally:
        wire.close()


async def _probe(wire: Wire, unit: int, timeout: float) -> Found:
    found = Found(unit, "silent")
    for function in _PROBES:
        try:
            await wire.ask(Ask(unit, function, 0, 1), timeout)
        except Refused:
            return Found(unit, "there")
        except NoAnswer as fault:
            if fault.code != "driver.silent":
                found = Found(unit, "unclear", fault.detail)
        else:
            return Found(unit, "there")
    return found
