"""What is wrong with one switched thing, by what its contacts, its current and its power say. Pure."""

from dataclasses import dataclass

from edge_agent.config.switching import Feedback, Light, SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault, caused_by
from edge_agent.contract.switched import Trouble, TroubleType
from edge_agent.control.confirm import soonest
from edge_agent.control.cycles import WINDOW_S, Cycles
from edge_agent.control.evidence import Evidence
from edge_agent.control.facts import Moment, Readings
from edge_agent.control.troubles import Sign, Troubles

_INRUSH_S = 10.0
"""Ballasts and motors draw a multiple of their rated power while they start."""
_RUN_UP_S = 300.0
"""A sodium or metal halide lamp takes minutes to its full power; until then it is not too low."""

_CONSEQUENCES: tuple[TroubleType, ...] = (
    "switchingErrorOff",
    "lampFailure",
    "deviceMalfunction",
    "lampPowerTooLow",
    "totalPowerTooLow",
    "cyclingFailure",
)
"""What is no trouble of its own while nothing feeds it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look sees. `free`: commanded and fed as it should be, so that what is dark is wrong by itself."""

    on: bool
    level: float
    line: Fault | None
    hand: bool | None
    breaker: bool | None
    free: bool
    contact: bool | None
    draws: bool | None
    measured: str


class Monitor:
    """The faults of one thing, by TALQ's names: each is told after `confirm_s`, and cleared after `clear_s`.

    A fault is judged only while it can be seen: a lamp that failed stays so through the day, until it burns again.
    """

    def __init__(self, entry: SwitchedEntry) -> None:
        self._entry = entry
        self._lamp = isinstance(entry, Light)
        self._troubles = Troubles(entry.name, _kinds(entry, self._lamp), entry.feedback.clear_s)
        self._cycles = Cycles()
        self._level: float | None = None
        self._level_since = self._on_since = self._free_since = 0.0
        self._free = True
        self._explained = False
        self.again_s: float | None = None
        """Look again after so many seconds, though nothing is new; None: only on news."""

    @property
    def told(self) -> tuple[Trouble, ...]:
        """As of the last look, or as loaded: what a first look is compared with."""
        return self._shown(self._troubles.told)

    def look(
        self,
        moment: Moment,
        wanted: float,
        actual: float | None,
        readings: Readings,
        *,
        line: Fault | None = None,
        supply_lost: bool = False,
    ) -> tuple[Trouble, ...]:
        """What is wrong now, the gravest first; the same objects as long as nothing changes.

        `wanted`: per cent that its line was last told to be, limits and ramps done. `actual`: as in its state. `line`:
        why its line does not answer. `supply_lost`: the mains of its cabinet are gone, so that dark lamps are no
        fault of theirs.
        """
        evidence = Evidence(moment, readings)
        seen = self._see(moment, evidence, wanted, actual, line, supply_lost)
        signs = {**self._switching(seen), **self._drawing(moment, seen), **self._power(evidence, seen)}
        self._explained = supply_lost
        told = self._shown(self._troubles.look(moment, signs))
        self.again_s = soonest(self._troubles.again_s, evidence.again_s, self._cycles.again_s(moment.mono))
        return told

    def _shown(self, told: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
        """Without what the breaker or the mains explain: the cause is told, not its consequences."""
        if self._explained or any(trouble.type == "circuitBreakerTripped" for trouble in told):
            return tuple(trouble for trouble in told if trouble.type not in _CONSEQUENCES)
        return told

    def dump(self) -> JsonObject:
        """What is told, to be kept through a restart: a fault keeps its beginning, and is not told twice."""
        return self._troubles.dump()

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        self._troubles.load(kept)

    def _see(
        self,
        moment: Moment,
        evidence: Evidence,
        wanted: float,
        actual: float | None,
        line: Fault | None,
        supply_lost: bool,
    ) -> _Seen:
        feedback = self._entry.feedback
        hand, breaker = evidence.contact(feedback.hand), evidence.contact(feedback.breaker)
        free = not (line is not None or hand or breaker is False or supply_lost)
        self._note(moment.mono, wanted, free)
        contact: bool | None
        if feedback.contact is not None:
            contact = evidence.contact(feedback.contact, max(self._on_since, self._free_since))
        else:
            contact = None if actual is None else actual > 0
        current_or_power = feedback.current or feedback.power
        # a lamp that lost its supply may take its restrike time to come back
        waits_s = self._entry.limits.minimum_off_s if self._free_since > self._on_since else 0
        drawn = evidence.value(current_or_power, max(self._on_since, self._free_since) + waits_s)
        return _Seen(
            on=wanted > 0,
            level=wanted,
            line=line,
            hand=hand,
            breaker=breaker,
            free=free,
            contact=contact,
            draws=None if drawn is None else drawn > _on_above(self._entry),
            measured="-" if drawn is None else f"{round(drawn, 2):g} {'A' if feedback.current else 'W'}",
        )

    def _note(self, mono: float, wanted: float, free: bool) -> None:
        """Since when it is commanded as it is, and may be judged."""
        if self._level is None or (self._level > 0) != (wanted > 0):
            self._on_since = mono
        if wanted != self._level:
            self._level, self._level_since = wanted, mono
        if free and not self._free:
            self._free_since = mono
        self._free = free

    def _switching(self, seen: _Seen) -> dict[TroubleType, Sign]:
        """The line, the contactor, the breaker and the hand."""
        signs: dict[TroubleType, Sign] = {
            "controlGearCommFailure": Sign(seen.line is not None, caused_by(seen.line) if seen.line else {}),
            "circuitBreakerTripped": Sign(None if seen.breaker is None else not seen.breaker),
            "localOverride": Sign(seen.hand),
        }
        if seen.free and seen.on:
            signs["switchingErrorOff"] = Sign(None if seen.contact is None else not seen.contact)
        elif not seen.on and seen.line is None and not seen.hand:
            signs["switchingErrorOn"] = Sign(seen.contact if self._lamp else _either(seen.contact, seen.draws))
        return signs

    def _drawing(self, moment: Moment, seen: _Seen) -> dict[TroubleType, Sign]:
        """Whether something runs that should not, or does not that should."""
        should = seen.free and seen.on and seen.contact is not False
        if not self._lamp:
            return {"deviceMalfunction": Sign(not seen.draws, {"value": seen.measured})} if _known(should, seen) else {}
        cycling = self._cycles.look(moment.mono, should=should, lit=seen.draws)
        signs: dict[TroubleType, Sign] = {
            "cyclingFailure": Sign(cycling, {"value": self._cycles.count, "minutes": round(WINDOW_S / 60)})
        }
        if _known(should, seen) and not cycling:
            signs["lampFailure"] = Sign(not seen.draws, {"value": seen.measured})
        if not seen.on and seen.line is None and not seen.hand and not seen.contact:
            signs["lampUnexpectedOn"] = Sign(seen.draws, {"value": seen.measured})
        return signs

    def _power(self, evidence: Evidence, seen: _Seen) -> dict[TroubleType, Sign]:
        """Power beside what it should be; nothing while it starts, and nothing of what draws none at all."""
        rated, sensor = self._entry.rated_w, self._entry.feedback.power
        if rated is None or sensor is None or not (seen.free and seen.on) or seen.draws is False:
            return {}
        steady = max(self._level_since, self._free_since)
        expected, margin = rated * seen.level / 100, rated * self._entry.feedback.tolerance
        high = evidence.value(sensor, steady + _INRUSH_S)
        low = evidence.value(sensor, steady + (_RUN_UP_S if self._lamp else _INRUSH_S))
        too_high, too_low = _power_kinds(self._lamp)
        return {
            too_high: Sign(None if high is None else high > expected + margin, _beside(high, expected)),
            too_low: Sign(None if low is None else low < expected - margin, _beside(low, expected)),
        }


def _kinds(entry: SwitchedEntry, lamp: bool) -> dict[TroubleType, float]:
    """What can be known by the sensors that there are, and how long it must last."""
    feedback = entry.feedback
    kinds: list[TroubleType] = ["controlGearCommFailure", "switchingErrorOn", "switchingErrorOff"]
    if feedback.breaker is not None:
        kinds.append("circuitBreakerTripped")
    if feedback.hand is not None:
        kinds.append("localOverride")
    if feedback.current is not None or feedback.power is not None:
        kinds += ["lampFailure", "lampUnexpectedOn", "cyclingFailure"] if lamp else ["deviceMalfunction"]
    if feedback.power is not None and entry.rated_w is not None:
        kinds += _power_kinds(lamp)
    return {kind: 0 if kind == "cyclingFailure" else feedback.confirm_s for kind in kinds}


def _power_kinds(lamp: bool) -> tuple[TroubleType, TroubleType]:
    return ("lampPowerTooHigh", "lampPowerTooLow") if lamp else ("totalPowerTooHigh", "totalPowerTooLow")


def _on_above(entry: SwitchedEntry) -> float:
    """The limit between off and on, in the unit of what is measured. Meters and ballasts that rest draw a little."""
    feedback: Feedback = entry.feedback
    if feedback.current is not None or "on_above" in feedback.model_fields_set:
        return feedback.on_above
    return max(1.0, 0.02 * (entry.rated_w or 0))


def _known(should: bool, seen: _Seen) -> bool:
    return should and seen.draws is not None


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if one or other else (one if other is None else other)


def _beside(value: float | None, expected: float) -> dict[str, str | int | float]:
    return {"value": round(value or 0), "expected": round(expected)}
