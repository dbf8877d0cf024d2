"""The physics of a simulated cabinet: what flows, heats, fills and counts. Pure: time is passed in.

Powers are W, currents A (power over voltage, without a phase angle), energies kWh, water litres.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drivers.simulated import air
from drivers.simulated.config import CabinetLine, SimulatedCabinetConfig
from drivers.simulated.faults import Rehearsed
from drivers.simulated.memory import Memory

_STEPS = 1000
"""A long time is walked through in so many steps at most, a short one in steps of a second."""
_DRY_POWER = 0.6
"""A pump without water takes less."""


@dataclass
class _Line:
    entry: CabinetLine
    output: float | None = None
    fault: Rehearsed | None = None
    fault_since: float = 0.0
    energy: float = 0.0
    litres: float = 0.0


class World:
    """All that the cabinet is made of. Call `advance` before each change and each look."""

    def __init__(self, config: SimulatedCabinetConfig, memory: Memory, mono: float, now: datetime) -> None:
        self._config = config
        self._mono = mono
        self._hour = air.hour_of(config, now)
        self._lines = {line: _Line(entry) for line, entry in config.lines.items()}
        for name, line in self._lines.items():
            line.output = memory.outputs.get(name)
            line.energy = memory.counters.get(f"{name}_energy", 0.0)
            line.litres = memory.counters.get(f"{name}_litres", 0.0)
        self._energy = memory.counters.get("energy", 0.0)
        full = config.tank_litres
        self._tank = min(full, memory.tank) if memory.tank is not None else full * config.tank_start / 100
        self._faults: dict[str, Rehearsed] = {}
        self._temperature, self._humidity = self._outside()

    def advance(self, mono: float, now: datetime) -> None:
        """Let time pass up to now; the wall clock only moves the sun."""
        self._hour = air.hour_of(self._config, now)
        left = max(0.0, mono - self._mono)
        self._mono = max(mono, self._mono)
        step = max(1.0, left / _STEPS)
        while left > 0:
            self._step(min(step, left), self._mono - left)
            left -= step

    def set_output(self, line: str, level: float) -> None:
        """Set an output to a level of 0..100."""
        self._lines[line].output = level

    def output(self, line: str) -> float | None:
        """What an output is, a stuck one too; None before it was set for the first time."""
        return self._output(self._lines[line])

    def set_faults(self, faults: Mapping[str, Rehearsed]) -> None:
        """Break what is named, mend all else."""
        for name, line in self._lines.items():
            fault = faults.get(name)
            if fault != line.fault:
                line.fault, line.fault_since = fault, self._mono
        self._faults = {name: fault for name, fault in faults.items() if name not in self._lines}

    def fault(self, thing: str) -> Rehearsed | None:
        """What is rehearsed of a line or a channel."""
        return self._lines[thing].fault if thing in self._lines else self._faults.get(thing)

    def values(self) -> dict[str, float]:
        """All channels as they really are; faults of the sensors themselves are not in it."""
        found: dict[str, float] = {}
        total = self._total(self._mono)
        for name, line in self._lines.items():
            found |= self._of_line(name, line)
        light = air.lux(self._config, self._hour)
        return found | {
            "door": float(self._is("door", "open")),
            "supply": float(not self._is("supply", "loss")),
            "leakage": float(self._is("leakage", "yes")),
            "breaker": float(not self._is("breaker", "tripped")),
            "hand": float(self._is("hand", "on")),
            "power": total,
            "current": total / self._config.voltage,
            "energy": self._energy,
            "voltage": 0.0 if self._is("supply", "loss") else self._config.voltage,
            "photocell": float(light < air.DARK_LUX),
            "illuminance": light,
            "temperature": self._temperature,
            "humidity": self._humidity,
            "tank": 100 * self._tank / self._config.tank_litres,
        }

    def memory(self) -> Memory:
        """What is to be kept."""
        counters = {"energy": self._energy}
        for name, line in self._lines.items():
            counters[f"{name}_energy"] = line.energy
            counters[f"{name}_litres"] = line.litres
        outputs = {name: line.output for name, line in self._lines.items() if line.output is not None}
        return Memory(outputs, counters, self._tank)

    def _of_line(self, name: str, line: _Line) -> dict[str, float]:
        power = self._power(line, self._mono)
        found = {
            f"{name}_contact": float(self._closed(line)),
            f"{name}_breaker": float(not _has(line, "tripped")),
            f"{name}_hand": float(_has(line, "hand")),
            f"{name}_power": power,
            f"{name}_current": power / self._config.voltage,
            f"{name}_energy": line.energy,
        }
        if line.entry.litres_per_minute:
            found |= {f"{name}_flow": self._flow(line, self._mono), f"{name}_litres": line.litres}
        return found

    def _step(self, seconds: float, mono: float) -> None:
        config = self._config
        for line in self._lines.values():
            line.energy += self._power(line, mono) * seconds / 3.6e6
            litres = self._flow(line, mono) * seconds / 60
            if line.entry.tank == "draws":
                litres = min(litres, self._tank)
                self._tank -= litres
            elif line.entry.tank == "fills":
                self._tank = min(config.tank_litres, self._tank + litres)  # the rest runs over
            line.litres += litres
        self._energy += self._total(mono) * seconds / 3.6e6
        warm, moist = self._outside()
        for line in self._lines.values():
            part = self._level(line, mono) / 100
            warm += part * line.entry.warms
            moist += part * line.entry.moistens
        share = 1 - math.exp(-seconds / config.air_s)
        self._temperature += (warm - self._temperature) * share
        self._humidity += (min(100.0, max(0.0, moist)) - self._humidity) * share

    def _outside(self) -> tuple[float, float]:
        warm = air.warmth(self._hour)
        return air.between(self._config.temperature, warm), air.between(self._config.humidity, 1 - warm)

    @property
    def _mains(self) -> bool:
        return not self._is("supply", "loss") and not self._is("breaker", "tripped")

    def _is(self, thing: str, kind: str) -> bool:
        fault = self._faults.get(thing)
        return fault is not None and fault.kind == kind

    def _output(self, line: _Line) -> float | None:
        if _has(line, "stuck-on"):
            return 100.0
        return 0.0 if _has(line, "stuck-off") else line.output

    def _by_hand(self, line: _Line) -> bool:
        """The cabinet's hand switch is that of its lamps, as in lighting cabinets; others have their own."""
        return _has(line, "hand") or (self._is("hand", "on") and line.entry.kind == "lamp")

    def _closed(self, line: _Line) -> bool:
        """Whether the contactor is pulled in: its coil needs the mains."""
        if _has(line, "welded"):
            return True
        if not self._mains or _has(line, "coil"):
            return False
        return self._by_hand(line) or bool(self._output(line))

    def _level(self, line: _Line, mono: float) -> float:
        """What reaches the load, per cent."""
        if not self._closed(line) or not self._mains or _has(line, "tripped"):
            return 0.0
        if line.fault is not None and line.fault.kind == "cycling":
            half = line.fault.amount or 60.0
            if int((mono - line.fault_since) / half) % 2 == 0:
                return 0.0
        by_itself = self._by_hand(line) or _has(line, "welded")
        return 100.0 if by_itself else self._output(line) or 0.0

    def _power(self, line: _Line, mono: float) -> float:
        power = line.entry.watts * self._level(line, mono) / 100
        fault = line.fault
        if fault is None:
            return power
        if fault.kind == "burnt-out":
            return power * (1 - (fault.amount or 0) / 100)
        if fault.kind == "overload":
            return power * (fault.amount or 0) / 100
        return power * _DRY_POWER if fault.kind == "dry" else power

    def _flow(self, line: _Line, mono: float) -> float:
        """Litres a minute."""
        if _has(line, "dry") or (line.entry.tank == "draws" and self._tank <= 0):
            return 0.0
        return line.entry.litres_per_minute * self._level(line, mono) / 100

    def _total(self, mono: float) -> float:
        own = self._config.own_watts if self._mains else 0.0
        return own + sum(self._power(line, mono) for line in self._lines.values())


def _has(line: _Line, kind: str) -> bool:
    return line.fault is not None and line.fault.kind == kind
