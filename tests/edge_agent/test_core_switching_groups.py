"""Groups switch one after the other, commands to many are answered for each, interlocks and limits hold."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_switching import DAY, NIGHT, Rig, lit, refused

from drivers.contract import DriverFault
from drivers.relay.simulated import SimulatedRelay
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Block, Feedback, GroupEntry, Light, Limits, Switch, SwitchedEntry
from edge_agent.config.timetable import Programme
from edge_agent.contract.errors import Refusal
from edge_agent.contract.switched import SwitchState, Usage
from edge_agent.control.facts import Demand, Said

EVENING = Programme(on="18:00", off="23:00")
ROW: tuple[SwitchedEntry, ...] = tuple(
    Light(id=f"den-{n}", name=f"Đèn {n}", line=f"board/{n}", programme=EVENING) for n in range(1, 6)
)
PUMP = Switch(
    id="bom",
    name="Bơm",
    line="board/9",
    use="pump",
    rated_w=750,
    feedback=Feedback(flow="nuoc"),
    blocks=(Block(sensor="be", below=20, ends=30, stays=True, name="Bể cạn"),),
)
SENSORS = (
    Sensor(id="be", name="Bể", line="x/be", kind="level"),
    Sensor(id="nuoc", name="Nước", line="x/nuoc", kind="volume"),
)
GROUPS = (
    GroupEntry(id="tren", name="Trên", members=("den-1", "den-2", "den-3"), gap_s=1),
    GroupEntry(id="duong", name="Đường", members=("tren", "den-4", "den-5"), gap_s=2),
)


def switched_on(rig: Rig) -> list[tuple[str, float]]:
    """Lines and seconds since the first, of what was switched on."""
    assert rig.board is not None
    ons = [(change.line, change.time) for change in rig.board.history if change.on]
    return [(line, (time - ons[0][1]).total_seconds()) for line, time in ons]


async def within(rig: Rig, work: Any, limit: timedelta = timedelta(minutes=1)) -> Any:
    """The end of something that waits for simulated time."""
    task = asyncio.ensure_future(work)
    end = rig.clock.now() + limit
    while not task.done() and rig.clock.now() < end:
        await rig.clock.advance(timedelta(milliseconds=100))
    assert task.done(), "it did not end in time"
    return task.result()


async def test_a_programme_switches_a_group_in_turns(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=ROW, groups=GROUPS) as rig:
        await rig.clock.advance(timedelta(hours=6, seconds=1))
        waiting = rig.state("den-5")
        assert (waiting.wanted, waiting.actual) == (100, 0)
        assert waiting.waits_until == DAY + timedelta(hours=6, seconds=8)
        assert waiting.fault is None, "who waits for a turn is not faulty"
        await rig.clock.advance(timedelta(seconds=20))
        assert switched_on(rig) == [("1", 0), ("2", 2), ("3", 4), ("4", 6), ("5", 8)], "the larger gap counts for all"
        assert rig.state("den-5").waits_until is None
        assert rig.board is not None
        await rig.clock.advance(timedelta(hours=5))
        offs = {change.time for change in rig.board.history if not change.on and change.time > DAY}
        assert len(offs) == 1, "all go off at once"


async def test_a_restart_in_the_night_switches_in_turns_too(tmp_path: Path) -> None:
    async with lit(tmp_path, NIGHT, entries=ROW, groups=GROUPS) as rig:
        await rig.clock.advance(timedelta(seconds=20))
        assert switched_on(rig) == [("1", 0), ("2", 2), ("3", 4), ("4", 6), ("5", 8)]


async def test_a_command_to_a_group_is_answered_for_each(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(*ROW, PUMP), groups=GROUPS, sensors=SENSORS) as rig:
        answer = await within(rig, rig.override("tren", 100, seconds=1800))
        assert list(answer["things"]) == ["den-1", "den-2", "den-3"]
        assert {(one["wanted"], one["actual"], one["why"]) for one in answer["things"].values()} == {
            (100, 100, "override")
        }
        assert [line for line, _ in switched_on(rig)] == ["1", "2", "3"]
        assert set(await rig.kept("override")) == {"den-1", "den-2", "den-3"}, "on disk before it is called done"
        answer = await within(rig, rig.override("lights", 0))
        assert set(answer["things"]) == {entry.id for entry in ROW}, "all lights, and never a pump"
        answer = await within(rig, rig.release("duong"))
        assert {one["why"] for one in answer["things"].values()} == {"program"}
        assert await rig.kept("override") == {}


async def test_a_group_of_which_one_does_not_follow(tmp_path: Path) -> None:
    class Lame(SimulatedRelay):
        async def switch(self, line: str, on: bool) -> None:
            if line == "2" and on:
                raise DriverFault("driver.io", "no acknowledge")
            await super().switch(line, on)

    async with lit(tmp_path, DAY, plugged=False, entries=ROW, groups=GROUPS) as rig:
        await rig.plug(Lame)
        rig.service.driver_changed("board")
        await rig.clock.advance(timedelta(seconds=1))
        with pytest.raises(Refusal) as caught:
            await within(rig, rig.override("tren", 100))
        assert caught.value.fault.code == "switch.partly"
        assert caught.value.fault.params == {"done": 2, "all": 3, "failed": "den-2"}
        assert caught.value.result is not None
        failed = caught.value.result["things"]["den-2"]
        assert failed["fault"]["code"] == "fault.controlGearCommFailure" and failed["fault"]["vi"]
        assert caught.value.result["things"]["den-3"]["actual"] == 100
        assert rig.state("den-2").why == "override", "it follows as soon as it can"


async def test_somebody_who_stands_beside_a_lamp_does_not_queue(tmp_path: Path) -> None:
    slow = (GroupEntry(id="duong", name="Đường", members=("den-1", "den-2", "den-3", "den-4", "den-5"), gap_s=10),)
    async with lit(tmp_path, NIGHT, entries=ROW, groups=slow) as rig:
        await rig.clock.advance(timedelta(seconds=11))
        answer = await rig.override("den-5", 100)
        assert answer is not None and "waits_until" in answer, "but the gap holds for people too"
        await rig.clock.advance(timedelta(seconds=60))
        assert switched_on(rig) == [("1", 0), ("2", 10), ("5", 20), ("3", 30), ("4", 40)]


async def test_a_lamp_is_not_struck_while_it_is_hot(tmp_path: Path) -> None:
    lamp: SwitchedEntry = Light(
        id="cao", name="Cao áp", line="board/1", default=100, limits=Limits(minimum_off_s=300, minimum_on_s=60)
    )
    async with lit(tmp_path, NIGHT, entries=(lamp,)) as rig:
        await rig.clock.advance(timedelta(minutes=2))
        await rig.override("cao", 0, seconds=3600)
        assert rig.state("cao").actual == 0
        await rig.clock.advance(timedelta(minutes=1))
        answer = await rig.release("cao")
        cool = NIGHT + timedelta(minutes=7)
        assert answer is not None and answer["wanted"] == 100 and answer["actual"] == 0
        assert rig.state("cao").waits_until == cool
        await rig.clock.advance(timedelta(minutes=3))
    board = rig.board
    async with lit(tmp_path, NIGHT + timedelta(minutes=6), entries=(lamp,), board=board) as rig:
        assert (rig.state("cao").actual, rig.state("cao").waits_until) == (0, cool), "it is as hot after a restart"
        await rig.clock.advance(timedelta(seconds=59))
        assert rig.state("cao").actual == 0
        await rig.clock.advance(timedelta(seconds=2))
        assert rig.state("cao").actual == 100
        answer = await rig.override("cao", 0)
        assert answer is not None and answer["actual"] == 100 and "waits_until" in answer, "and stays on a minute"
        await rig.clock.advance(timedelta(seconds=60))
        assert rig.state("cao").actual == 0


async def test_nobody_knows_how_hot_a_lamp_is_after_a_power_cut(tmp_path: Path) -> None:
    lamp: SwitchedEntry = Light(id="cao", name="C", line="board/1", default=100, limits=Limits(minimum_off_s=300))
    async with lit(tmp_path, NIGHT, entries=(lamp,)) as rig:
        assert rig.state("cao").actual == 100, "the first start ever: it is cold"
    async with lit(tmp_path, NIGHT + timedelta(seconds=40), entries=(lamp,)) as rig:
        assert rig.state("cao").actual is None, "the board restarted too: it is left alone"
        assert rig.board is not None and not rig.board.history
        await rig.clock.advance(timedelta(seconds=301))
        assert rig.state("cao").actual == 100


async def test_an_interlock_acts_on_an_override_too_and_stays_until_reset(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.measure("be", 80)
        assert rig.state("bom").why == "default"
        await rig.override("bom", 100, seconds=3600)
        state = rig.state("bom")
        assert isinstance(state, SwitchState) and (state.actual, state.use) == (100, "pump")
        await rig.measure("be", 10)
        state = rig.state("bom")
        assert (state.actual, state.why) == (0, "interlock")
        assert state.said is not None and "Bể cạn" in state.said.vi
        refusal = await refused(rig, thing="bom", level=100)
        assert refusal.fault.code == "switch.interlocked" and "Bể cạn" in refusal.fault.vi
        await rig.measure("be", 90)
        assert rig.state("bom").why == "interlock", "it stays until somebody has looked"
    async with lit(tmp_path, DAY + timedelta(minutes=5), entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.measure("be", 90)
        assert rig.state("bom").why == "interlock", "through a restart too"
        await rig.reset("bom")
        assert (rig.state("bom").why, rig.state("bom").actual) == ("default", 0), "a reset starts nothing by itself"
        ended = [
            data["ended"] for kind, data in await rig.events("switch/bom") if kind == "override" and "ended" in data
        ]
        assert ended == ["interlock"]
        told = [data for kind, data in await rig.events("switch/bom") if kind == "interlock"]
        assert [(data["code"], bool(data.get("ended"))) for data in told if "code" in data] == [
            ("interlock.stays", False),
            ("interlock.stays", True),
        ], "each once, restart or not"
        assert any(data.get("reset") and data["by"] == "nguyen.van.a" for data in told)


async def test_a_start_says_nothing_of_sensors_before_their_first_word(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.clock.advance(timedelta(seconds=5))
        assert not rig.posts and not [kind for kind, _ in await rig.events("switch/bom") if kind == "interlock"]
        await rig.clock.advance(timedelta(seconds=10))
        assert (rig.state("bom").why, rig.state("bom").actual) == ("interlock", 0)
        (told,) = [data for kind, data in await rig.events("switch/bom") if kind == "interlock"]
        assert (told["code"], told["sensor"], told["name"]) == ("interlock.unknown", "be", "bể")


async def test_litres_are_told_each_half_minute_while_they_flow(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.measure("be", 80)
        await rig.measure("nuoc", 1000)
        await rig.override("bom", 100, seconds=3600)
        posts = len(rig.posts)
        for litres in range(1, 13):
            await rig.clock.advance(timedelta(seconds=10))
            await rig.measure("nuoc", 1000 + litres)
        assert 3 <= len(rig.posts) - posts <= 5
        usage = rig.state("bom").usage
        assert usage is not None and usage.litres is not None and usage.litres >= 9


async def test_an_amount_of_water_ends_an_override(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.measure("be", 80)
        assert (await refused(rig, thing="bom", level=100, amount=50)).fault.code == "switch.no_flow_meter"
        await rig.measure("nuoc", 1000)
        await rig.override("bom", 100, amount=50)
        await rig.clock.advance(timedelta(seconds=30))
        await rig.measure("nuoc", 1030)
        assert rig.state("bom").actual == 100
        await rig.clock.advance(timedelta(seconds=30))
        await rig.measure("nuoc", 1051)
        assert (rig.state("bom").actual, rig.state("bom").why) == (0, "default")
        assert rig.service.litres("bom") == pytest.approx(51)
        await rig.override("bom", 100, amount=50)
        await rig.measure("nuoc", None)
        assert rig.state("bom").why == "default", "what nobody counts does not run on"
        ended = [
            data["ended"] for kind, data in await rig.events("switch/bom") if kind == "override" and "ended" in data
        ]
        assert ended == ["amount", "no_meter"]


async def test_a_rule_comes_after_a_person_and_before_the_programme(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=ROW[:1]) as rig:
        wants: list[Demand | None] = [None]
        rig.service.connect(demand=lambda _thing: wants[0])
        said = Said.of("switch.partly", done=1, all=2, failed="x")
        wants[0] = Demand(100, "nong", DAY + timedelta(hours=1), said)
        rig.service.look_at("den-1")
        await rig.clock.advance(timedelta(milliseconds=10))
        state = rig.state("den-1")
        assert (state.actual, state.why, state.by, state.said) == (100, "rule", "nong", said)
        await rig.override("den-1", 0)
        assert (rig.state("den-1").actual, rig.state("den-1").why) == (0, "override")


async def test_usage_is_counted_told_and_kept(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,), sensors=SENSORS) as rig:
        await rig.measure("be", 80)
        await rig.override("bom", 100, seconds=7200)
        for _ in range(120):
            await rig.measure("be", 80)
            await rig.clock.advance(timedelta(minutes=1))
        await rig.clock.advance(timedelta(seconds=5))
        usage = rig.state("bom").usage
        assert isinstance(usage, Usage)
        assert (usage.energy_by, usage.switch_ons) == ("estimated", 1)
        assert usage.energy_kwh == pytest.approx(1.5, rel=0.01) and usage.hours_on == pytest.approx(2, rel=0.01)
        assert rig.service.values()["energy/bom"] == usage.energy_kwh
    async with lit(tmp_path, DAY + timedelta(hours=9), entries=(PUMP,), sensors=SENSORS) as rig:
        assert rig.service.values()["energy/bom"] == usage.energy_kwh
        assert rig.service.values()["switch_ons/bom"] == 1
