"""Things are what is decided, through restarts, stuck lines, lost drivers and clocks that nobody vouches for."""

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from core_rig import store
from core_switching import DAY, LIGHTS, NIGHT, PLACE, Rig, lit, refused

from drivers.contract import DriverContext, DriverFault
from drivers.relay.simulated import SimulatedRelay, SimulatedRelayConfig
from edge_agent.clock import SimulatedClock
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Feedback, Light, SwitchedEntry
from edge_agent.config.timetable import Programme
from edge_agent.contract.errors import Refusal, Said
from edge_agent.contract.switched import LightState
from edge_agent.control.facts import Demand
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable

PLAN = Timetable((), (), PLACE).plan_of_programme(Programme())


def dusk_to_dawn(now):
    return PLAN.at(now, lambda _sensor: None)


async def test_the_right_state_is_restored_without_a_blink(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        assert rig.board is not None
        assert [(change.line, change.on) for change in rig.board.history] == [("1", True), ("2", False)]
        state = rig.state()
        assert (state.wanted, state.actual, state.why, state.fault) == (100, 100, "program", None)
        assert state.until == dusk_to_dawn(NIGHT).until
        assert (rig.state("san").actual, rig.state("san").why, rig.state("san").until) == (0, "default", None)
        posts = len(rig.posts)
        await rig.clock.advance(timedelta(minutes=14))
        assert len(rig.board.history) == 2, "nothing is switched again for nothing"
        assert len(rig.posts) == posts, "and nothing is said again"
    board = rig.board
    async with lit(tmp_path, NIGHT + timedelta(minutes=20), board=board) as rig:
        assert len(board.history) == 2, "what is on and should be on is not touched by a restart"
        assert (rig.state().actual, rig.state().why) == (100, "program")


async def test_some_nights(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        rig.clock.settled = None  # nothing here waits for the disk
        await rig.clock.advance(timedelta(days=3), settle=15)
        changes = [change for change in rig.board.history if change.line == "1"]
        assert [change.on for change in changes] == [False, *[True, False] * 3]
        for change in changes[1:]:
            after = dusk_to_dawn(change.time).level
            before = dusk_to_dawn(change.time - timedelta(seconds=1)).level
            assert (after, before) == ((100, 0) if change.on else (0, 100))
        assert [kind for kind, _ in await rig.events()] == ["switched"] * 7


async def test_an_override_ends_at_the_next_switch(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        answer = await rig.override(level=0)
        state = rig.state()
        assert (state.actual, state.why, state.by) == (0, "override", "nguyen.van.a")
        assert state.until is not None and state.until < NIGHT + timedelta(hours=12)
        assert answer is not None and (answer["wanted"], answer["actual"], answer["why"]) == (0, 0, "override")
        await rig.clock.advance(state.until - NIGHT)
        assert (rig.state().actual, rig.state().why) == (0, "program"), "it is morning"
        await rig.clock.advance(timedelta(hours=12))
        assert (rig.state().actual, rig.state().why) == (100, "program")
        told = [data for kind, data in await rig.events() if kind == "override"]
        assert told[0]["level"] == 0 and told[1] == {"ended": "time"}
        assert await rig.kept("override") == {}


async def test_an_override_ends_when_it_was_asked_to(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(minutes=10))
        await rig.clock.advance(timedelta(minutes=9, seconds=59))
        assert rig.state().actual == 0
        await rig.clock.advance(timedelta(seconds=1))
        assert (rig.state().actual, rig.state().why) == (100, "program")


async def test_a_thing_without_programme_is_overridden_for_twelve_hours(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override("san", 100)
        assert rig.state("san").until == NIGHT + timedelta(hours=12)
        await rig.clock.advance(timedelta(hours=12))
        assert (rig.state("san").actual, rig.state("san").why) == (0, "default")


async def test_a_released_thing_is_the_programmes_again(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0)
        await rig.release()
        assert (rig.state().actual, rig.state().why, rig.state().by) == (100, "program", None)
        assert await rig.kept("override") == {}
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
        ended = [data for kind, data in await rig.events() if kind == "override" and data.get("ended")]
        assert ended == [{"ended": "time"}]


async def test_seconds_are_counted_whatever_the_wall_clock_does(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, seconds=1800)
        rig.clock.step(timedelta(hours=-5))
        await rig.clock.advance(timedelta(minutes=29))
        assert rig.state().why == "override"
        assert rig.state().until == NIGHT + timedelta(hours=-5, minutes=30), "told by the clock as it is now"
        rig.clock.step(timedelta(hours=5))
        await rig.clock.advance(timedelta(seconds=59))
        assert rig.state().why == "override"
        await rig.clock.advance(timedelta(seconds=1))
        assert (rig.state().actual, rig.state().why) == (100, "program")


async def test_a_clock_set_back_makes_no_override_last_for_ever(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(hours=2))
        rig.clock.step(timedelta(days=-300))
        await rig.clock.advance(timedelta(hours=24))
        assert [data for kind, data in await rig.events() if kind == "override"][-1] == {"ended": "time"}


async def test_a_clock_set_forward_ends_what_was_until_then(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(hours=2))
        rig.clock.step(timedelta(hours=3))
        await rig.clock.advance(timedelta(seconds=10))
        assert (rig.state().actual, rig.state().why) == (100, "program")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"thing": "ao"}, "command.unknown_thing"),
        ({"level": 50}, "switch.not_dimmable"),
        ({"until": NIGHT}, "override.past"),
        ({"until": NIGHT - timedelta(days=1)}, "override.past"),
        ({"until": NIGHT + timedelta(hours=25)}, "override.too_long"),
        ({"thing": "lights", "until": NIGHT}, "override.past"),
        ({"amount": 10}, "switch.no_flow_meter"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused(tmp_path: Path, change: dict, code: str) -> None:
    async with lit(tmp_path) as rig:
        assert (await refused(rig, **change)).fault.code == code
        assert (rig.state().actual, rig.state().why) == (100, "program")
        with pytest.raises(Refusal):
            await rig.release("ao")


async def test_a_stuck_line_is_told_and_cleared(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        rig.board.stick("1")
        await rig.clock.advance(timedelta(hours=8))
        state = rig.state()
        assert (state.wanted, state.actual) == (100, 0)
        assert [trouble.type for trouble in state.troubles] == ["switchingErrorOff"]
        assert state.fault is not None and state.fault.code == "fault.switchingErrorOff"
        assert abs(state.troubles[0].since - dusk_to_dawn(DAY).until) < timedelta(seconds=1), "since it should be on"
        rig.board.release("1")
        await rig.clock.advance(timedelta(seconds=60))
        assert (rig.state().actual, rig.state().fault) == (100, None)
        told = [(kind, data.get("code")) for kind, data in await rig.events() if kind != "switched"]
        assert told == [("fault", "switchingErrorOff"), ("cleared", "switchingErrorOff")]


async def test_an_off_that_the_line_does_not_follow_is_told_as_failed_and_not_forgotten(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        assert rig.board is not None
        said = Said.of("switch.partly", done=1, all=2, failed="x")
        rig.service.connect(demand=lambda _thing: Demand(100, "nong", None, said))
        rig.board.stick("1")
        refusal = await refused(rig, level=0, until=NIGHT + timedelta(hours=1))
        assert refusal.fault.code == "fault.switchingErrorOn" and "Cổng" in refusal.fault.vi
        assert refusal.result is not None and (refusal.result["wanted"], refusal.result["actual"]) == (0, 100)
        assert (await rig.kept("override"))["cong"]["level"] == 0, "on disk before it is answered"
        await rig.clock.advance(timedelta(seconds=30))
        state = rig.state()
        assert (state.wanted, state.actual, state.why) == (0, 100, "override"), "no rule takes it back"
        assert [trouble.type for trouble in state.troubles] == ["switchingErrorOn"]
        rig.board.release("1")
        await rig.clock.advance(timedelta(seconds=60))
        assert (rig.state().wanted, rig.state().actual, rig.state().fault) == (0, 0, None)


async def test_an_on_that_the_line_does_not_follow_is_refused_and_the_earlier_will_stays(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY) as rig:
        assert rig.board is not None
        until = DAY + timedelta(hours=3)
        await rig.override(level=0, until=until)
        rig.board.stick("1")
        refusal = await refused(rig, level=100, until=DAY + timedelta(hours=1))
        assert refusal.fault.code == "fault.switchingErrorOff"
        state = rig.state()
        assert (state.wanted, state.actual, state.why, state.until, state.fault) == (0, 0, "override", until, None)
        assert (await rig.kept("override"))["cong"]["level"] == 0


async def test_a_restart_tells_no_switching_of_what_did_not_change(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        board = rig.board
    async with lit(tmp_path, NIGHT + timedelta(minutes=1), board=board) as rig:
        await rig.clock.advance(timedelta(minutes=1))
        assert [data["level"] for kind, data in await rig.events() if kind == "switched"] == [100]
        assert [data["level"] for kind, data in await rig.events("light/san") if kind == "switched"] == [0]


async def test_what_changed_by_itself_names_nobody(tmp_path: Path) -> None:
    lamp: SwitchedEntry = Light(id="cong", name="Cổng", line="board/1", default=0, feedback=Feedback(contact="k"))
    contact = Sensor(id="k", name="Tiếp điểm", line="x/k", kind="contact")
    async with lit(tmp_path, entries=(lamp,), sensors=(contact,)) as rig:
        await rig.measure("k", 0)
        await rig.override(level=100, seconds=3600)
        await rig.clock.advance(timedelta(seconds=1))
        await rig.measure("k", 1)
        await rig.clock.advance(timedelta(seconds=5))
        await rig.measure("k", 0)
        await rig.measure("k", 1)
        told = [(data["level"], data["why"], data.get("by")) for kind, data in await rig.events() if kind == "switched"]
        assert told == [
            (0, "default", None),
            (100, "override", "nguyen.van.a"),
            (0, "fault", None),
            (100, "fault", None),
        ]


async def test_a_driver_that_disappears_and_returns(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        board, rig.board = rig.board, None
        rig.service.driver_changed("board")
        await rig.clock.advance(timedelta(seconds=1))
        assert (rig.state().wanted, rig.state().actual) == (100, None), "at once"
        await rig.clock.advance(timedelta(seconds=30))
        state = rig.state()
        assert state.fault is not None and state.fault.code == "fault.controlGearCommFailure"
        assert "board" in state.fault.en
        assert LightState.model_validate_json(state.body()) == state
        assert (await refused(rig, level=100)).fault.code == "fault.controlGearCommFailure"
        assert rig.state().why == "program"
        assert board is not None
        rig.board = board
        await rig.clock.advance(timedelta(seconds=60))
        assert (rig.state().actual, rig.state().fault) == (100, None)
        events = await rig.events()
        assert all("level" in data for kind, data in events if kind == "switched")
        assert [kind for kind, _ in events if kind != "switched"] == ["fault", "cleared"]


async def test_a_board_that_restarted_is_switched_again_without_a_fault(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        board = await rig.plug()
        await rig.clock.advance(timedelta(seconds=31))
        assert [(change.line, change.on) for change in board.history] == [("1", True), ("2", False)]
        assert [kind for kind, _ in await rig.events()] == ["switched"]


async def test_a_node_that_starts_without_its_board(tmp_path: Path) -> None:
    async with lit(tmp_path, plugged=False) as rig:
        assert rig.state().actual is None
        board = await rig.plug()
        rig.service.driver_changed("board")
        await rig.clock.advance(timedelta(seconds=1))
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
        await rig.plug(Broken)
        await rig.clock.advance(timedelta(seconds=40))
        fault = rig.state().fault
        assert fault is not None and fault.code == "fault.controlGearCommFailure"
        assert (rig.state("san").actual, rig.state("san").fault) == (0, None)
        await refused(rig, level=0)
        await rig.override("san", 100)
        assert rig.state("san").actual == 100


async def test_a_driver_that_hangs_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(SimulatedRelay):
        async def switch(self, line: str, on: bool) -> None:
            if line == "1":
                await asyncio.Event().wait()
            await super().switch(line, on)

    async with store(tmp_path, SimulatedClock(NIGHT)) as node:
        rig = Rig(node)
        await rig.plug(Hanging)
        started = asyncio.create_task(rig.service.refresh())
        async with asyncio.timeout(3):
            while not any(post.id == "san" for post in rig.posts):
                await asyncio.sleep(0.01)
            assert rig.state("san").actual == 0, "while the other still hangs"
            assert not any(post.id == "cong" for post in rig.posts)
            monkeypatch.setattr("edge_agent.switching.lines.LIMIT_S", 0.05)
            await rig.override("san", 100)
            assert rig.state("san").actual == 100
            await started


async def test_a_line_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.switching.lines.LIMIT_S", 0.05)

    class Hanging(SimulatedRelay):
        async def switch(self, line: str, on: bool) -> None:
            await asyncio.Event().wait()

    async with store(tmp_path, SimulatedClock(NIGHT)) as node:
        rig = Rig(node, LIGHTS[:1])
        await rig.plug(Hanging)
        await rig.service.refresh()
        assert rig.state().actual is None
        refusal = await refused(rig, level=100)
        assert refusal.fault.code == "fault.controlGearCommFailure" and "0.05" in refusal.fault.en


async def test_an_untrusted_clock_means_the_fail_safe(tmp_path: Path) -> None:
    evening = Programme(on="18:00", off="19:00")
    pond = Light(id="ao", name="Ao", line="board/2", programme=evening, fail_safe=0)
    async with lit(tmp_path, DAY, trusted=False, entries=(LIGHTS[0], pond)) as rig:
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


async def test_a_full_disk_keeps_no_override_from_ending(tmp_path: Path) -> None:
    async with lit(tmp_path) as rig:
        await rig.override(level=0, until=NIGHT + timedelta(minutes=1))
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
        await rig.clock.advance(timedelta(minutes=2))
        assert rig.state().actual == 100
        await rig.node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
        await rig.clock.advance(timedelta(minutes=1))
        assert await rig.kept("override") == {}, "and it is written down as soon as the disk takes it"


async def test_a_position_without_sunset_does_not_stop_the_lights(tmp_path: Path) -> None:
    north = Place(latitude=80, longitude=0, timezone="UTC")
    async with lit(tmp_path, NIGHT.replace(month=6), place=north) as rig:
        assert (rig.state().actual, rig.state().why) == (100, "default")
        assert rig.state("san").actual == 0
        await rig.override(level=0)
        assert rig.state().until == rig.clock.now() + timedelta(hours=12)
        assert json.loads(rig.state().body())["kind"] == "light"


async def test_a_dimmed_row_ramps_in_steps(tmp_path: Path) -> None:
    class Dimmer(SimulatedRelay):
        def __init__(self, config, context) -> None:
            super().__init__(config, context)
            self.levels: list[float] = []

        async def dim(self, line: str, level: float) -> None:
            self.levels.append(level)

        async def level(self, line: str) -> float:
            return self.levels[-1]

    row: SwitchedEntry = Light(
        id="hang",
        name="Hàng",
        line="dim/1",
        dimmable=True,
        programme=Programme.model_validate(
            {"on": "18:00", "off": "06:00", "steps": [{"at": "22:00", "level": 40, "ramp_s": 60}]}
        ),
    )
    async with store(tmp_path, SimulatedClock(NIGHT)) as node:
        rig = Rig(node, (row,))
        context = DriverContext("dim", rig.clock, logging.getLogger("test"), tmp_path)
        dimmer = await Dimmer(SimulatedRelayConfig.model_validate({"lines": {"1": {}}}), context).__aenter__()
        dimmer.levels.append(0)
        rig.drivers["dim"] = dimmer
        await rig.service.refresh()
        rig.start()
        await rig.clock.advance(timedelta(hours=1, minutes=59))
        assert dimmer.levels == [0, 100]
        posts = len(rig.posts)
        await rig.clock.advance(timedelta(minutes=3))
        way = dimmer.levels[2:]
        assert way == sorted(way, reverse=True) and way[-1] == 40
        assert 30 <= len(way) <= 62, "one per cent a step, where the line can tell them apart"
        assert len(rig.posts) - posts < 20, "but a ramp is not told step by step"
        assert (rig.state("hang").wanted, rig.state("hang").actual) == (40, 40)
        await rig.override("hang", 55)
        assert rig.state("hang").actual == 55
        told = [data["level"] for kind, data in await rig.events("light/hang") if kind == "switched"]
        assert sorted(told) == [40, 55, 100]
        await rig.stop()
