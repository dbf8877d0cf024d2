"""Looks at all rules when a sensor or the clock has news, posts what they do, and tells what they want."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.config.rules import Rule
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import ArmRule, Command
from edge_agent.contract.errors import Refusal, Said
from edge_agent.contract.switched import RuleState
from edge_agent.control.facts import Demand, Moment, Reading
from edge_agent.control.timer import instant
from edge_agent.desk import Act
from edge_agent.recorder import Recorder
from edge_agent.rules.engine import RuleEngine, Verdict
from edge_agent.rules.scene import Scene
from edge_agent.store import kept
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry

log = logging.getLogger(__name__)
_KIND = "rule"
_WRITE_LIMIT_S = 5


class Sensors(Protocol):
    """What a rule knows of sensors."""

    def reading(self, sensor: str, /) -> Reading | None:
        """The newest reading; None for one that was never read."""
        ...

    def listen(self, callback: Callable[[str], None], /) -> None:
        """Call with the id of each sensor that has news."""
        ...


class _One:
    """A rule with its engine, and what was last told and kept of it."""

    def __init__(self, rule: Rule, scene: Scene) -> None:
        self.rule = rule
        self.engine = RuleEngine(rule, scene)
        self.armed = rule.armed
        self.chosen = False
        """Whether a person has armed or disarmed it; until then the configuration says."""
        self.verdict: Verdict | None = None
        self.state: RuleState | None = None
        self.demand: Demand | None = None
        self.run: datetime | None = None
        """When the run began of which the beginning has been told."""
        self.kept: JsonObject = {}
        self.due: float | None = 0.0

    def body(self) -> JsonObject:
        return {**({"armed": self.armed} if self.chosen else {}), **self.engine.dump()}


class RuleService:
    """All rules of the node."""

    def __init__(
        self,
        rules: Sequence[Rule],
        scene: Scene,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        sensing: Sensors,
        *,
        litres: Callable[[str], float | None],
        post: Callable[[RuleState], None],
    ) -> None:
        """`litres` tells what has ever flowed through a thing, None while that is unknown; `post` publishes a state."""
        self._rules = {rule.id: _One(rule, scene) for rule in rules}
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._sensing = sensing
        self._litres = litres
        self._post = post
        self._listeners: list[Callable[[str], None]] = []
        self._news = asyncio.Event()
        self._by_sensor: dict[str, list[_One]] = {}
        for one in self._rules.values():
            for sensor in one.engine.sensors:
                self._by_sensor.setdefault(sensor, []).append(one)
        sensing.listen(self._on_sensor)

    async def load(self) -> None:
        """Read which rules are armed and what they were doing when the agent stopped. Before `run`."""
        rows = await self._database.read(lambda db: kept.read(db, _KIND))
        for id_, one in self._rules.items():
            one.kept = rows.get(id_, {})
            one.chosen = isinstance(one.kept.get("armed"), bool)
            one.armed = one.kept["armed"] if one.chosen else one.rule.armed
            one.engine.armed = one.armed
            one.engine.load({key: value for key, value in one.kept.items() if key != "armed"})
            run = one.kept.get("run")
            one.run = instant(run.get("began")) if isinstance(run, dict) else None

    def demand(self, thing: str) -> Demand | None:
        """What the armed rules want of a thing now. The first rule in the order of configuration wins."""
        wanted = (one.demand for one in self._rules.values() if one.rule.thing == thing)
        return next((demand for demand in wanted if demand is not None), None)

    def listen(self, callback: Callable[[str], None]) -> None:
        """Call with the id of each thing of which something else is wanted, or for another reason, than before."""
        self._listeners.append(callback)

    async def arm(self, asked: Command, args: ArmRule) -> Act:
        """Handle `rule.arm`: in force at once. What the rule was doing is over; it begins anew.

        Raises:
            Refusal: there is no such rule.
        """
        one = self._rules.get(args.rule)
        if one is None:
            known = ", ".join(self._rules) or "-"
            raise Refusal("command.unknown_thing", kind="rule", id=args.rule, known=known)
        changed = one.armed != args.armed
        one.armed, one.chosen, one.engine.armed = args.armed, True, args.armed
        entries: tuple[Entry, ...] = ()
        if changed:
            one.engine.begin_anew()
            said = one.engine.says.armed_by(args.armed, asked.by)
            told = self._told(one, "armed" if args.armed else "disarmed", said)
            told |= {"by": asked.by, "command": asked.id}
            entries = (Entry.event(self._clock.now(), "rule", f"rule/{one.rule.id}", told),)
            one.run = None
        self._look(one)
        self._publish(one)
        body, one.due = one.body(), 0.0  # `run` writes it once more, should this command's own record fail
        self._news.set()

        def record(db: sqlite3.Connection) -> None:
            kept.put(db, _KIND, one.rule.id, body)

        return Act(record, entries, result={"armed": one.armed, "doing": one.state.actual if one.state else None})

    async def run(self) -> None:
        """Look at the rules as often as needed, for ever."""
        while True:
            self._news.clear()
            now = self._clock.monotonic()
            for one in self._rules.values():
                if one.due is not None and one.due <= now:
                    self._look(one)
                    if one.rule.at and one.verdict is not None and one.verdict.acting:
                        await self._keep(one)  # before it acts: a meal must not be given twice after a power cut
                    self._publish(one)
                    await self._keep(one)
            await self._rest()

    async def _rest(self) -> None:
        """Until a sensor has news, or the first rule is due."""
        dues = [one.due for one in self._rules.values() if one.due is not None]
        if not dues:
            await self._news.wait()
            return
        wait = max(0.0, min(dues) - self._clock.monotonic())
        sleeper = asyncio.create_task(self._clock.sleep(wait), name="rules-sleep")
        waker = asyncio.create_task(self._news.wait(), name="rules-news")
        try:
            await asyncio.wait({sleeper, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()

    def _on_sensor(self, sensor: str) -> None:
        for one in self._by_sensor.get(sensor, ()):
            one.due = 0.0
            self._news.set()

    def _look(self, one: _One) -> None:
        """Decide anew; nothing is told yet."""
        moment = Moment(self._clock.now(), self._clock.monotonic(), self._clock.trusted)
        litres = self._litres(one.rule.thing) if one.rule.litres is not None else None
        one.verdict = verdict = one.engine.look(moment, self._sensing.reading, litres)
        one.due = None if verdict.again_s is None else moment.mono + verdict.again_s
        run = verdict.since if verdict.acting else None
        if one.run is not None and run is None:
            self._recorder.event("rule", f"rule/{one.rule.id}", **self._told(one, "ended", verdict.said))
        elif run is not None and run != one.run:
            self._recorder.event("rule", f"rule/{one.rule.id}", **self._told(one, "began", verdict.said))
        one.run = run

    def _publish(self, one: _One) -> None:
        """Tell what has changed: to the world, and to who switches."""
        verdict = one.verdict
        if verdict is None:
            return
        state = RuleState(
            id=one.rule.id,
            at=self._clock.now(),
            thing=one.rule.thing,
            armed=one.armed,
            actual=verdict.doing,
            since=verdict.since,
            until=verdict.until,
            said=verdict.said,
        )
        if one.state is None or one.state.model_copy(update={"at": state.at}) != state:
            one.state = state
            self._post(state)
        demand = None
        if verdict.acting and one.armed:
            demand = Demand(one.rule.level, one.rule.id, verdict.until, verdict.said)
        if demand != one.demand:
            one.demand = demand
            for callback in self._listeners:
                callback(one.rule.thing)

    async def _keep(self, one: _One) -> None:
        """Write what must survive a power cut, when it has changed."""
        body = one.body()
        if body == one.kept:
            return
        try:
            async with asyncio.timeout(_WRITE_LIMIT_S):
                await self._database.write(lambda db: kept.put(db, _KIND, one.rule.id, body))
        except (StoreError, TimeoutError) as error:  # tried again at the next look; a full disk must not stop a fan
            log.error("what rule %s does could not be written: %s", one.rule.id, error)
            return
        one.kept = body

    def _told(self, one: _One, did: str, said: Said) -> JsonObject:
        """`data` of an event."""
        told = {"did": did, "thing": one.rule.thing, "armed": one.armed}
        return {**told, "code": said.code, "vi": said.vi, "en": said.en}
