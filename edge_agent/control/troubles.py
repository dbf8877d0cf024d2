"""Troubles: confirmed, in the order of their gravity, kept through a restart, and what is new or gone among them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import Trouble, TroubleType
from edge_agent.control.confirm import Confirmed, soonest
from edge_agent.control.facts import Moment

GRAVITY: tuple[TroubleType, ...] = (
    "leakageDetected",
    "supplyLoss",
    "circuitBreakerTripped",
    "cabinetDoorOpen",
    "controlGearCommFailure",
    "switchingErrorOn",
    "switchingErrorOff",
    "deviceMalfunction",
    "lampFailure",
    "lampUnexpectedOn",
    "totalPowerTooHigh",
    "lampPowerTooHigh",
    "cyclingFailure",
    "totalPowerTooLow",
    "lampPowerTooLow",
    "localOverride",
)
"""The gravest first: what may kill, what darkens a whole row, what cannot be switched, a lamp, and last a person."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What is seen of one kind of trouble. `holds`: None while nobody can know, or while another explains it.

    `code` is that of the sentence, where it is not `fault.` and the type.
    """

    holds: bool | None
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    code: str = ""


class Troubles:
    """All kinds of trouble of one thing or cabinet, each confirmed by itself."""

    def __init__(self, about: str, confirm_s: Mapping[TroubleType, float], clear_s: float) -> None:
        """`about` is the name that the sentences say; `confirm_s` names the kinds that there can be."""
        self._about = about
        self._kinds = {type_: Confirmed(confirm_s[type_], clear_s) for type_ in GRAVITY if type_ in confirm_s}
        self._told: dict[TroubleType, Trouble] = {}
        self.again_s: float | None = None

    def look(self, moment: Moment, signs: Mapping[TroubleType, Sign]) -> tuple[Trouble, ...]:
        """What is told now, the gravest first. A kind without a sign is not known."""
        for type_, kind in self._kinds.items():
            sign = signs.get(type_, Sign(None))
            if not kind.look(moment, sign.holds):
                self._told.pop(type_, None)
            elif type_ not in self._told:
                fault = Fault.of(sign.code or f"fault.{type_}", id=self._about, **sign.params)
                self._tell(type_, kind, fault)
            elif self._told[type_].since != kind.since:
                self._tell(type_, kind, self._told[type_].fault)
        self.again_s = soonest(*(kind.again_s(moment.mono) for kind in self._kinds.values()))
        return self.told

    @property
    def told(self) -> tuple[Trouble, ...]:
        """As of the last look; the same objects as long as nothing changes."""
        return tuple(self._told[type_] for type_ in self._kinds if type_ in self._told)

    def dump(self) -> JsonObject:
        """What is told, to be kept through a restart: it keeps its beginning, and is not told twice."""
        return {trouble.type: trouble.model_dump(mode="json") for trouble in self.told}

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        for type_, kind in self._kinds.items():
            try:
                trouble = Trouble.model_validate(kept.get(type_))
            except ValueError:
                continue
            if trouble.type == type_:
                kind.restore(trouble.since)
                self._told[type_] = trouble

    def _tell(self, type_: TroubleType, kind: Confirmed, fault: Fault) -> None:
        if kind.since is not None:
            self._told[type_] = Trouble(type=type_, since=kind.since, fault=fault)


def news(
    before: Sequence[Trouble], after: Sequence[Trouble]
) -> Iterator[tuple[Literal["fault", "cleared"], JsonObject]]:
    """Events (type, data) that tell the difference; `code` in the data is TALQ's name, `since` when it began."""
    old, new = {trouble.type for trouble in before}, {trouble.type for trouble in after}
    for trouble in after:
        if trouble.type not in old:
            yield "fault", {**trouble.fault.params, "code": trouble.type, "since": iso(trouble.since)}
    for trouble in before:
        if trouble.type not in new:
            yield "cleared", {"code": trouble.type, "since": iso(trouble.since)}
