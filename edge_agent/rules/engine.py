"""One rule: when it acts, for how long, when it rests, and why. Pure; the clock and all facts are passed in."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from edge_agent.config.rules import Rule
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.errors import Said
from edge_agent.control.facts import Moment, Readings
from edge_agent.control.timer import Timer, instant
from edge_agent.control.wording import Words, part
from edge_agent.rules.gate import Gate, Watch
from edge_agent.rules.hours import Due, Hours
from edge_agent.rules.run import Run, kept_run
from edge_agent.rules.scene import Scene
from edge_agent.rules.sentences import Sentences

Doing = Literal["idle", "waiting", "acting", "resting", "unknown"]
_CLOCK_LOOK_S = 60.0
"""A rule that goes by the clock looks so often, for a clock that was set meanwhile."""
_BREATH_S = 0.05
"""Between the end of a run and the next look: off is off, however briefly."""
_FUTURE = timedelta(days=1)


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
    """The state of one rule. A rule that is not armed does all but demand."""

    def __init__(self, rule: Rule, scene: Scene) -> None:
        self.rule = rule
        self.says = Sentences(rule, scene)
        self._gate = Gate(rule, scene)
        self._hours = Hours(rule, scene.place)
        self._flow = scene.flow_of(rule.thing) if rule.litres is not None else None
        self._flow_stale_s = scene.stale_s(self._flow or "")
        self._run: Run | None = None
        self._rest = Timer()
        self._spent = False
        self._last: datetime | None = None
        self._pending: Due | None = None
        self._after: Said | None = None
        self._kept: JsonObject | None = None
        self._told: tuple[object, Doing, datetime, Said] | None = None

    @property
    def sensors(self) -> frozenset[str]:
        """The sensors whose news matter to it."""
        flow = frozenset() if self._flow is None else frozenset({self._flow})
        return flow | {watch.condition.sensor for watch in self._gate.watches}

    @property
    def armed(self) -> bool:
        """Whether it says that it acts, or that it only watches; nothing else depends on it."""
        return self.says.armed

    @armed.setter
    def armed(self, armed: bool) -> None:
        self.says.armed = armed

    def begin_anew(self) -> None:
        """What it was doing is over, and the rest after it; a moment that was dealt with stays dealt with."""
        if self._kept is not None:
            self._last = instant(self._kept.get("last"))
        self._run = self._after = self._told = self._pending = self._kept = None
        self._spent = False
        self._rest.stop()

    def look(self, moment: Moment, readings: Readings, litres: float | None = None) -> Verdict:
        """Decide anew. `litres`: what has ever flowed through its thing, None where unknown."""
        if self._kept is not None:
            self._resume(moment, self._kept)
            self._kept = None
        self._gate.look(readings, moment.mono)
        litres = self._measured(readings, litres)
        self._forget_future(moment)
        ended = False
        if self._run is not None:
            ended = self._go_on(moment, self._run, litres)
        elif self._rest.runs and not self._rest.left_s(moment):
            self._rest.stop()
            self._after = None  # it said until when it rests, which is past
        if self._spent and self._gate.beyond() is False:
            self._spent = False
        if self._run is not None:
            return self._acting(moment, self._run)
        if self._rest.runs:
            return self._resting(moment)
        if ended:
            return self._verdict(moment, "idle", "ended", self.says.spent)
        return self._begin_or_wait(moment, litres)

    def dump(self) -> JsonObject:
        """What must survive a power cut; equal while nothing worth keeping has changed."""
        if self._kept is not None:
            return self._kept
        kept: JsonObject = {}
        if self._run is not None:
            kept["run"] = self._run.dump()
        if self._rest.runs:
            kept["rest_until"] = self._rest.dump()
        if self._last is not None:
            kept["last"] = iso(self._last)
        if self._spent:
            kept["spent"] = True
        return kept

    def load(self, body: JsonObject) -> None:
        """What was kept; what cannot be read is left out. Before the first `look`."""
        self._kept = body

    # --- what changes ---

    def _resume(self, moment: Moment, body: JsonObject) -> None:
        """After a restart a run goes on to the same end, if the clock says how much of it is left; else it rests."""
        self._last = instant(body.get("last"))
        self._spent = body.get("spent") is True
        self._rest.load(body.get("rest_until"), moment, self.rule.rest_s)
        kept = kept_run(body.get("run"))
        if kept is None:
            return
        began, said, litres = kept
        self._run = Run(self.rule, moment, said, litres)
        if moment.trusted and began <= moment.now:
            self._run.resume(moment, began, litres)
            self._gate.resume()
        else:
            self._end(moment, self._run, part("part.in_the_dark"))

    def _go_on(self, moment: Moment, run: Run, litres: float | None) -> bool:
        """Whether the run has ended."""
        run.count(moment, litres)
        why = run.ends(moment, self._gate, self._hours, self.says, self._flow_stale_s)
        if why is not None:
            self._end(moment, run, why)
        return why is not None

    def _end(self, moment: Moment, run: Run, why: Words) -> None:
        self._run = None
        if self.rule.rest_s:
            self._rest.start(moment, self.rule.rest_s)
        self._spent = run.spent and not self.rule.rest_s and not self.rule.at
        coming = self._hours.next(moment.now) if self.rule.at else None
        self._after = self.says.ended(
            why, run.ran_s(moment), rest=self._rest.until(moment), spent=self._spent, coming=coming
        )

    def _begin_or_wait(self, moment: Moment, litres: float | None) -> Verdict:
        """Begin, or say why not: first by the time, then by the sensors."""
        if self._hours.by_clock and not moment.trusted:
            self._after = None
            return self._verdict(moment, "idle", "clock", self.says.clock)
        due = self._due(moment) if self.rule.at else None
        if not self._hours.open(moment.now):
            return self._verdict(moment, "idle", "outside", self.says.outside)
        if self.rule.at and due is None:
            coming = self._hours.next(moment.now)
            return self._verdict(moment, "idle", ("next", coming), lambda: self.says.next(coming))
        return self._by_sensors(moment, due, litres)

    def _by_sensors(self, moment: Moment, due: Due | None, litres: float | None) -> Verdict:
        beyond = self._gate.beyond()
        if beyond is False:
            unmet = self._unmet()
            names = tuple(watch.condition.sensor for watch in unmet)
            return self._verdict(moment, "idle", names, lambda: self.says.idle(unmet))
        missing = [watch.condition.sensor for watch in self._gate.watches if watch.limit.beyond is None]
        dry = litres is None and self.rule.litres is not None
        if beyond is None or dry:
            missing += [self._flow or self.rule.thing] if dry else []
            self._after = None
            return self._verdict(moment, "unknown", tuple(missing), lambda: self.says.unknown(missing))
        if self._spent:
            return self._verdict(moment, "idle", "spent", self.says.spent)
        return self._begin(moment, due, litres) if self._gate.holds(moment.mono) else self._wait(moment)

    def _wait(self, moment: Moment) -> Verdict:
        self._after = None
        young = [watch for watch in self._gate.watches if 0 < watch.limit.left_s(moment.mono) < math.inf]
        names = tuple(watch.condition.sensor for watch in young)
        return self._verdict(moment, "waiting", names, lambda: self.says.waiting(young))

    def _begin(self, moment: Moment, due: Due | None, litres: float | None) -> Verdict:
        holding = [watch for watch in self._gate.watches if watch.limit.holds(moment.mono)]
        self._run = run = Run(self.rule, moment, self.says.acts(holding, due), litres)
        self._after = None
        self._pending = None
        self._spent = False
        if due is not None:
            self._last = due.at
        return self._acting(moment, run)

    def _due(self, moment: Moment) -> Due | None:
        """The moment that has come. One that went by while the conditions did not hold is left out, and said so."""
        due, pending = self._hours.due(moment.now, self._last), self._pending
        if pending is not None and (due is None or due.at != pending.at):
            self._last = max(pending.at, self._last or pending.at)
            if self._told is not None:
                self._after = self.says.skipped(pending, self._told[3], self._hours.next(moment.now))
        if due is not None and due != pending:
            self._after = None
        self._pending = due
        return due

    def _forget_future(self, moment: Moment) -> None:
        """A clock that was days ahead must not keep a rule waiting for days."""
        if moment.trusted and self._last is not None and self._last > moment.now + _FUTURE:
            self._last = None

    # --- what is told ---

    def _acting(self, moment: Moment, run: Run) -> Verdict:
        return self._verdict(moment, "acting", run, lambda: run.said, run.longest.until(moment))

    def _resting(self, moment: Moment) -> Verdict:
        until = self._rest.until(moment)
        return self._verdict(moment, "resting", until, lambda: self.says.rests(until or moment.now), until)

    def _verdict(
        self, moment: Moment, doing: Doing, key: object, say: Callable[[], Said], until: datetime | None = None
    ) -> Verdict:
        """The same sentence for as long as it is the same decision, though the values in it go on changing.

        Where the last run has more to tell (why it ended, what comes next), that is said instead.
        """
        key, same = (key, self._after), self._told
        if same is None or same[1] != doing or same[0] != key:
            since = same[2] if same is not None and same[1] == doing else moment.now
            since = self._run.began if self._run is not None else since
            self._told = same = key, doing, since, self._after or say()
        return Verdict(doing, same[2], until, same[3], self._again_s(moment))

    def _again_s(self, moment: Moment) -> float | None:
        waits = list(self._gate.waits(moment.mono, self._run is not None))
        if self._run is not None:
            waits += self._run.waits(moment, self._flow_stale_s)
        elif self._rest.runs:
            waits.append(self._rest.left_s(moment))
        if self._hours.by_clock:
            waits.append(min(_CLOCK_LOOK_S, self._hours.wait_s(moment.now) or _CLOCK_LOOK_S))
        return max(min(waits), _BREATH_S) if waits else None

    def _measured(self, readings: Readings, litres: float | None) -> float | None:
        """Litres, unless the meter says nothing now: what was counted before does not grow then."""
        if litres is None or not math.isfinite(litres):
            return None
        if self._flow is None:
            return litres
        reading = readings(self._flow)
        return litres if reading is not None and reading.value is not None and math.isfinite(reading.value) else None

    def _unmet(self) -> list[Watch]:
        gate = self._gate
        unmet = [watch for watch in gate.all_of if watch.limit.beyond is False]
        if not any(watch.limit.beyond for watch in gate.any_of):
            unmet += [watch for watch in gate.any_of if watch.limit.beyond is False]
        return unmet
