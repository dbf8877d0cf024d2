"""What one switched thing has used: energy, hours, switchings, litres. Pure; counted by the monotonic clock."""

from collections.abc import Mapping

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import Usage
from edge_agent.control.energy import Energy
from edge_agent.control.facts import Moment, Reading, Readings
from edge_agent.control.sums import Counted, Flowing, number

_MOST_LITRES_PER_S = 100.0
_STEP_LITRES = 100.0
"""What a flow meter may count: a pipe of 200 mm at 3 m/s carries 94 L/s; large meters count in steps of 100 L."""


class Meter:
    """Counts for one thing. Look at each change of its level and of its sensors, and every few minutes besides.

    While the agent is away nothing is counted but what a meter has counted meanwhile.
    """

    def __init__(self, entry: SwitchedEntry, sensors: Mapping[str, Sensor]) -> None:
        """`sensors`: all of the node by their ids; of kind `flow` its flow meter says L/min, else litres counted."""
        self._entry = entry
        feedback = entry.feedback
        self._energy = Energy(_source(entry), entry.rated_w)
        flow = sensors.get(feedback.flow) if feedback.flow is not None else None
        self._rate = Flowing() if flow is not None and flow.kind == "flow" else None
        self._volume = Counted(_MOST_LITRES_PER_S, _STEP_LITRES)
        self._litres = 0.0
        self._on = Flowing()
        self._on_s = 0.0
        self._switch_ons = 0
        self._was_on = False
        self.power_w: float | None = None
        """Measured now."""

    @property
    def litres(self) -> float | None:
        """Through its flow meter so far, not rounded; None without one."""
        return self._litres if self._entry.feedback.flow is not None else None

    def look(self, moment: Moment, actual: float | None, readings: Readings) -> None:
        """Count what was used since the last look; `actual` (per cent) and the sensors hold until the next."""
        feedback, rated = self._entry.feedback, self._entry.rated_w
        power = _word(readings, feedback.power)
        self.power_w = None if power is None else power.value
        on = None if actual is None else actual > 0
        self._on_s += self._on.look(moment, None if on is None else float(on))
        if on is not None:
            self._switch_ons += on and not self._was_on
            self._was_on = on
        watts = self.power_w
        if feedback.power is None and rated is not None and actual is not None:
            watts = rated * actual / 100
        self._energy.look(moment, _word(readings, feedback.energy), watts)
        flow = _word(readings, feedback.flow)
        if self._rate is not None:
            self._litres += self._rate.look(moment, None if flow is None else flow.value) / 60
        else:
            self._litres += self._volume.look(moment, flow)

    def usage(self) -> Usage:
        """The sums, rounded for people."""
        kwh, litres = self._energy.kwh, self.litres
        return Usage(
            energy_kwh=None if kwh is None else round(kwh, 3),
            energy_by=self._energy.by,
            hours_on=round(self._on_s / 3600, 2),
            switch_ons=self._switch_ons,
            litres=None if litres is None else round(litres, 1),
        )

    def dump(self) -> JsonObject:
        """To be kept through a power cut."""
        return {
            "energy": self._energy.dump(),
            "on_s": self._on_s,
            "switch_ons": self._switch_ons,
            "was_on": self._was_on,
            "litres": self._litres,
            "volume": self._volume.dump(),
        }

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        self._energy.load(kept.get("energy"))
        self._volume.load(kept.get("volume"))
        self._on_s = number(kept, "on_s") or 0.0
        self._switch_ons = int(number(kept, "switch_ons") or 0)
        self._was_on = kept.get("was_on") is True
        self._litres = number(kept, "litres") or 0.0


def _source(entry: SwitchedEntry) -> str:
    if entry.feedback.energy is not None:
        return "counter"
    if entry.feedback.power is not None:
        return "power"
    return "none" if entry.rated_w is None else "estimate"


def _word(readings: Readings, sensor: str | None) -> Reading | None:
    return readings(sensor) if sensor is not None else None
