"""What is wrong with a cabinet, and what all behind it use. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.config.sensing import Cabinet
from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import Basis, CabinetState, Trouble, TroubleType
from edge_agent.control.confirm import soonest
from edge_agent.control.energy import Energy
from edge_agent.control.evidence import Evidence
from edge_agent.control.facts import Moment, Readings
from edge_agent.control.sums import number
from edge_agent.control.troubles import Sign, Troubles

_SETTLE_S = 10.0
_RUN_UP_S = 300.0
"""As of single things: inrush is over, discharge lamps have come to their full power."""


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
        self._cabinet = cabinet
        self._troubles = Troubles(cabinet.name, _kinds(cabinet), cabinet.clear_s)
        self._energy = Energy("counter" if cabinet.energy else "power" if cabinet.power else "none")
        self._losses = 0
        self._levels: tuple[float | None, ...] | None = None
        self._steady_since = 0.0
        self.again_s: float | None = None
        """Look again after so many seconds, though nothing is new; None: only on news."""
        self.supply_lost = False
        """The mains, or the main breaker, are gone as of the last look: said at once, not confirmed."""

    @property
    def told(self) -> tuple[Trouble, ...]:
        """As of the last look, or as loaded."""
        return self._troubles.told

    def look(self, moment: Moment, readings: Readings, loads: Sequence[Load]) -> CabinetState:
        """Its state now. `loads`: the things behind its meter."""
        cabinet, evidence = self._cabinet, Evidence(moment, readings)
        door, supply = evidence.contact(cabinet.door), evidence.contact(cabinet.supply)
        breaker, power = evidence.contact(cabinet.breaker), evidence.value(cabinet.power)
        self._note(moment.mono, loads, lost=supply is False or breaker is False)
        losses = any(trouble.type == "supplyLoss" for trouble in self.told)
        signs: dict[TroubleType, Sign] = {
            "cabinetDoorOpen": Sign(door),
            "supplyLoss": Sign(None if supply is None else not supply),
            "leakageDetected": Sign(evidence.contact(cabinet.leakage)),
            "circuitBreakerTripped": Sign(None if breaker is None else not breaker),
            "localOverride": Sign(evidence.contact(cabinet.hand)),
            **self._power(evidence, loads),
        }
        troubles = self._troubles.look(moment, signs)
        self._losses += not losses and any(trouble.type == "supplyLoss" for trouble in troubles)
        self._energy.look(moment, readings(cabinet.energy) if cabinet.energy is not None else None, power)
        self.again_s = soonest(self._troubles.again_s, evidence.again_s)
        kwh, basis = self._sum(loads)
        return CabinetState(
            id=cabinet.id,
            at=moment.now,
            fault=troubles[0].fault if troubles else None,
            troubles=troubles,
            door_open=door,
            supply=supply,
            power_w=None if power is None else round(power, 1),
            energy_kwh=None if kwh is None else round(kwh, 3),
            energy_by=basis,
            supply_losses=self._losses,
        )

    def dump(self) -> JsonObject:
        """To be kept through a power cut."""
        return {"energy": self._energy.dump(), "supply_losses": self._losses, "troubles": self._troubles.dump()}

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        self._energy.load(kept.get("energy"))
        self._losses = int(number(kept, "supply_losses") or 0)
        troubles = kept.get("troubles")
        if isinstance(troubles, dict):
            self._troubles.load(troubles)

    def _note(self, mono: float, loads: Sequence[Load], *, lost: bool) -> None:
        """Since when the same is on, and fed."""
        levels = tuple(load.actual for load in loads)
        if levels != self._levels or lost != self.supply_lost:
            self._levels, self._steady_since = levels, mono
        self.supply_lost = lost

    def _power(self, evidence: Evidence, loads: Sequence[Load]) -> dict[TroubleType, Sign]:
        """Power beside the limit and beside what should be on."""
        cabinet = self._cabinet
        high = evidence.value(cabinet.power, self._steady_since + _SETTLE_S)
        if cabinet.power is None or high is None:
            return {}
        limit, signs = cabinet.power_high_w, dict[TroubleType, Sign]()
        expected = _expected(loads)
        most = limit
        if expected is not None and cabinet.power_tolerance is not None:
            margin = cabinet.power_tolerance * sum(load.rated_w or 0 for load in loads)
            most = expected + margin if limit is None else min(limit, expected + margin)
            low = evidence.value(cabinet.power, self._steady_since + _RUN_UP_S)
            dark = self.supply_lost or low is None
            signs["totalPowerTooLow"] = Sign(
                None if dark or low is None else low < expected - margin,
                {"value": round(low or 0), "expected": round(expected)},
            )
        if most is not None:
            over = high > most
            # within the limit, but what should be on is not known: nothing is known of the tolerance
            known = over or expected is not None or cabinet.power_tolerance is None
            signs["totalPowerTooHigh"] = Sign(over if known else None, {"value": round(high), "expected": round(most)})
        return signs

    def _sum(self, loads: Sequence[Load]) -> tuple[float | None, Basis | None]:
        """Its meter's, else the sum of what is behind it as far as that is known."""
        if self._energy.kwh is not None:
            return self._energy.kwh, self._energy.by
        known = [load.energy_kwh for load in loads if load.energy_kwh is not None]
        return (sum(known), "estimated") if known else (None, None)


def _kinds(cabinet: Cabinet) -> dict[TroubleType, float]:
    """What can be known by the sensors that there are, and how long it must last."""
    sensors: dict[TroubleType, str | None] = {
        "cabinetDoorOpen": cabinet.door,
        "supplyLoss": cabinet.supply,
        "leakageDetected": cabinet.leakage,
        "circuitBreakerTripped": cabinet.breaker,
        "localOverride": cabinet.hand,
        "totalPowerTooHigh": cabinet.power if cabinet.power_high_w or cabinet.power_tolerance else None,
        "totalPowerTooLow": cabinet.power if cabinet.power_tolerance else None,
    }
    return {type_: cabinet.confirm_s for type_, sensor in sensors.items() if sensor is not None}


def _expected(loads: Sequence[Load]) -> float | None:
    """Watts of what is on; None while the level of something is unknown, or nobody told its watts."""
    watts = 0.0
    for load in loads:
        if load.actual is None or (load.actual > 0 and load.rated_w is None):
            return None
        watts += (load.rated_w or 0) * load.actual / 100
    return watts
