"""Sensors through lost drivers, silence, nonsense and chatter: what is known is true, and each failure is told once."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_probe import Probe, Speaking
from core_rig import START, Store, store

from drivers.contract import DriverFault, Measurement, Measuring, Watching
from edge_agent.clock import SimulatedClock
from edge_agent.config.sensing import Sensor
from edge_agent.contract.switched import SensorState
from edge_agent.sensing.service import Sensing


def sensor(id_: str, line: str = "", **settings: Any) -> Sensor:
    return Sensor.model_validate({"id": id_, "name": id_, "line": line or f"board/{id_}", **settings})


class Rig:
    """The service with drivers that are plugged in and out."""

    def __init__(self, node: Store, *sensors: Sensor) -> None:
        self.node = node
        self.clock = node.clock
        self.drivers: dict[str, Probe] = {}
        self.posts: list[SensorState] = []
        self.heard: list[str] = []
        self.sensing = Sensing(
            sensors,
            node.clock,
            node.recorder,
            measuring=lambda name: driver if isinstance(driver := self.drivers.get(name), Measuring) else None,
            watching=lambda name: driver if isinstance(driver := self.drivers.get(name), Watching) else None,
            post=self.posts.append,
        )
        self.sensing.listen(self.heard.append)
        self._task: asyncio.Task[None] | None = None

    def plug(self, probe: Probe, name: str = "board") -> Any:
        self.drivers[name] = probe
        self.sensing.driver_changed(name)
        return probe

    def unplug(self, name: str = "board") -> None:
        del self.drivers[name]
        self.sensing.driver_changed(name)

    async def start(self) -> None:
        self._task = asyncio.create_task(self.sensing.run())
        await self.passes(0.01)

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def passes(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))

    def value(self, id_: str) -> float | None:
        reading = self.sensing.reading(id_)
        return None if reading is None else reading.value

    def fault(self, id_: str) -> str | None:
        reading = self.sensing.reading(id_)
        return None if reading is None or reading.fault is None else reading.fault.code

    async def events(self) -> list[tuple[str, str, str]]:
        await self.node.recorder.flush()
        return [(event["type"], event["about"], event["data"]["code"]) for event in await self.node.events()]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Store]:
    async with store(tmp_path, SimulatedClock(START)) as opened:
        yield opened


@asynccontextmanager
async def running(node: Store, *sensors: Sensor, probe: Probe | None = None) -> AsyncIterator[Rig]:
    rig = Rig(node, *sensors)
    if probe is not None:
        rig.plug(probe)
    await rig.start()
    try:
        yield rig
    finally:
        await rig.stop()


async def test_a_value_is_scaled_posted_and_told(node: Store) -> None:
    air = sensor("air", kind="temperature", unit="Cel", scale=0.1, offset=-5)
    async with running(node, air, probe=Probe(node.clock, air=312)) as rig:
        assert rig.value("air") == pytest.approx(26.2)
        (state,) = rig.posts
        assert (state.id, state.unit, state.measured, state.fault) == ("air", "Cel", START, None)
        assert state.actual == pytest.approx(26.2)
        assert rig.heard == ["air"]
        assert rig.sensing.values() == {"sensor/air": pytest.approx(26.2)}
        assert rig.sensing.reading("nobody") is None


async def test_nothing_is_known_before_the_first_word(node: Store) -> None:
    async with running(node, sensor("air", stale_s=60)) as rig:
        assert rig.sensing.reading("air") is None and rig.posts == []
        await rig.passes(59)
        assert rig.sensing.reading("air") is None
        await rig.passes(3)
        assert rig.fault("air") == "sensor.silent"
        assert rig.posts[-1].fault is not None and "board" in rig.posts[-1].fault.vi
        assert rig.posts[-1].actual is None
        assert await rig.events() == [("fault", "sensor/air", "sensor.silent")]


@pytest.mark.parametrize(("raw", "known"), [(0, 1.0), (1, 0.0), (True, 0.0)])
async def test_a_contact_that_is_wired_the_other_way_round_is_inverted(node: Store, raw: float, known: float) -> None:
    async with running(node, sensor("door", kind="door", invert=True), probe=Probe(node.clock, door=raw)) as rig:
        assert rig.value("door") == known


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (math.nan, "sensor.not_a_number"),
        (math.inf, "sensor.not_a_number"),
        ("warm", "sensor.not_a_number"),
        (None, "sensor.not_a_number"),
        (10**400, "sensor.not_a_number"),
        (-40.1, "sensor.out_of_range"),
        (85, "sensor.out_of_range"),
        (DriverFault("driver.bad_value", "CRC"), "driver.bad_value"),
        (DriverFault("driver.wrong_device", "unit 4 answered for 3"), "driver.wrong_device"),
    ],
)
async def test_what_cannot_be_is_unknown_at_once_and_told_once(node: Store, raw: Any, code: str) -> None:
    probe = Probe(node.clock, air=20)
    async with running(node, sensor("air", minimum=-40, maximum=80), probe=probe) as rig:
        probe.values["air"] = raw
        await rig.passes(300)
        assert (rig.value("air"), rig.fault("air")) == (None, code)
        assert rig.posts[-1].actual is None and rig.posts[-1].measured is None
        assert rig.sensing.values() == {}
        probe.values["air"] = 21
        await rig.passes(62)
        assert (rig.value("air"), rig.fault("air")) == (21, None)
        await rig.passes(31)
        assert await rig.events() == [("fault", "sensor/air", code), ("cleared", "sensor/air", code)]


async def test_one_lost_answer_is_nothing_and_silence_is_told_with_its_beginning(node: Store) -> None:
    probe = Probe(node.clock, air=20)
    async with running(node, sensor("air", every_s=10, stale_s=45), probe=probe) as rig:
        await rig.passes(20)
        last = rig.sensing.reading("air")
        assert last is not None
        probe.values["air"] = DriverFault("driver.silent", "timeout", retry=True)
        await rig.passes(40)
        assert rig.value("air") == 20
        await rig.passes(10)
        reading = rig.sensing.reading("air")
        assert reading is not None and reading.value is None and reading.fault is not None
        assert reading.fault.params["since"] == last.at.isoformat(timespec="milliseconds")
        assert "timeout" in reading.fault.en
        assert rig.heard == ["air", "air"]
        probe.values["air"] = 20
        await rig.passes(120)
        assert await rig.events() == [
            ("fault", "sensor/air", "sensor.silent"),
            ("cleared", "sensor/air", "sensor.silent"),
        ]


async def test_a_driver_that_is_gone_makes_its_sensors_unknown_at_once(node: Store) -> None:
    async with running(node, sensor("air"), sensor("box", "other/box"), probe=Probe(node.clock, air=20)) as rig:
        rig.plug(Probe(node.clock, box=1), "other")
        await rig.passes(0.1)
        rig.unplug()
        assert (rig.value("air"), rig.fault("air")) == (None, "sensor.silent")
        assert rig.value("box") == 1
        rig.plug(Probe(node.clock, air=22))
        await rig.passes(0.1)
        assert rig.value("air") == 22


async def test_a_driver_that_nobody_announces_is_found_and_missed_within_a_second(node: Store) -> None:
    async with running(node, sensor("air", every_s=100)) as rig:
        rig.drivers["board"] = Probe(node.clock, air=20)
        await rig.passes(1.1)
        assert rig.value("air") == 20
        del rig.drivers["board"]
        await rig.passes(1.1)
        assert rig.fault("air") == "sensor.silent"


async def test_the_same_word_of_a_silent_device_does_not_stay_young(node: Store) -> None:
    """A device that speaks by itself: its driver gives its newest word again and again."""
    probe = Probe(node.clock, air=20)
    probe.at = START
    async with running(node, sensor("air", every_s=10, stale_s=100), probe=probe) as rig:
        await rig.passes(95)
        assert rig.value("air") == 20
        node.clock.step(timedelta(hours=-3))
        await rig.passes(10)
        assert rig.fault("air") == "sensor.silent"
        await rig.passes(500)
        assert rig.fault("air") == "sensor.silent"


async def test_a_word_that_was_old_when_it_came_is_not_believed(node: Store) -> None:
    probe = Probe(node.clock, air=20)
    probe.at = START - timedelta(hours=5)
    async with running(node, sensor("air"), probe=probe) as rig:
        assert (rig.value("air"), rig.fault("air")) == (None, "sensor.silent")


@pytest.mark.parametrize("hours", [-7, 7])
async def test_a_clock_that_steps_makes_nothing_stale(node: Store, hours: int) -> None:
    async with running(node, sensor("air"), probe=Probe(node.clock, air=20)) as rig:
        for _ in range(10):
            node.clock.step(timedelta(hours=hours))
            await rig.passes(7)
            assert rig.value("air") == 20
        assert await rig.events() == []


async def test_each_sensor_is_asked_in_its_period_one_at_a_time_and_not_all_in_one_instant(node: Store) -> None:
    sensors = [sensor(f"s{place}", every_s=10 if place < 8 else 50) for place in range(10)]
    probe = Probe(node.clock, **{f"s{place}": place for place in range(10)})
    async with running(node, *sensors, probe=probe) as rig:
        assert [channel for _, channel in probe.asked] == [f"s{place}" for place in range(10)]
        await rig.passes(500)
        assert probe.most_at_once == 1
        for place in range(10):
            turns = [mono for mono, channel in probe.asked if channel == f"s{place}"][1:]
            gaps = {round(after - before, 3) for before, after in itertools.pairwise(turns)}
            assert gaps == {10 if place < 8 else 50}
        later = [round(mono, 3) for mono, _ in probe.asked if 100 <= mono < 150]
        assert len(set(later)) > 30


async def test_a_bus_that_is_too_slow_for_all_serves_them_in_turn(node: Store) -> None:
    sensors = [sensor(f"s{place}", every_s=1, stale_s=100) for place in range(5)]
    probe = Probe(node.clock, **{f"s{place}": place for place in range(5)})
    probe.takes_s = 1
    async with running(node, *sensors, probe=probe) as rig:
        await rig.passes(200)
        counts = [sum(channel == f"s{place}" for _, channel in probe.asked) for place in range(5)]
        assert probe.most_at_once == 1
        assert max(counts) - min(counts) <= 1
        assert sum(counts) > 190


async def test_one_that_is_silent_is_asked_less_often(node: Store) -> None:
    probe = Probe(node.clock, air=20, dead=DriverFault("driver.silent", "timeout"))
    async with running(node, sensor("air", every_s=2), sensor("dead", every_s=2), probe=probe) as rig:
        await rig.passes(600)
        asked = {name: sum(channel == name for _, channel in probe.asked) for name in ("air", "dead")}
        assert asked["air"] >= 298
        assert asked["dead"] < 20
        probe.values["dead"] = 1
        await rig.passes(61)
        assert rig.value("dead") == 1


async def test_a_hung_question_is_given_up_and_keeps_no_other_driver_waiting(
    node: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.sensing.service._ASK_LIMIT_S", 0.05)
    probe = Probe(node.clock, hung=asyncio.Event(), air=20)
    async with running(node, sensor("hung"), sensor("air"), sensor("box", "other/box"), probe=probe) as rig:
        rig.plug(Probe(node.clock, box=1), "other")
        await rig.passes(0.1)
        assert rig.value("box") == 1 and rig.value("air") is None
        async with asyncio.timeout(10):
            while rig.value("air") is None:
                await asyncio.sleep(0.01)
                await rig.passes(0.01)
        assert rig.value("hung") is None


async def test_a_driver_with_a_mistake_of_its_own_stops_no_other_sensor(
    node: Store, caplog: pytest.LogCaptureFixture
) -> None:
    probe = Probe(node.clock, bad=ZeroDivisionError("x"), air=20)
    async with running(node, sensor("bad", every_s=1, stale_s=20), sensor("air", every_s=1), probe=probe) as rig:
        await rig.passes(60)
        assert rig.value("air") == 20 and rig.fault("bad") == "sensor.silent"
        (told,) = [state.fault.en for state in rig.posts if state.fault is not None]
        assert "ZeroDivisionError" in told
        assert sum("failed to measure" in record.message for record in caplog.records) == 1


async def test_a_driver_that_cannot_be_listened_to_is_still_asked(node: Store) -> None:
    class Deaf(Speaking):
        def watch(self, changed) -> None:
            raise RuntimeError("no edges")

    async with running(node, sensor("air"), probe=Deaf(node.clock, air=20)) as rig:
        assert rig.value("air") == 20


async def test_a_change_that_is_pushed_is_known_in_the_same_instant(node: Store) -> None:
    async with running(node, sensor("door", kind="door", every_s=60), probe=Speaking(node.clock, door=0)) as rig:
        speaking = rig.drivers["board"]
        assert isinstance(speaking, Speaking)
        await rig.passes(5)
        speaking.say("door", 1)
        assert rig.value("door") == 1
        assert rig.heard == ["door", "door"]
        assert rig.posts[-1].actual == 1
        speaking.say("unheard-of", 1)
        assert rig.heard == ["door", "door"]


async def test_one_that_only_speaks_is_believed_until_it_is_stale(node: Store) -> None:
    class OnlySpeaks:
        def watch(self, changed) -> None:
            self.told = changed

    rig = Rig(node, sensor("door", every_s=10, stale_s=300))
    rig.drivers["board"] = OnlySpeaks()  # type: ignore[assignment]
    await rig.start()
    rig.drivers["board"].told("door", Measurement(1.0, node.clock.now()))
    assert rig.value("door") == 1
    await rig.passes(299)
    assert rig.value("door") == 1
    await rig.passes(3)
    assert rig.fault("door") == "sensor.silent"
    await rig.stop()


async def test_a_driver_that_was_replaced_is_not_heard_any_more(node: Store) -> None:
    async with running(node, sensor("door"), probe=Speaking(node.clock, door=0)) as rig:
        old = rig.drivers["board"]
        rig.plug(Speaking(node.clock, door=0))
        await rig.passes(0.1)
        assert isinstance(old, Speaking)
        old.say("door", 1)
        assert rig.value("door") == 0


async def test_a_contact_that_chatters_is_posted_once_a_second_and_ends_as_it_is(node: Store) -> None:
    async with running(node, sensor("door"), probe=Speaking(node.clock, door=0)) as rig:
        speaking = rig.drivers["board"]
        assert isinstance(speaking, Speaking)
        for place in range(1000):
            speaking.say("door", place % 2)
        assert len(rig.posts) == 1 and len(rig.heard) == 1000
        await rig.passes(3)
        assert len(rig.posts) == 2 and rig.posts[-1].actual == 1


@pytest.mark.parametrize(("deadband", "posts"), [(0, [20, 21, 18]), (2, [20, 18]), (0.05, [20, 20.1, 21, 18])])
async def test_a_small_change_is_told_to_the_logic_and_not_to_the_world(node: Store, deadband, posts) -> None:
    probe = Probe(node.clock, air=20)
    async with running(node, sensor("air", report_change=deadband), probe=probe) as rig:
        for value in (20.1, 20.1, 21, 18):
            probe.values["air"] = value
            await rig.passes(12)
        assert [state.actual for state in rig.posts] == posts
        assert len(rig.heard) == 4


async def test_a_failure_that_comes_and_goes_is_told_once(node: Store) -> None:
    probe = Probe(node.clock, air=20)
    async with running(node, sensor("air", every_s=5, maximum=50), probe=probe) as rig:
        for _ in range(20):
            probe.values["air"] = 99
            await rig.passes(6)
            probe.values["air"] = 20
            await rig.passes(6)
        assert await rig.events() == [("fault", "sensor/air", "sensor.out_of_range")]
        await rig.passes(60)
        assert (await rig.events())[-1] == ("cleared", "sensor/air", "sensor.out_of_range")


@pytest.mark.parametrize(
    ("kind", "says", "raw", "unit", "known"),
    [
        ("power", "kW", 1.5, "W", 1500),
        ("energy", "W.h", 2500, "kW.h", 2.5),
        ("energy", "kWh", 3, "kW.h", 3),
        ("flow", "m3/h", 6, "L/min", 100),
        ("volume", "m3", 2, "L", 2000),
        ("current", "mA", 400, "A", 0.4),
        ("power", None, 60, "W", 60),
        ("temperature", "Cel", 20, "Cel", 20),
    ],
)
async def test_what_is_reckoned_with_is_turned_into_one_unit(node: Store, kind, says, raw, unit, known) -> None:
    probe = Probe(node.clock, x=raw)
    if says:
        probe.units["x"] = says
    async with running(node, sensor("x", kind=kind), probe=probe) as rig:
        assert rig.value("x") == pytest.approx(known)
        assert rig.posts[-1].unit == unit


async def test_a_listener_that_fails_keeps_nobody_from_hearing(node: Store) -> None:
    rig = Rig(node, sensor("air"))
    heard: list[str] = []

    def fails(_id: str) -> None:
        raise RuntimeError("listener")

    rig.sensing.listen(fails)
    rig.sensing.listen(heard.append)
    rig.plug(Probe(node.clock, air=20))
    await rig.start()
    assert heard == ["air"]
    await rig.stop()


async def test_it_ends_cleanly_and_begins_again(node: Store) -> None:
    rig = Rig(node, sensor("air"))
    probe = rig.plug(Probe(node.clock, air=asyncio.Event()))
    await rig.start()
    await rig.stop()
    assert probe.at_once == 0
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("sensing")] == []
    probe.values["air"] = 20
    await rig.start()
    assert rig.value("air") == 20
    await rig.stop()


def test_sensors_that_cannot_be_meant_are_refused() -> None:
    for settings, code in [
        ({"every_s": 60, "stale_s": 60}, "config.stale"),
        ({"kind": "temperature", "invert": True}, "config.invert"),
        ({"kind": "door", "invert": True, "scale": 2}, "config.invert"),
        ({"kind": "power", "unit": "kW"}, "config.unit"),
        ({"kind": "volume", "unit": "m3"}, "config.unit"),
        ({"scale": 0}, "config.scale"),
        ({"minimum": 3, "maximum": 3}, "config.bounds"),
    ]:
        with pytest.raises(ValueError) as caught:
            sensor("x", **settings)
        assert caught.value.errors()[0]["type"] == code  # type: ignore[attr-defined]


def test_a_sensor_that_is_asked_seldom_is_not_stale_before_it_was_asked_again() -> None:
    assert sensor("x").stale_s == 60
    assert sensor("x", every_s=15).stale_s == 60
    assert sensor("x", every_s=600).stale_s == 1800
    assert sensor("x", every_s=600, stale_s=700).stale_s == 700
