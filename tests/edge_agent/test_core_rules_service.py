"""Rules on a real database: what they want, what they tell, what survives a power cut, and who armed them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core_examples import command
from core_rig import Store, store

from edge_agent.clock import SimulatedClock
from edge_agent.config.rules import Rule
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Switch
from edge_agent.contract.commands import ArmRule
from edge_agent.contract.errors import Refusal
from edge_agent.contract.switched import RuleState
from edge_agent.control.facts import Demand, Reading
from edge_agent.rules.scene import Scene
from edge_agent.rules.service import RuleService
from edge_agent.timetable.place import Place

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 12:00 in Viet Nam
SCENE = Scene(
    things={id_: Switch(id=id_, name=name, line=f"a/{id_}") for id_, name in (("quat", "Quạt"), ("an", "Máy cho ăn"))},
    sensors={"nhiet": Sensor(id="nhiet", name="Nhiệt độ", line="a/9", kind="temperature", stale_s=60)},
    place=Place(21.03, 105.85, "Asia/Ho_Chi_Minh"),
)
HOT = {"all_of": [{"sensor": "nhiet", "above": 32, "ends": 30, "for_s": 60}]}
FAN = Rule.model_validate({"id": "mat", "name": "Làm mát", "thing": "quat", "maximum_s": 7200, "armed": True, **HOT})
WATCH = Rule.model_validate({"id": "thu", "name": "Thử", "thing": "quat", "maximum_s": 600, "level": 50, **HOT})
FEED = Rule.model_validate(
    {"id": "an-trua", "name": "Ăn trưa", "thing": "an", "at": ["12:10"], "maximum_s": 20, "armed": True}
)


class Air:
    """A sensor that says what it is told."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.value: float | None = None
        self._callbacks: list[Callable[[str], None]] = []

    def reading(self, _sensor: str, /) -> Reading | None:
        return Reading(self.value, self._clock.now()) if self._callbacks else None

    def listen(self, callback: Callable[[str], None], /) -> None:
        self._callbacks.append(callback)

    def say(self, value: float | None) -> None:
        self.value = value
        for callback in self._callbacks:
            callback("nhiet")


class Rig:
    """The service, what it posts, and whom it calls."""

    def __init__(self, node: Store, *rules: Rule) -> None:
        self.node, self.clock = node, node.clock
        self.air = Air(node.clock)
        self.posts: list[RuleState] = []
        self.called: list[str] = []
        self.service = RuleService(
            rules, SCENE, node.clock, node.database, node.recorder, self.air, litres=lambda _thing: None,
            post=self.posts.append,
        )  # fmt: skip
        self.service.listen(self.called.append)

    def wanted(self, thing: str = "quat") -> Demand | None:
        return self.service.demand(thing)

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))

    async def say(self, value: float | None) -> None:
        self.air.say(value)
        await self.pass_time(0.001)

    async def arm(self, rule: str, armed: bool) -> dict:
        act = await self.service.arm(command(), ArmRule(rule=rule, armed=armed))
        await self.node.database.write(lambda db: (act.record(db), self.node.outbox.append_in(db, *act.entries)))
        await self.pass_time(0.001)
        return act.result

    async def events(self) -> list[tuple[str, dict]]:
        await self.node.recorder.flush()
        return [(event["data"]["did"], event["data"]) for event in await self.node.events("rule")]


@asynccontextmanager
async def running(node: Store, *rules: Rule) -> AsyncIterator[Rig]:
    rig = Rig(node, *rules)
    node.clock.settled = node.settle
    await rig.service.load()
    task = asyncio.create_task(rig.service.run())
    try:
        await rig.pass_time(0.001)
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Store]:
    async with store(tmp_path, SimulatedClock(NOON)) as opened:
        yield opened


async def test_a_rule_wants_its_thing_on_and_lets_it_go(node: Store) -> None:
    async with running(node, FAN) as rig:
        assert rig.posts[-1].actual == "unknown" and rig.wanted() is None
        await rig.say(33.2)
        assert rig.posts[-1].actual == "waiting" and rig.wanted() is None
        await rig.pass_time(60)
        demand = rig.wanted()
        assert (demand.level, demand.rule) == (100, "mat")
        assert demand.until == rig.posts[-1].until == rig.posts[-1].since + timedelta(hours=2)
        assert demand.said.vi == (
            "Quạt chạy vì nhiệt độ 33,2 °C cao hơn 32 °C đã 60 giây; "
            "tự tắt khi nhiệt độ xuống đến 30 °C hoặc sau 2 giờ."
        )
        assert rig.called == ["quat"]
        told = len(rig.posts)
        for value in (33.5, 31, 34):
            await rig.say(value)
        assert len(rig.posts) == told, "a state is posted when it changes, not with each value"
        await rig.say(30)
        assert rig.wanted() is None and rig.called == ["quat", "quat"]
        assert [did for did, _ in await rig.events()] == ["began", "ended"]
        assert rig.posts[-1].said.code == "rule.ended"


async def test_a_rule_that_is_not_armed_does_all_but_demand(node: Store) -> None:
    async with running(node, WATCH) as rig:
        await rig.say(40)
        await rig.pass_time(60)
        assert rig.posts[-1].actual == "acting" and not rig.posts[-1].armed
        assert rig.posts[-1].said.vi.startswith("Chỉ theo dõi (chưa cho chạy thật): Quạt ở mức 50 % vì")
        assert rig.wanted() is None and rig.called == []
        assert await rig.arm("thu", True) == {"armed": True, "doing": "acting"}
        assert rig.wanted().level == 50 and rig.called == ["quat"]
        assert rig.posts[-1].said.vi.startswith("Quạt ở mức 50 % vì")
        await rig.arm("thu", False)
        assert rig.wanted() is None
        events = await rig.events()
        assert [did for did, _ in events if did in ("armed", "disarmed")] == ["armed", "disarmed"]
        assert [data["armed"] for did, data in events if did == "began"] == [False, True, False]
        armed = next(data for did, data in events if did == "armed")
        assert armed["vi"] == f"Luật “Thử” được {armed['by']} cho chạy thật."


async def test_of_two_rules_for_a_thing_the_first_in_the_configuration_wins(node: Store) -> None:
    async with running(node, FAN, WATCH.model_copy(update={"armed": True})) as rig:
        await rig.say(40)
        await rig.pass_time(61)
        assert rig.wanted().rule == "mat"
        await rig.arm("mat", False)
        assert rig.wanted().rule == "thu"


async def test_an_unknown_rule_is_refused_with_those_that_are_known(node: Store) -> None:
    async with running(node, FAN) as rig:
        with pytest.raises(Refusal) as refused:
            await rig.arm("mta", True)
        assert refused.value.fault.code == "command.unknown_thing"
        assert "luật" in refused.value.fault.vi and "mat" in refused.value.fault.vi


async def test_who_armed_it_last_is_remembered_against_the_configuration(node: Store) -> None:
    async with running(node, FAN, WATCH) as rig:
        await rig.arm("mat", False)
        await rig.arm("thu", True)
    async with running(node, FAN, WATCH) as rig:
        assert {post.id: post.armed for post in rig.posts} == {"mat": False, "thu": True}
    async with running(node, FAN.model_copy(update={"armed": False})) as rig:
        assert rig.posts[-1].armed is False


async def test_the_configuration_arms_until_a_person_has_chosen(node: Store) -> None:
    async with running(node, WATCH) as rig:
        await rig.say(40)
        await rig.pass_time(61)
    async with running(node, WATCH.model_copy(update={"armed": True})) as rig:
        assert rig.posts[-1].armed


async def test_a_run_goes_on_after_a_restart_to_the_same_end_and_is_told_once(node: Store) -> None:
    async with running(node, FAN) as rig:
        await rig.say(33)
        await rig.pass_time(60)
        until = rig.wanted().until
        await rig.pass_time(600)
    await node.clock.advance(timedelta(seconds=30))
    async with running(node, FAN) as rig:
        assert abs(rig.wanted().until - until) < timedelta(milliseconds=2)
        await rig.say(31)
        assert rig.wanted() is not None
        assert [did for did, _ in await rig.events()] == ["began"]
        await rig.pass_time(2 * 3600)
        assert rig.wanted() is None
        assert [did for did, _ in await rig.events()] == ["began", "ended"]


async def test_a_run_does_not_go_on_under_a_clock_that_nobody_vouches_for(node: Store) -> None:
    async with running(node, FAN) as rig:
        await rig.say(33)
        await rig.pass_time(60)
    node.clock.trusted = False
    async with running(node, FAN) as rig:
        assert rig.wanted() is None
        assert [did for did, _ in await rig.events()] == ["began", "ended"]


async def test_a_meal_is_given_once_whatever_the_power_does(node: Store) -> None:
    async with running(node, FEED) as rig:
        await rig.pass_time(605)
        assert rig.wanted("an").rule == "an-trua"
    async with running(node, FEED) as rig:  # cut in the middle, at once back
        assert rig.wanted("an") is not None
        await rig.pass_time(20)
        assert rig.wanted("an") is None
        await rig.pass_time(200)
    async with running(node, FEED) as rig:
        await rig.pass_time(200)
        node.clock.step(timedelta(minutes=-15))
        await rig.pass_time(3600)
        assert [did for did, _ in await rig.events()] == ["began", "ended"]


@pytest.mark.parametrize(("late_s", "given"), [(299, True), (301, False)])
async def test_a_meal_that_the_power_cut_swallowed_is_made_up_for_within_five_minutes(
    node: Store, late_s: float, given: bool
) -> None:
    async with running(node, FEED):
        pass
    await node.clock.advance(timedelta(seconds=600 + late_s))
    async with running(node, FEED) as rig:
        assert (rig.wanted("an") is not None) == given


async def test_a_full_disk_stops_no_fan(node: Store) -> None:
    async with running(node, FAN, FEED) as rig:
        await node.full()
        await rig.say(33)
        await rig.pass_time(61)
        assert rig.wanted() is not None
        await rig.pass_time(545)
        assert rig.wanted("an") is not None
        await node.full(on=False)
        await rig.pass_time(60)
    async with running(node, FAN, FEED) as rig:
        assert rig.wanted() is not None and rig.wanted("an") is None


async def test_what_was_kept_and_cannot_be_read_is_left_out(node: Store) -> None:
    for body in ('{"armed": 3, "run": 7, "last": "soon"}', '{"run": {"began": "x", "said": []}}', "[]"):
        await node.database.write(
            lambda db, body=body: db.execute("INSERT OR REPLACE INTO kept VALUES ('rule', 'mat', ?)", (body,))
        )
        async with running(node, FAN) as rig:
            assert rig.posts[-1].actual == "unknown" and rig.posts[-1].armed


async def test_nothing_is_done_while_nothing_happens(node: Store) -> None:
    async with running(node, FAN) as rig:
        await rig.say(20)
        told, looked = len(rig.posts), []
        rig.service._look = looked.append
        await rig.pass_time(24 * 3600)
        assert looked == [] and len(rig.posts) == told
