"""Everything that is switched: decided, driven, restored after a restart without a blink, and told as it really is."""

import asyncio
import logging
import time
from collections.abc import Callable

from edge_agent.clock import Clock
from edge_agent.clock.waiting import either
from edge_agent.contract.commands import Command, ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.switched import Switched
from edge_agent.control.cabinet import Load
from edge_agent.control.facts import Demand, Readings
from edge_agent.control.override import load
from edge_agent.control.stagger import Turns
from edge_agent.desk import Act
from edge_agent.recorder import Recorder
from edge_agent.store.database import Database
from edge_agent.switching.commands import Commands
from edge_agent.switching.keeping import Keeping
from edge_agent.switching.lines import Drivers
from edge_agent.switching.looks import Looks
from edge_agent.switching.plant import Plant
from edge_agent.switching.settling import Settling
from edge_agent.switching.telling import Telling
from edge_agent.switching.thing import Thing

log = logging.getLogger(__name__)
_CLOCK_EVERY_S = 10.0
_USAGE_EVERY_S = 300.0
_AFTER_FAILURE_S = 10.0
_START_S = 1.0
"""The start waits so long for lines to be read, and again for lines to be switched."""
_TURN_S = 30.0
_LOOK_S = 60.0
"""A look at a thing that takes longer hangs: its driver has limits of seconds, and keeps to none."""
_STEP_S = 0.5
"""A jump of the wall clock by more than this makes all things be looked at."""


class SwitchService:
    """All lights and other switched things of the node."""

    def __init__(
        self,
        plant: Plant,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        *,
        drivers: Drivers,
        readings: Readings,
        post: Callable[[Switched], None],
    ) -> None:
        """`drivers` gives the open driver of an id, or None; `post` publishes a state."""
        self._clock = clock
        self._things = {
            entry.id: Thing(entry, plant.timetable.plan_of(entry), plant.sensors, drivers) for entry in plant.entries
        }
        self._by_sensor: dict[str, list[str]] = {}
        self._by_driver: dict[str, list[str]] = {}
        for thing in self._things.values():
            self._by_driver.setdefault(thing.line.driver, []).append(thing.id)
            for sensor in sorted(thing.sensors()):
                self._by_sensor.setdefault(sensor, []).append(thing.id)
        members = plant.members()
        self._looks = Looks()
        self._looks.heard = self._wake
        self._keeping = Keeping(clock, database)
        self._telling = Telling(recorder, post)
        self._settling = Settling(
            clock,
            Turns(plant.groups, members),
            self._looks,
            self._keeping,
            self._telling,
            readings=readings,
        )
        self._commands = Commands(self._things, members, self._settling, self._keeping, recorder)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._busy_since: dict[str, float] = {}
        self.turned: Callable[[float], None] = lambda _within_s: None
        """Hears that this loop turns, and within how many seconds it will again."""
        self._news = asyncio.Event()
        self._dozes_until = 0.0
        self._usage_at = clock.monotonic() + _USAGE_EVERY_S
        self._used_at = 0.0
        self._clock_was = self._clock_now()

    def connect(
        self,
        *,
        demand: Callable[[str], Demand | None] | None = None,
        supply_lost: Callable[[str], bool] | None = None,
        changed: Callable[[str], None] | None = None,
    ) -> None:
        """What rules want, whether the mains are gone, and who hears of a thing that is on or off now."""
        self._settling.demand = demand or self._settling.demand
        self._settling.supply_lost = supply_lost or self._settling.supply_lost
        self._settling.changed = changed or self._settling.changed

    async def load(self) -> None:
        """Read what was in force when the agent stopped: overrides, last switches, interlocks, faults, usage."""
        kept = await self._keeping.read("override", "thing", "usage")
        moment = self._settling.moment()
        self._telling.started(moment.mono)
        for id_, body in kept["thing"].items():
            if id_ in self._things:
                self._things[id_].load(body, moment)
        for id_, body in kept["usage"].items():
            if id_ in self._things:
                self._things[id_].meter.load(body)
        for id_, body in kept["override"].items():
            try:
                self._things[id_].override = load(body, moment)
            except (KeyError, ValueError) as error:
                log.warning("the override of %s that was kept counts for nothing: %s", id_, error)
                self._keeping.keep("override", id_, None)

    async def refresh(self) -> None:
        """Decide, switch and report all things now; lines that answer slowly do so after this has returned.

        All lines are asked before the first is switched, so that turns are given in order and nothing blinks.
        """
        reads = [asyncio.create_task(self._read(thing)) for thing in self._things.values()]
        if not reads:
            return
        await asyncio.wait(reads, timeout=_START_S)
        for id_ in self._things:
            self._look(id_)
        await asyncio.wait(self._busy.values(), timeout=_START_S)

    async def run(self) -> None:
        """Look at each thing when it is due, for ever."""
        try:
            while True:
                self._news.clear()
                self._notice_clock()
                mono = self._clock.monotonic()
                self._tell_turn()
                for id_ in self._looks.take(mono):
                    self._look(id_)
                if mono >= self._usage_at:
                    self._keep_usage()
                self._keep_used(mono)
                first = self._looks.first()
                self._dozes_until = min(mono + _CLOCK_EVERY_S, mono + _CLOCK_EVERY_S if first is None else first)
                await either(self._clock, self._news, self._dozes_until - mono)
                await asyncio.sleep(0)
        finally:
            for task in self._busy.values():
                task.cancel()

    async def keep(self) -> None:
        """Write down what changes, for ever."""
        await self._keeping.run()

    async def stop(self) -> None:
        """Write down what was used until now. Lines stay as they are: whoever starts next finds them so."""
        self._keep_usage()
        await self._keeping.flush()

    async def override(self, asked: Command, args: SwitchOverride) -> Act:
        """Handle `switch.override` of a thing, a group or `lights`."""
        return await self._commands.override(asked, args)

    async def release(self, asked: Command, args: SwitchRelease) -> Act:
        """Handle `switch.release`."""
        return await self._commands.release(asked, args)

    async def reset(self, asked: Command, args: ResetInterlock) -> Act:
        """Handle `switch.reset`."""
        return await self._commands.reset(asked, args)

    def state(self, thing: str) -> Switched | None:
        """The newest state of a thing; None where nobody knows it yet."""
        return self._things[thing].state if thing in self._things else None

    def litres(self, thing: str) -> float | None:
        """What has ever flowed through a thing; None without flow meter."""
        return self._things[thing].meter.litres if thing in self._things else None

    def loads(self) -> list[Load]:
        """All things as their cabinets see them."""
        return [
            Load(
                thing.id,
                thing.entry.rated_w,
                thing.state.actual if thing.state is not None else None,
                thing.meter.usage().energy_kwh,
            )
            for thing in self._things.values()
        ]

    def values(self) -> dict[str, float]:
        """For telemetry: energy, power, hours, switch counts and litres of each thing."""
        values: dict[str, float] = {}
        for id_, thing in self._things.items():
            usage = thing.meter.usage()
            told = {
                "energy": usage.energy_kwh,
                "power": thing.meter.power_w,
                "hours": usage.hours_on,
                "switch_ons": float(usage.switch_ons),
                "litres": usage.litres,
            }
            values.update({f"{name}/{id_}": value for name, value in told.items() if value is not None})
        return values

    def sensor_changed(self, sensor: str) -> None:
        """A sensor has news: look at what uses it. For `Sensing.listen`."""
        for id_ in self._by_sensor.get(sensor, ()):
            self.look_at(id_)

    def driver_changed(self, driver: str) -> None:
        """A driver came or went: look at what is behind it, lines and all."""
        for id_ in self._by_driver.get(driver, ()):
            self._things[id_].read_at = float("-inf")
            self.look_at(id_)

    def look_at(self, thing: str) -> None:
        """Something about a thing has changed: look at it now."""
        mono = self._clock.monotonic()
        if thing in self._things:
            self._looks.soon(thing, mono)

    def _wake(self, mono: float) -> None:
        """A look is due at that time, perhaps before the end of the doze."""
        if mono < self._dozes_until:
            self._news.set()

    def _look(self, id_: str) -> None:
        """In a task of its own, so that no driver delays another; one at a time for each thing."""
        busy = self._busy.get(id_)
        if busy is not None:
            busy.add_done_callback(lambda _task: self.look_at(id_))
            return
        task = asyncio.create_task(self._guarded(self._things[id_]), name=f"look-{id_}")
        self._busy[id_], self._busy_since[id_] = task, time.monotonic()
        task.add_done_callback(lambda _task: self._looked(id_))

    def _looked(self, id_: str) -> None:
        self._busy.pop(id_, None)
        self._busy_since.pop(id_, None)

    def _tell_turn(self) -> None:
        """Unless a look hangs: this loop goes on then, and yet the thing is switched no more."""
        since = min(self._busy_since.values(), default=None)
        self.turned(_TURN_S if since is None else min(_TURN_S, since + _LOOK_S - time.monotonic()))

    async def _guarded(self, thing: Thing) -> None:
        try:
            await self._settle(thing)
        except Exception:  # one thing must not take the others with it
            log.exception("%s could not be looked at", thing.about)
            self._looks.at(thing.id, self._clock.monotonic() + _AFTER_FAILURE_S)

    async def _settle(self, thing: Thing) -> None:
        async with thing.lock:
            await self._settling.settle(thing)

    async def _read(self, thing: Thing) -> None:
        async with thing.lock:
            await self._settling.read(thing)

    def _clock_now(self) -> tuple[bool, float]:
        """Whether it is trusted, and how far the wall clock is from the monotonic one."""
        return self._clock.trusted, self._clock.now().timestamp() - self._clock.monotonic()

    def _notice_clock(self) -> None:
        trusted, offset = self._clock_now()
        if trusted is self._clock_was[0] and abs(offset - self._clock_was[1]) <= _STEP_S:
            return
        self._clock_was = trusted, offset
        mono = self._clock.monotonic()
        for id_ in self._things:
            self._looks.soon(id_, mono)

    def _keep_used(self, mono: float) -> None:
        """Of what was switched, soon after: not in the command's own transaction, which somebody waits for."""
        if mono < self._used_at:
            return
        self._used_at = mono + _CLOCK_EVERY_S
        for thing in self._things.values():
            if thing.used:
                thing.used = False
                self._keeping.keep("usage", thing.id, thing.meter.dump())

    def _keep_usage(self) -> None:
        """Of all things in one commit; and how much time is left to overrides, should the clock be lost."""
        self._usage_at = self._clock.monotonic() + _USAGE_EVERY_S
        moment = self._settling.moment()
        for thing in self._things.values():
            self._keeping.keep("usage", thing.id, thing.meter.dump())
            if thing.override is not None:
                self._keeping.keep("override", thing.id, thing.override.dump(moment))
