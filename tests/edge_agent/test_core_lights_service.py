"""Lights are what is decided, through restarts, stuck lines, lost drivers and clocks that nobody vouches for."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core_examples import command
from core_rig import Store, store

from drivers.contract import DriverContext, DriverFault
from drivers.relay.simulated import SimulatedRelay, SimulatedRelayConfig
from edge_agent.clock import SimulatedClock
from edge_agent.config.model import Light
from edge_agent.contract.commands import SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import LightState
from edge_agent.lights.programme import Place, Programme, level_at
from edge_agent.lights.service import LightService

PLACE = Place(latitude=21.0285, longitude=105.8542, timezone="Asia/Ho_Chi_Minh")
DAY = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # noon in Viet Nam
NIGHT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # 20:00
LIGHTS = (
    Light(id="cong", name="Cổng", line="board/1", programme=Programme()),
    Light(id="san", name="Sân", line="board/2", default=0),
)


class Rig:
    """The service on a simulated board and a real database."""

    def __init__(self, node: Store, lights: tuple[Light, ...] = LIGHTS) -> None:
        self.node = node
        self.clock = node.clock
        self.board: SimulatedRelay | None = None
        self.posts: list[LightState] = []
        self.service = LightService(
            lights,
            PLACE,
            node.clock,
            node.clock,
            node.database,
            node.recorder,
            lines=lambda name: self.board if name == "board" else None,
            post=self.posts.append,
        )
        self._task: asyncio.Task[None] | None = None

    async def plug(self) -> SimulatedRelay:
        """A new board, as after a power cut of the board: nothing is claimed."""
        config = SimulatedRelayConfig.model_validate({"lines": {"1": {}, "2": {}}})
        context = DriverContext("board", self.clock, logging.getLogger("test"), self.node.folder)
        self.board = await SimulatedRelay(config, context).__aenter__()
        return self.board

    def start(self) -> None:
        self._task = asyncio.create_task(self.service.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def state(self, light: str = "cong") -> LightState:
        return [post for post in self.posts if post.id == light][-1]

    async def override(self, light: str = "cong", level: float = 0, until: datetime | None = None) -> None:
        """As the desk does it: act, then write."""
        act = await self.service.override(command(), SwitchOverride(thing=light, level=level, until=until))
        await self._write(act)

    async def release(self, light: str = "cong") -> None:
        await self._write(await self.service.release(command(), SwitchRelease(thing=light)))

    async def _write(self, act) -> None:
        def work(db) -> None:
            act.record(db)
            self.node.outbox.append_in(db, *act.entries)

        await self.node.database.write(work)

    async def events(self, light: str = "cong") -> list[tuple[str, dict]]:
        await self.node.recorder.flush()
        return [(e["type"], e.get("data", {})) for e in await self.node.events() if e.get("about") == f"light/{light}"]


@asynccontextmanager
async def lit(
    folder: Path,
    start: datetime = NIGHT,
    *,
    trusted: bool = True,
    plugged: bool = True,
    lights: tuple[Light, ...] = LIGHTS,
) -> AsyncIterator[Rig]:
    async with store(folder, SimulatedClock(start, trusted=trusted)) as node:
        rig = Rig(node, lights)
        node.clock.settled = lambda: node.database.read(lambda _db: None)
        if plugged:
            await rig.plug()
        await rig.service.load()
        await rig.service.refresh()
        rig.start()
        try:
            yield rig
        finally:
            await rig.stop()


async def test_the_right_state_is_restored_without_a_blink(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        assert rig.board is not None
        assert [(change.line, change.on) for change in rig.board.history] == [("1", True), ("2", False)]
        assert (rig.state().wanted, rig.state().actual, rig.state().why, rig.state().fault) == (
            100,
            100,
            "program",
            None,
        )
        assert rig.state().until == level_at(Programme(), NIGHT, PLACE)[1]
        assert (rig.state("san").actual, rig.state("san").why, rig.state("san").until) == (0, "default", None)
        await rig.clock.advance(timedelta(hours=1))
        assert len(rig.board.history) == 2, "nothing is switched again for nothing"
        assert len(rig.posts) == 2, "and nothing is said again"


async def test_some_nights(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        rig.clock.settled = None  # nothing here waits for the disk
        await rig.clock.advance(timedelta(days=3), settle=12)
        changes = [change for change in rig.board.history if change.line == "1"]
        assert [change.on for change in changes] == [False, *[True, False] * 3]
        for change in changes[1:]:
            level, _ = level_at(Programme(), change.time, PLACE)
            before, _ = level_at(Programme(), change.time - timedelta(seconds=2), PLACE)
            assert (level, before) == ((100, 0) if change.on else (0, 100))
        kinds = [kind for kind, _ in await rig.events()]
        assert kinds == ["switched"] * 7


async def test_an_override_ends_at_the_next_switch(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0)
        state = rig.state()
        assert (state.actual, state.why, state.by) == (0, "override", "nguyen.van.a")
        assert state.until is not None and state.until < NIGHT + timedelta(hours=12)
        await rig.clock.advance(state.until - NIGHT)
        assert (rig.state().actual, rig.state().why) == (0, "program"), "it is morning"
        await rig.clock.advance(timedelta(hours=12))
        assert (rig.state().actual, rig.state().why) == (100, "program")
        told = [data for kind, data in await rig.events() if kind == "override"]
        assert told[0]["level"] == 0 and told[1] == {"ended": "time"}
        rows = await rig.node.database.read(lambda db: db.execute("SELECT count(*) FROM kept").fetchone())
        assert rows == (0,)


async def test_an_override_ends_when_it_was_asked_to(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(minutes=10))
        await rig.clock.advance(timedelta(minutes=9, seconds=59))
        assert rig.state().actual == 0
        await rig.clock.advance(timedelta(seconds=1))
        assert (rig.state().actual, rig.state().why) == (100, "program")


async def test_a_light_without_programme_is_overridden_for_twelve_hours(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override("san", 100)
        assert rig.state("san").until == NIGHT + timedelta(hours=12)
        await rig.clock.advance(timedelta(hours=12))
        assert (rig.state("san").actual, rig.state("san").why) == (0, "default")


async def test_a_released_light_is_the_programmes_again(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0)
        await rig.release()
        assert (rig.state().actual, rig.state().why, rig.state().by) == (100, "program", None)
        await rig.release()


async def test_an_override_survives_a_restart_and_its_end_too(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(hours=2))
    async with lit(tmp_path, NIGHT + timedelta(hours=1)) as rig:
        assert rig.board is not None
        assert [(change.line, change.on) for change in rig.board.history] == [("1", False), ("2", False)]
        assert (rig.state().why, rig.state().until) == ("override", NIGHT + timedelta(hours=2))
    async with lit(tmp_path, NIGHT + timedelta(hours=3)) as rig:
        assert (rig.state().actual, rig.state().why) == (100, "program")
        assert ("override", {"ended": "time"}) in await rig.events()
    async with lit(tmp_path, NIGHT + timedelta(hours=3)) as rig:
        assert [data for kind, data in await rig.events() if kind == "override" and data.get("ended")] == [
            {"ended": "time"}
        ]


async def test_a_clock_set_back_makes_no_override_last_for_ever(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0)
        rig.clock.step(timedelta(days=-300))
        await rig.clock.advance(timedelta(seconds=11))
        assert rig.state().why == "program"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"thing": "ao"}, "command.unknown_thing"),
        ({"level": 50}, "light.not_dimmable"),
        ({"until": NIGHT}, "override.past"),
        ({"until": NIGHT - timedelta(days=1)}, "override.past"),
        ({"until": NIGHT + timedelta(hours=25)}, "override.too_long"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused(tmp_path: Path, change: dict, code: str) -> None:
    async with lit(tmp_path) as rig:
        with pytest.raises(Refusal) as caught:
            await rig.override(**change)
        assert caught.value.fault.code == code
        assert (rig.state().actual, rig.state().why) == (100, "program")
    with pytest.raises(Refusal):
        await rig.service.release(command(), SwitchRelease(thing="ao"))


async def test_a_stuck_line_is_told_and_cleared(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        rig.board.stick("1")
        await rig.clock.advance(timedelta(hours=8))
        state = rig.state()
        assert (state.wanted, state.actual) == (100, 0)
        assert state.fault is not None and state.fault.code == "light.switching_error"
        assert state.fault.params == {"id": "cong", "wanted": 100, "actual": 0}
        rig.board.release("1")
        await rig.clock.advance(timedelta(seconds=10))
        assert (rig.state().actual, rig.state().fault) == (100, None)
        told = [(kind, data.get("code")) for kind, data in await rig.events() if kind != "switched"]
        assert told == [("fault", "light.switching_error"), ("cleared", "light.switching_error")]


async def test_an_override_of_a_stuck_light_is_refused_and_the_earlier_one_stays(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        until = DAY + timedelta(hours=3)
        await rig.override(level=100, until=until)
        rig.board.stick("1")
        with pytest.raises(Refusal) as caught:
            await rig.override(level=0, until=DAY + timedelta(hours=1))
        assert caught.value.fault.code == "light.switching_error"
        state = rig.state()
        assert (state.wanted, state.actual, state.why, state.until, state.fault) == (100, 100, "override", until, None)
        rows = await rig.node.database.read(lambda db: db.execute("SELECT body FROM kept").fetchall())
        assert rows == [(100,)]


async def test_a_driver_that_disappears_and_returns(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        board, rig.board = rig.board, None
        await rig.clock.advance(timedelta(seconds=10))
        state = rig.state()
        assert (state.wanted, state.actual) == (100, None)
        assert state.fault is not None and state.fault.code == "light.no_answer"
        assert LightState.model_validate_json(state.body()) == state
        with pytest.raises(Refusal, match="board"):
            await rig.override(level=0)
        assert board is not None
        rig.board = board
        await rig.clock.advance(timedelta(seconds=10))
        assert (rig.state().actual, rig.state().fault) == (100, None)
        events = await rig.events()
        assert all("level" in data for kind, data in events if kind == "switched")
        assert [kind for kind, _ in events if kind != "switched"] == ["fault", "cleared"]


async def test_a_board_that_restarted_between_two_looks_is_switched_without_a_fault(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        board = await rig.plug()
        await rig.clock.advance(timedelta(seconds=10))
        assert [(change.line, change.on) for change in board.history] == [("1", True), ("2", False)]
        assert [kind for kind, _ in await rig.events()] == ["switched"]


async def test_a_node_that_starts_without_its_board(tmp_path: Path) -> None:
    async with lit(tmp_path, plugged=False) as rig:
        assert rig.state().actual is None
        board = await rig.plug()
        await rig.clock.advance(timedelta(seconds=10))
        assert [change.on for change in board.history] == [True, False]


@pytest.mark.parametrize(
    "error", [RuntimeError("foreign"), OSError(5, "I/O"), DriverFault("driver.io", "bus")], ids=repr
)
async def test_whatever_a_driver_raises_is_its_own_fault(tmp_path: Path, error: Exception) -> None:
    class Broken(SimulatedRelay):
        async def read(self, line: str) -> bool:
            if line == "1":
                raise error
            return await super().read(line)

    async with lit(tmp_path, plugged=False) as rig:
        config = SimulatedRelayConfig.model_validate({"lines": {"1": {}, "2": {}}})
        context = DriverContext("board", rig.clock, logging.getLogger("test"), tmp_path)
        rig.board = await Broken(config, context).__aenter__()
        await rig.clock.advance(timedelta(seconds=20))
        fault = rig.state().fault
        assert fault is not None and fault.code == "light.no_answer"
        assert (rig.state("san").actual, rig.state("san").fault) == (0, None)
        with pytest.raises(Refusal):
            await rig.override(level=0)
        await rig.override("san", 100)
        assert rig.state("san").actual == 100


async def test_a_driver_that_hangs_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(SimulatedRelay):
        async def switch(self, line: str, on: bool) -> None:
            if line == "1":
                await asyncio.Event().wait()
            await super().switch(line, on)

    monkeypatch.setattr("edge_agent.lights.service._SWITCH_LIMIT_S", 0.05)
    async with store(tmp_path, SimulatedClock(NIGHT)) as node:
        rig = Rig(node)
        config = SimulatedRelayConfig.model_validate({"lines": {"1": {}, "2": {}}})
        context = DriverContext("board", rig.clock, logging.getLogger("test"), tmp_path)
        rig.board = await Hanging(config, context).__aenter__()
        await rig.service.refresh()
        fault = rig.state().fault
        assert fault is not None and fault.code == "light.no_answer" and "0.05" in fault.en
        assert rig.state("san").actual == 0


async def test_an_untrusted_clock_means_the_fail_safe(tmp_path: Path) -> None:
    lights = (
        *LIGHTS,
        Light(id="ao", name="Ao", line="board/2", programme=Programme(on="18:00", off="19:00"), fail_safe=0),
    )
    async with lit(tmp_path, DAY, trusted=False, lights=(lights[0], lights[2])) as rig:
        assert (rig.state().actual, rig.state().why, rig.state().until) == (100, "default", None)
        assert rig.state("ao").actual == 0
        await rig.override(level=0, until=DAY + timedelta(minutes=30))
        assert rig.state().why == "override", "a person's command still works"
        rig.clock.trusted = True
        await rig.clock.advance(timedelta(minutes=31))
        assert (rig.state().actual, rig.state().why) == (0, "program")
        rig.clock.trusted = False
        await rig.clock.advance(timedelta(seconds=10))
        assert (rig.state().actual, rig.state().why) == (100, "default")


async def test_a_full_disk_does_not_keep_an_override_from_ending(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(minutes=1))
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.state().actual == 100
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=0"))


async def test_a_position_without_sunset_does_not_stop_the_lights(tmp_path: Path) -> None:
    async with store(tmp_path, SimulatedClock(NIGHT.replace(month=6))) as node:
        rig = Rig(node)
        rig.service._place = Place(latitude=80, longitude=0, timezone="UTC")
        await rig.plug()
        await rig.service.refresh()
        assert (rig.state().actual, rig.state().why) == (100, "default")
        assert rig.state("san").actual == 0
        await rig.override(level=0)
        assert rig.state().until == rig.clock.now() + timedelta(hours=12)
        assert json.loads(rig.state().body())["kind"] == "light"
