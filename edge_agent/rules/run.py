"""One run of a rule: since when, how much has flowed, and what ends it. Pure."""

from collections.abc import Iterator
from datetime import datetime

from edge_agent.config.rules import Rule
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.errors import Said
from edge_agent.control.condition import EPSILON_S
from edge_agent.control.facts import Moment
from edge_agent.control.timer import Timer, instant
from edge_agent.control.wording import Words, part
from edge_agent.rules.gate import Gate
from edge_agent.rules.hours import Hours
from edge_agent.rules.sentences import Sentences, why_litres, why_maximum

_LOOK_S = 1.0
"""While it goes by litres: the meter may count between two readings of the sensor that woke us."""


class Run:
    """A run that has begun."""

    def __init__(self, rule: Rule, moment: Moment, said: Said, litres: float | None) -> None:
        self.began = moment.now
        self.said = said
        self.longest = Timer()
        self.longest.start(moment, rule.maximum_s)
        self.spent = False
        """Whether it got all that it may have: a rule without rest then waits until its reason is gone."""
        self._rule = rule
        self._least = Timer()
        self._least.start(moment, rule.minimum_s)
        self._litres = litres
        self._from = litres
        self._flowed = 0.0
        self._no_flow_since: float | None = None

    @property
    def litres_from(self) -> float | None:
        """What the meter had counted when it began."""
        return self._from

    def resume(self, moment: Moment, began: datetime, litres_from: float | None) -> None:
        """Go on where a restart cut it; both ends are where they were."""
        ran = max(0.0, (moment.now - began).total_seconds())
        self.began = began
        self.longest.start(moment, self._rule.maximum_s - ran)
        self._least.start(moment, self._rule.minimum_s - ran)
        self._from = self._litres = litres_from

    def ran_s(self, moment: Moment) -> float:
        """For how long it has run."""
        return self._rule.maximum_s - self.longest.left_s(moment)

    def count(self, moment: Moment, litres: float | None) -> None:
        """Add what has flowed; a meter that begins anew takes nothing away."""
        if self._rule.litres is None:
            return
        if litres is None:
            self._no_flow_since = moment.mono if self._no_flow_since is None else self._no_flow_since
            return
        self._no_flow_since = None
        if self._litres is None:
            self._from = litres
        elif litres > self._litres:
            self._flowed += litres - self._litres
        self._litres = litres

    def ends(self, moment: Moment, gate: Gate, hours: Hours, says: Sentences, flow_stale_s: float) -> Words | None:
        """Why it ends now, or None. What is unknown for too long ends it as surely as its longest time."""
        must = self._must_end(moment, gate, says, flow_stale_s)
        if must is not None or self._least.left_s(moment):
            return must
        if gate.goes_on(moment.mono) is False:
            return says.over(gate)
        shut = moment.trusted and hours.by_clock and not hours.open(moment.now)
        return part("part.out_of_hours") if shut else None

    def _must_end(self, moment: Moment, gate: Gate, says: Sentences, flow_stale_s: float) -> Words | None:
        """Why it ends even before its shortest time."""
        rule, mono = self._rule, moment.mono
        self.spent = True
        if not self.longest.left_s(moment):
            return why_maximum(rule.maximum_s)
        if rule.litres is not None and self._flowed >= rule.litres:
            return why_litres(self._flowed)
        self.spent = False
        if self._no_flow_since is not None and mono - self._no_flow_since >= flow_stale_s - EPSILON_S:
            return part("part.unknown", names=says.flow_meter())
        if gate.goes_on(mono) is None:
            lost = [watch.condition.sensor for watch in gate.watches if watch.goes_on(mono) is None]
            return part("part.unknown", names=says.names(lost))
        return None

    def waits(self, moment: Moment, flow_stale_s: float) -> Iterator[float]:
        """Seconds after which something here may end it."""
        yield self.longest.left_s(moment)
        if self._least.left_s(moment):
            yield self._least.left_s(moment)
        if self._rule.litres is not None:
            yield _LOOK_S
        if self._no_flow_since is not None:
            yield max(0.0, flow_stale_s - (moment.mono - self._no_flow_since))

    def dump(self) -> JsonObject:
        """What must survive a power cut."""
        kept: JsonObject = {"began": iso(self.began), "said": self.said.model_dump()}
        return kept if self._from is None else {**kept, "litres": self._from}


def kept_run(body: object) -> tuple[datetime, Said, float | None] | None:
    """Beginning, sentence and meter of a run that was kept; None where that cannot be read."""
    if not isinstance(body, dict):
        return None
    began, litres = instant(body.get("began")), body.get("litres")
    try:
        said = Said.model_validate(body.get("said"))
    except ValueError:
        return None
    if began is None:
        return None
    return began, said, float(litres) if isinstance(litres, int | float) else None
