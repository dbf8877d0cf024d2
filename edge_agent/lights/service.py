"""Makes lights be what is decided, restores them after a restart without a blink, and reports what they really are."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from drivers.contract import DriverFault, Switchable
from edge_agent.clock import Alarms, Clock
from edge_agent.config.switching import Light
from edge_agent.config.timetable import Programme
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import Command, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.records import EventType
from edge_agent.contract.switched import LightState
from edge_agent.desk import Act
from edge_agent.lights.decide import LONGEST_OVERRIDE, Decision, Override, decide, override_end
from edge_agent.lights.programme import Place
from edge_agent.recorder import Recorder
from edge_agent.store import kept
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 10
_SWITCH_LIMIT_S = 5

Lines = Callable[[str], Switchable | None]


class _Lamp:
    """What is known of one light."""

    def __init__(self, config: Light) -> None:
        self.config = config
        self.override: Override | None = None
        self.state: LightState | None = None
        self.lock = asyncio.Lock()
        self.driver, _, self.line = config.line.partition("/")


class LightService:
    """All lights of the node."""

    def __init__(
        self,
        lights: Sequence[Light],
        place: Place,
        clock: Clock,
        alarms: Alarms,
        database: Database,
        recorder: Recorder,
        *,
        lines: Lines,
        post: Callable[[LightState], None],
    ) -> None:
        """`lines` gives the open driver of a name, or None; `post` publishes a state."""
        self._lamps = {light.id: _Lamp(light) for light in lights}
        self._place = place
        self._clock = clock
        self._alarms = alarms
        self._database = database
        self._recorder = recorder
        self._lines = lines
        self._post = post

    async def load(self) -> None:
        """Read the overrides that were in force when the agent stopped."""
        rows = await self._database.read(lambda db: kept.read(db, "override"))
        for light, body in rows.items():
            if light in self._lamps:
                until = datetime.fromisoformat(body["until"])
                self._lamps[light].override = Override(body["level"], until, body["by"])

    async def run(self) -> None:
        """Set all lights, then look at each again and again: a line may be stuck, or a driver come back."""
        while True:
            await self.refresh()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def refresh(self) -> None:
        """Decide, switch and report all lights now."""
        await asyncio.gather(*(self._settle_locked(lamp) for lamp in self._lamps.values()))

    async def override(self, asked: Command, args: SwitchOverride) -> Act:
        """Handle `switch.override`: acts at once, since setting a level twice harms nobody; recorded after."""
        lamp = self._lamp(args.thing)
        now = self._clock.now()
        if args.level not in (0, 100):
            raise Refusal("light.not_dimmable", id=args.thing, level=args.level)
        until = override_end(
            now,
            args.until,
            lamp.config.programme if isinstance(lamp.config.programme, Programme) else None,
            self._place,
        )
        if until <= now:
            raise Refusal("override.past", until=iso(until))
        if until > now + LONGEST_OVERRIDE:
            raise Refusal("override.too_long", hours=LONGEST_OVERRIDE.total_seconds() / 3600)
        wanted = Override(args.level, until, asked.by)
        happened: list[Entry] = []  # written with the command, in one commit
        async with lamp.lock:
            before, lamp.override = lamp.override, wanted
            state = await self._settle(lamp, happened)
            if state.fault is not None and state.actual != args.level:
                lamp.override = before
                await self._settle(lamp, happened)
                self._recorder.keep(tuple(happened))
                raise Refusal(state.fault.code, **state.fault.params)
        told = {"level": args.level, "until": iso(until), "by": asked.by, "command": asked.id}
        entry = Entry.event(now, "override", f"light/{args.thing}", told)

        def record(db: sqlite3.Connection) -> None:
            body = {"level": wanted.level, "until": iso(wanted.until), "by": wanted.by}
            kept.put(db, "override", args.thing, body)

        return Act(record, (*happened, entry), result=_result(state))

    async def release(self, asked: Command, args: SwitchRelease) -> Act:
        """Handle `switch.release`."""
        lamp = self._lamp(args.thing)
        happened: list[Entry] = []
        async with lamp.lock:
            lamp.override = None
            state = await self._settle(lamp, happened)
        entry = Entry.event(self._clock.now(), "override", f"light/{args.thing}", {"ended": "released", "by": asked.by})
        return Act(
            lambda db: kept.drop(db, "override", args.thing),
            (*happened, entry),
            result=_result(state),
        )

    def _lamp(self, id_: str) -> _Lamp:
        lamp = self._lamps.get(id_)
        if lamp is None:
            raise Refusal("command.unknown_thing", kind="light", id=id_, known=", ".join(self._lamps) or "-")
        return lamp

    async def _settle_locked(self, lamp: _Lamp) -> None:
        async with lamp.lock:
            await self._settle(lamp)

    async def _settle(self, lamp: _Lamp, happened: list[Entry] | None = None) -> LightState:
        """Decide, switch if it must be, read back, report. Events go to `happened` where somebody writes them."""
        now = self._clock.now()
        if lamp.override is not None and not now < lamp.override.until <= now + LONGEST_OVERRIDE:
            await self._end_override(lamp)  # in time; or the clock was set back, and it would last too long
        decision = self._decide(lamp, now)
        actual, fault = await self._drive(lamp, decision)
        state = LightState(
            id=lamp.config.id,
            at=now,
            wanted=decision.level,
            actual=actual,
            why=decision.why,
            until=decision.until,
            by=decision.by,
            fault=fault,
        )
        self._report(lamp, state, happened)
        if decision.until is not None:
            self._alarms.at(f"light/{lamp.config.id}", decision.until, lambda: self._settle_locked(lamp))
        else:
            self._alarms.cancel(f"light/{lamp.config.id}")
        return state

    def _decide(self, lamp: _Lamp, now: datetime) -> Decision:
        config = lamp.config
        return decide(
            now,
            trusted=self._clock.trusted,
            override=lamp.override,
            programme=config.programme if isinstance(config.programme, Programme) else None,
            default=config.default,
            fail_safe=config.fail_safe,
            place=self._place,
        )

    async def _drive(self, lamp: _Lamp, decision: Decision) -> tuple[float | None, Fault | None]:
        id_ = lamp.config.id
        driver = self._lines(lamp.driver)
        if driver is None:
            return None, Fault.of("light.no_answer", id=id_, detail=f"driver {lamp.driver} is not working")
        on = decision.level > 0
        claimed = lamp.state is not None and lamp.state.actual is not None
        try:
            async with asyncio.timeout(_SWITCH_LIMIT_S):
                if not claimed or await _reads(driver, lamp.line) != on:
                    await driver.switch(lamp.line, on)
                actual = 100.0 if await driver.read(lamp.line) else 0.0
        except DriverFault as fault:
            if fault.code != "driver.stuck":
                return None, Fault.of("light.no_answer", id=id_, detail=fault.detail)
            actual = 0.0 if on else 100.0  # the driver looked: the line stayed as it was
        except TimeoutError:
            return None, Fault.of("light.no_answer", id=id_, detail=f"no answer within {_SWITCH_LIMIT_S} s")
        except Exception as error:  # a driver is foreign code: it must not stop the other lights
            log.exception("driver %s failed", lamp.driver)
            return None, Fault.of("light.no_answer", id=id_, detail=f"{type(error).__name__}: {error}"[:200])
        if actual != decision.level:
            wrong = Fault.of("light.switching_error", id=id_, wanted=decision.level, actual=actual)
            return actual, wrong
        return actual, None

    def _report(self, lamp: _Lamp, state: LightState, happened: list[Entry] | None) -> None:
        before, lamp.state = lamp.state, state
        about = f"light/{state.id}"
        if before is not None and before.model_copy(update={"at": state.at}) == state:
            return
        self._post(state)
        if state.actual is not None and (before is None or before.actual != state.actual):
            told = {"level": state.actual, "why": state.why, **({"by": state.by} if state.by else {})}
            self._tell(happened, "switched", about, told)
        old, new = before.fault if before else None, state.fault
        if new is not None and (old is None or old.code != new.code):
            self._tell(happened, "fault", about, {**new.params, "code": new.code})
        elif new is None and old is not None:
            self._tell(happened, "cleared", about, {"code": old.code})

    def _tell(self, happened: list[Entry] | None, type_: EventType, about: str, data: JsonObject) -> None:
        if happened is None:
            self._recorder.event(type_, about, **data)
        else:
            happened.append(Entry.event(self._clock.now(), type_, about, data))

    async def _end_override(self, lamp: _Lamp) -> None:
        lamp.override = None
        self._recorder.event("override", f"light/{lamp.config.id}", ended="time")
        try:
            await self._database.write(lambda db: kept.drop(db, "override", lamp.config.id))
        except StoreError as error:  # it has ended all the same; its time says so at the next start too
            log.error("the end of an override could not be written: %s", error)


async def _reads(driver: Switchable, line: str) -> bool | None:
    """What the line is; None when the driver was opened anew and nobody has switched it since."""
    try:
        return await driver.read(line)
    except DriverFault as fault:
        if fault.code != "driver.unclaimed":
            raise
        return None


def _result(state: LightState) -> dict[str, object]:
    return {"level": state.actual, "until": iso(state.until) if state.until else None}
