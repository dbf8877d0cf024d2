"""What is wrong with a cabinet, and what all behind it use. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.config.sensing import Cabinet
from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import CabinetState
from edge_agent.control.facts import Moment, Readings


@dataclass(frozen=True, slots=True)
class Load:
    """A thing behind a cabinet. `actual`: per cent, None while unknown; `energy_kwh`: its own sum so far."""

    id: str
    rated_w: float | None
    actual: float | None
    energy_kwh: float | None = None


class CabinetMonitor:
    """Faults and sums of one cabinet."""

    def __init__(self, cabinet: Cabinet) -> None:
        self.again_s: float | None = None
        """Look again after so many seconds, though nothing is new; None: only on news."""
        self.supply_lost = False
        """The mains, or the main breaker, are gone as of the last look: said at once, not confirmed."""

    def look(self, moment: Moment, readings: Readings, loads: Sequence[Load]) -> CabinetState:
        """Its state now. `loads`: the things behind its meter."""
        raise NotImplementedError

    def dump(self) -> JsonObject:
        """To be kept through a power cut."""
        raise NotImplementedError

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        raise NotImplementedError
