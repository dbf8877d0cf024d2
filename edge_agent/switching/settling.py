"""Brings one thing to what is decided: looks, decides, switches, reads back, tells."""

from collections.abc import Callable
from datetime import timedelta

from edge_agent.clock import Clock
from edge_agent.contract.switched import Switched
from edge_agent.control.decide import Decision, decide
from edge_agent.control.facts import Demand, Held, Moment, Readings
from edge_agent.control.interlock import STAY
from edge_agent.control.stagger import Turns
from edge_agent.store.outbox import Entry
from edge_agent.switching.keeping import Keeping
from edge_agent.switching.lines import follows
from edge_agent.switching.looks import Looks
from edge_agent.switching.telling import Telling
from edge_agent.switching.thing import Thing
from edge_agent.timetable.timeline import Phase

READ_EVERY_S = 30.0
"""A line that is as it should be is read again so often: somebody may have unplugged the board."""
TRY_EVERY_S = 10.0
"""A line that does not follow or does not answer is tried again so often."""
_SOON_S = 0.001
_STEP = 0.5
"""Per cent: a smaller change is worth no word to the line."""


class Settling:
    """What all things share while they are brought to what is decided."""

    def __init__(
        self,
        clock: Clock,
        turns: Turns,
        looks: Looks,
        keeping: Keeping,
        telling: Telling,
        *,
        readings: Readings,
    ) -> None:
        self._clock = clock
        self._turns = turns
        self._looks = looks
        self._keeping = keeping
        self._telling = telling
        self._readings = readings
        self.demand: Callable[[str], Demand | None] = lambda _thing: None
        self.supply_lost: Callable[[str], bool] = lambda _thing: False
        self.changed: Callable[[str], None] = lambda _thing: None

    def moment(self) -> Moment:
        """Now."""
        return Moment(self._clock.now(), self._clock.monotonic(), self._clock.trusted)

    async def settle(self, thing: Thing, happened: list[Entry] | None = None, *, ahead: bool = False) -> Switched:
        """Under the thing's lock. `ahead`: somebody waits for it, so it goes before its turn, and is tried at once.

        Events go to `happened` where somebody writes them.
        """
        moment = self.moment()
        if moment.mono - thing.read_at >= self._read_every(thing) or (ahead and thing.fault is not None):
            await self.read(thing)
            moment = self.moment()
        before = thing.actual(self._readings)
        thing.meter.look(moment, before, self._readings)
        self._end_override(thing, moment, happened)
        held = thing.interlocks.look(moment, thing.running(before), self._readings)
        self._telling.held(thing, moment, held, happened)
        self._end_by_interlock(thing, moment, held, happened)
        phase = thing.phase(moment, self._readings)
        decision = decide(moment, held, thing.override, self.demand(thing.id), phase, thing.entry)
        wait = self._wait_s(thing, decision, moment, ahead=ahead)
        if wait <= 0 and thing.fault is None:
            await self._drive(thing, decision.goal, moment, ahead=ahead)
            moment = self.moment()
        thing.waits = moment.now + timedelta(seconds=wait) if wait > 0 else None
        actual = thing.actual(self._readings)
        if actual != before:
            thing.meter.look(moment, actual, self._readings)
        return self._tell(thing, moment, decision, actual, wait, happened)

    async def read(self, thing: Thing) -> None:
        """Ask the line what it is."""
        found = await thing.line.read()
        moment = self.moment()
        thing.read_at = moment.mono
        thing.level, thing.fault = found.level, found.fault
        if found.fault is None:
            thing.guard.found(bool(found.level), moment)
            if found.level is not None:
                thing.guard.switched(found.level > 0, moment)

    def _read_every(self, thing: Thing) -> float:
        well = thing.fault is None and thing.level is not None and follows(thing.level, thing.told or 0.0)
        return READ_EVERY_S if well else TRY_EVERY_S

    def _end_override(self, thing: Thing, moment: Moment, happened: list[Entry] | None) -> None:
        """An override has its time, or its litres; and it ends when nobody can count them any more."""
        override = thing.override
        if override is None:
            return
        ended = None
        if override.left_s(moment) <= 0:
            ended = "time"
        elif override.litres is not None:
            if (thing.meter.litres or 0.0) >= override.litres:
                ended = "amount"
            elif not self.counts_litres(thing):
                ended = "no_meter"
        if ended is None:
            thing.override = override.told_at(moment)
            return
        self._end(thing, moment, ended, happened)

    def _end_by_interlock(self, thing: Thing, moment: Moment, held: Held | None, happened: list[Entry] | None) -> None:
        """What waits for somebody ends the will to run, so that a reset starts nothing by itself."""
        if held is not None and held.code in STAY and thing.override is not None and thing.override.level > 0:
            self._end(thing, moment, "interlock", happened)

    def _end(self, thing: Thing, moment: Moment, ended: str, happened: list[Entry] | None) -> None:
        thing.override = None
        self._keeping.keep("override", thing.id, None)
        self._telling.event(thing, moment, "override", {"ended": ended}, happened)

    def held(self, thing: Thing, moment: Moment) -> Held | None:
        """What would keep it off."""
        return thing.interlocks.look(moment, thing.running(thing.actual(self._readings)), self._readings)

    def phase(self, thing: Thing, moment: Moment) -> Phase | None:
        """What its programme says now."""
        return thing.phase(moment, self._readings)

    def counts_litres(self, thing: Thing) -> bool:
        """Whether its flow meter says something now."""
        flow = thing.entry.feedback.flow
        reading = self._readings(flow) if flow is not None else None
        return reading is not None and reading.value is not None

    def _wait_s(self, thing: Thing, decision: Decision, moment: Moment, *, ahead: bool) -> float:
        """Seconds until it may be switched as decided: its own minimum times, then its turn among others."""
        on = decision.goal > 0
        lit = (thing.level or 0.0) > 0
        thing.in_row = False
        wait = thing.guard.wait_s(on, moment, forced=decision.why == "interlock")
        if wait > 0 or not on or lit or thing.fault is not None:  # a line that does not answer needs no turn
            self._turns.given_back(thing.id)
            return wait
        wait = self._turns.wait_s(thing.id, moment.mono, ahead=ahead)
        thing.in_row = wait > 0
        return wait

    async def _drive(self, thing: Thing, goal: float, moment: Moment, *, ahead: bool) -> None:
        before = thing.told
        thing.told = goal if thing.entry.dimmable else 100.0 * (goal > 0)
        if follows(thing.level, thing.told) and (before is None or abs(thing.told - before) < _STEP):
            thing.failed = False
            return
        if thing.failed and not ahead and moment.mono - thing.tried_at < TRY_EVERY_S / 2:
            return
        if goal > 0 and not thing.level:
            self._turns.taken(thing.id, moment.mono)
        thing.tried_at = moment.mono
        thing.acted = True
        outcome = await thing.line.set(thing.told)
        moment = self.moment()
        thing.read_at = moment.mono
        thing.failed = outcome.stuck or outcome.fault is not None
        thing.level, thing.fault = outcome.level, outcome.fault
        if outcome.level is not None:
            thing.guard.switched(outcome.level > 0, moment)
            thing.switched_at = moment.now

    def _tell(
        self,
        thing: Thing,
        moment: Moment,
        decision: Decision,
        actual: float | None,
        wait: float,
        happened: list[Entry] | None,
    ) -> Switched:
        wanted = thing.told if thing.told is not None else (thing.level or 0.0)
        troubles = thing.monitor.look(
            moment, wanted, actual, self._readings, line=thing.fault, supply_lost=self.supply_lost(thing.id)
        )
        before = thing.state
        state = self._telling.state(thing, moment, decision, actual, troubles, happened)
        running = thing.running(actual)  # a line that is silent is no break of its run
        soon = False
        if before is None or thing.running(before.actual) is not running:
            held = thing.interlocks.look(moment, running, self._readings)  # its longest run begins now
            soon = (held is None) is not (thing.held is None)
            thing.used = True
        if before is None or before.actual != actual:
            self.changed(thing.id)
        body = thing.keep(moment)
        if _apart(body) != _apart(thing.kept):
            thing.kept = body
            self._keeping.keep("thing", thing.id, body)
        quiet = self._telling.quiet_s(thing, moment)
        self._next_look(thing, moment, decision, 0.0 if soon else wait or quiet or None)
        thing.moved.set()
        thing.moved.clear()
        return state

    def _next_look(self, thing: Thing, moment: Moment, decision: Decision, wait: float | None) -> None:
        after = [thing.read_at + self._read_every(thing) - moment.mono]
        if thing.override is not None:
            after.append(thing.override.left_s(moment))
        if decision.why == "program" and decision.until is not None:  # rules and interlocks call by themselves
            after.append((decision.until - moment.now).total_seconds())
        if decision.goal != decision.level:
            after.append(decision.step_s)
        if wait is not None:
            after.append(wait)
        after += [again for again in (thing.interlocks.again_s(moment), thing.monitor.again_s) if again is not None]
        self._looks.at(thing.id, moment.mono + max(_SOON_S, min(after)))


def _apart(body: dict[str, object]) -> dict[str, object]:
    """Without the instant, which wavers by the time that it took to look."""
    return {key: value for key, value in body.items() if key != "at"}
