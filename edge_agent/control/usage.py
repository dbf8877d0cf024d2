"""What one switched thing has used: energy, hours, switchings, litres. Pure; counted by the monotonic clock."""

from collections.abc import Mapping

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import Usage
from edge_agent.control.facts import Moment, Readings


class Meter:
    """Counts for one thing. Look at each change of its level and of its sensors, and every few minutes besides."""

    def __init__(self, entry: SwitchedEntry, sensors: Mapping[str, Sensor]) -> None:
        """`sensors`: all of the node by their ids; of kind `flow` its flow meter says L/min, else litres counted."""
        self.power_w: float | None = None
        """Measured now."""

    @property
    def litres(self) -> float | None:
        """Through its flow meter so far, not rounded; None without one."""
        raise NotImplementedError

    def look(self, moment: Moment, actual: float | None, readings: Readings) -> None:
        """Count what was used since the last look; `actual` (per cent) and the sensors hold until the next."""
        raise NotImplementedError

    def usage(self) -> Usage:
        """The sums, rounded for people."""
        raise NotImplementedError

    def dump(self) -> JsonObject:
        """To be kept through a power cut."""
        raise NotImplementedError

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        raise NotImplementedError
