"""One rule: when it acts, for how long, when it rests, and why. Pure; the clock and all facts are passed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge_agent.config.rules import Rule
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Said
from edge_agent.control.facts import Moment, Readings
from edge_agent.rules.scene import Scene

Doing = Literal["idle", "waiting", "acting", "resting", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule does now. `again_s`: look again after so many seconds; None: only on news of a sensor."""

    doing: Doing
    since: datetime
    until: datetime | None
    said: Said
    again_s: float | None

    @property
    def acting(self) -> bool:
        """Whether it wants its thing at its level."""
        return self.doing == "acting"


class RuleEngine:
    """The state of one rule. Whether it is armed changes nothing here: a rule that is not armed does all but demand."""

    def __init__(self, rule: Rule, scene: Scene) -> None:
        self.rule = rule

    def look(self, moment: Moment, readings: Readings, litres: float | None = None) -> Verdict:
        """Decide anew. `litres`: what has ever flowed through its thing, None where unknown."""
        raise NotImplementedError

    def dump(self) -> JsonObject:
        """What must survive a power cut; equal while nothing worth keeping has changed."""
        raise NotImplementedError

    def load(self, body: JsonObject) -> None:
        """What was kept; what cannot be read is left out. Before the first `look`."""
        raise NotImplementedError
