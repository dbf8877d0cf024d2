"""What a rule would have done with what sensors said in the past. Pure."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from edge_agent.config.rules import Rule
from edge_agent.contract.errors import Said
from edge_agent.control.facts import Moment, Reading
from edge_agent.rules.engine import RuleEngine, Verdict
from edge_agent.rules.recorded import Sample
from edge_agent.rules.scene import Scene

_PATIENCE = 2.5
"""A recording that is thinner than a sensor may be silent is not taken for silence until it is so much thinner."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A decision of the rule at an instant. `ran_s`: of an end, how long it had acted."""

    at: datetime
    did: str
    said: Said
    ran_s: float | None = None


@dataclass
class Rehearsal:
    """What it would have done, and what there was to judge by."""

    rule: Rule
    begin: datetime
    end: datetime
    missing: tuple[str, ...]
    """Sensors of the rule that are not in the recording."""
    steps: list[Step] = field(default_factory=list)
    runs: list[tuple[datetime, datetime]] = field(default_factory=list)
    litres: float | None = None
    """What flowed while it acted, where its thing has a flow meter."""
    unknown_s: float = 0.0

    @property
    def acted_s(self) -> float:
        """Seconds for which it acted in all."""
        return sum((end - begin).total_seconds() for begin, end in self.runs)

    @property
    def longest_s(self) -> float:
        """The longest run in seconds."""
        return max(((end - begin).total_seconds() for begin, end in self.runs), default=0.0)

    @property
    def busiest(self) -> int:
        """How often it began within one hour, at most."""
        begins = [begin for begin, _ in self.runs]
        return max((sum(first <= each < first + _HOUR for each in begins) for first in begins), default=0)


def rehearse(rule: Rule, scene: Scene, samples: Sequence[Sample], litres_per_minute: float | None = None) -> Rehearsal:
    """Run a rule over samples in the order of their time, from the first to the last.

    `litres_per_minute`: what flows while it acts, where no flow meter was recorded.
    """
    engine = RuleEngine(rule, scene)
    if scene.flow_of(rule.thing) is None:
        litres_per_minute = None  # nothing flows through a fan
    known = {sample.sensor for sample in samples}
    if litres_per_minute is not None:
        known.add(scene.flow_of(rule.thing) or "")
    missing = tuple(sorted(engine.sensors - known))
    wanted = [sample for sample in samples if sample.sensor in engine.sensors]
    played = _Played(engine, scene, wanted, litres_per_minute)
    result = Rehearsal(rule, samples[0].at, samples[-1].at, missing)
    before: tuple[datetime, Verdict] | None = None
    for at, verdict in played.looks(result.begin, result.end):
        _note(result, before, at, verdict)
        before = at, verdict
    if before is not None and before[1].acting:
        result.runs.append((before[1].since, result.end))
    result.litres = None if scene.flow_of(rule.thing) is None else played.litres_acting
    return result


def _note(result: Rehearsal, before: tuple[datetime, Verdict] | None, at: datetime, verdict: Verdict) -> None:
    if before is not None and before[1].doing == "unknown":
        result.unknown_s += (at - before[0]).total_seconds()
    old = before[1] if before is not None else None
    if old is not None and old.acting and not verdict.acting:
        result.runs.append((old.since, at))
        result.steps.append(Step(at, "ended", verdict.said, (at - old.since).total_seconds()))
    elif verdict.acting and not (old is not None and old.acting):
        result.steps.append(Step(at, "began", verdict.said))
    elif verdict.said.code == "rule.skipped" and (old is None or old.said != verdict.said):
        result.steps.append(Step(at, "skipped", verdict.said))


class _Played:
    """The recording as it is played to a rule."""

    def __init__(
        self, engine: RuleEngine, scene: Scene, samples: Sequence[Sample], litres_per_minute: float | None
    ) -> None:
        self._engine = engine
        self._groups = [(at, list(group)) for at, group in groupby(samples, key=lambda each: each.at)]
        self._flow = scene.flow_of(engine.rule.thing)
        self._counts = self._flow in scene.sensors and scene.sensors[self._flow or ""].kind != "flow"
        self._assumed = litres_per_minute
        self._stale = {name: _stale(name, scene, samples) for name in engine.sensors}
        self._last: dict[str, Sample] = {}
        self._litres = 0.0
        self.litres_acting = 0.0
        """What flowed while the rule acted."""

    def looks(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, Verdict]]:
        """Each look with its instant: when a sensor has news or falls silent, and when the rule asked for one."""
        now, verdict = begin, None
        coming = [(begin, []), *self._groups, (end, [])]
        for at, samples in coming:
            while verdict is not None and (soon := self._soon(now, verdict)) < at:
                self._pour((soon - now).total_seconds(), verdict.acting)
                now, verdict = soon, self._look(soon, begin)
                yield now, verdict
            if verdict is not None:
                self._pour((at - now).total_seconds(), verdict.acting)
            self._take(samples, acting=verdict is not None and verdict.acting)
            now, verdict = at, self._look(at, begin)
            yield now, verdict

    def _look(self, at: datetime, begin: datetime) -> Verdict:
        moment = Moment(at, (at - begin).total_seconds(), trusted=True)
        return self._engine.look(moment, lambda sensor: self._reading(sensor, at), self._litres)

    def _reading(self, sensor: str, now: datetime) -> Reading | None:
        if sensor == self._flow and self._assumed is not None:
            return Reading(0.0, now)
        sample = self._last.get(sensor)
        if sample is None:
            return None
        return Reading(None if now - sample.at >= self._stale[sensor] else sample.value, sample.at)

    def _soon(self, now: datetime, verdict: Verdict) -> datetime:
        times = [now + timedelta(seconds=verdict.again_s)] if verdict.again_s is not None else []
        times += [end for sample in self._last.values() if (end := sample.at + self._stale[sample.sensor]) > now]
        return min(times, default=datetime.max.replace(tzinfo=now.tzinfo))

    def _pour(self, seconds: float, acting: bool) -> None:
        """Water of some time: assumed, or at the rate that was measured last."""
        rate = self._assumed if acting else 0.0
        if self._assumed is None:
            sample = self._last.get(self._flow or "")
            rate = max(0.0, sample.value or 0.0) if sample is not None and not self._counts else 0.0
        self._add((rate or 0.0) * seconds / 60, acting)

    def _take(self, samples: Sequence[Sample], *, acting: bool) -> None:
        for sample in samples:
            before = self._last.get(sample.sensor)
            self._last[sample.sensor] = sample
            counted = sample.sensor == self._flow and self._counts and self._assumed is None
            if counted and before is not None and before.value is not None and sample.value is not None:
                self._add(max(0.0, sample.value - before.value), acting)

    def _add(self, litres: float, acting: bool) -> None:
        self._litres += litres
        self.litres_acting += litres if acting else 0.0


def _stale(sensor: str, scene: Scene, samples: Sequence[Sample]) -> timedelta:
    times = [sample.at for sample in samples if sample.sensor == sensor]
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
    usual = statistics.median(gaps) * _PATIENCE if gaps else 0.0
    return timedelta(seconds=max(scene.stale_s(sensor), usual))
