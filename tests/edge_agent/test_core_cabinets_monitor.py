"""Door, mains, leakage, breaker, hand and power of a cabinet; what it counts; and the service that watches it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_rig import START, Store, store
from core_things import Bench

from edge_agent.clock import SimulatedClock
from edge_agent.config.sensing import Cabinet
from edge_agent.contract.switched import CabinetState
from edge_agent.control.cabinet import CabinetMonitor, Load
from edge_agent.control.facts import Reading
from edge_agent.store import kept
from edge_agent.switching.cabinets import CabinetService

ROLES = {"door": "d", "supply": "s", "leakage": "l", "breaker": "b", "hand": "h", "power": "w", "energy": "e"}
WELL = {"d": 0, "s": 1, "l": 0, "b": 1, "h": 0}


def cabinet(**settings: Any) -> Cabinet:
    return Cabinet.model_validate({"id": "tu", "name": "Tủ điện", **settings})


class Rig(Bench):
    def __init__(self, config: Cabinet) -> None:
        super().__init__()
        self.config = config
        self.monitor = CabinetMonitor(config)
        self.loads = [Load("a", 600, 0), Load("b", 400, 0)]
        self.says(**WELL)
        self.look()

    def look(self) -> CabinetState:
        self.state = self.monitor.look(self.moment, self.read, self.loads)
        return self.state

    def lasts(self, seconds: float) -> list[str]:
        self.look()
        for _ in range(round(seconds)):
            self.passes(1)
            self.says(**{name: reading.value for name, reading in self.readings.items()})
            self.look()
        return [trouble.type for trouble in self.state.troubles]

    def burns(self, *levels: float | None) -> None:
        self.loads = [Load(load.id, load.rated_w, level) for load, level in zip(self.loads, levels, strict=True)]


@pytest.mark.parametrize(
    ("ill", "told"),
    [
        ({"d": 1}, "cabinetDoorOpen"),
        ({"s": 0}, "supplyLoss"),
        ({"l": 1}, "leakageDetected"),
        ({"b": 0}, "circuitBreakerTripped"),
        ({"h": 1}, "localOverride"),
    ],
)
def test_each_contact_is_told_after_it_lasted_and_cleared_after_it_was_well(ill: dict[str, int], told: str) -> None:
    tu = Rig(cabinet(**ROLES))
    assert tu.lasts(100) == []
    tu.says(**ill)
    assert tu.lasts(9) == []
    assert tu.lasts(1) == [told]
    assert tu.state.fault is not None and tu.state.fault == tu.state.troubles[0].fault
    assert (tu.now - tu.state.troubles[0].since).total_seconds() == 10
    tu.says(**dict.fromkeys(ill))
    assert tu.lasts(500) == [told]
    tu.says(**WELL)
    assert tu.lasts(29) == [told]
    assert tu.lasts(1) == []
    assert tu.state.fault is None


def test_it_says_what_its_contacts_say() -> None:
    tu = Rig(cabinet(**ROLES))
    tu.says(d=1, s=None, w=812.34)
    assert (tu.look().door_open, tu.state.supply, tu.state.power_w) == (True, None, 812.3)
    assert Rig(cabinet()).look().model_dump(exclude_none=True, exclude={"at", "id"}) == {
        "kind": "cabinet",
        "troubles": (),
        "supply_losses": 0,
    }


@pytest.mark.parametrize("contact", ["s", "b"])
def test_lost_mains_are_known_to_what_hangs_on_them_at_once(contact: str) -> None:
    tu = Rig(cabinet(**ROLES))
    assert not tu.monitor.supply_lost
    tu.says(**{contact: 0})
    tu.look()
    assert tu.monitor.supply_lost and tu.state.troubles == ()
    tu.says(**{contact: None})
    tu.look()
    assert not tu.monitor.supply_lost


def test_losses_of_the_mains_are_counted_and_kept() -> None:
    tu = Rig(cabinet(**ROLES))
    for _ in range(3):
        tu.says(s=0)
        tu.lasts(20)
        tu.says(s=1)
        tu.lasts(60)
    assert tu.state.supply_losses == 3
    tu.says(s=0)
    tu.lasts(5)
    tu.says(s=1)
    tu.lasts(60)
    assert tu.state.supply_losses == 3  # a blink is none
    again = Rig(tu.config)
    again.monitor.load(json.loads(json.dumps(tu.monitor.dump())))
    assert again.look().supply_losses == 3
    again.monitor.load({"supply_losses": -4, "energy": 3, "troubles": [1]})
    assert again.look().supply_losses == 0


def test_more_than_its_limit_is_told_but_no_inrush() -> None:
    tu = Rig(cabinet(power="w", power_high_w=1000, confirm_s=2))
    tu.burns(100, 100)
    tu.says(w=5000)
    assert tu.lasts(8) == []
    tu.says(w=990)
    assert tu.lasts(60) == []
    tu.says(w=1010)
    assert tu.lasts(5) == ["totalPowerTooHigh"]
    assert tu.state.troubles[0].fault.params["expected"] == 1000


@pytest.mark.parametrize(
    ("levels", "watts", "told"),
    [
        ((100, 100), 1000, []),
        ((100, 100), 790, ["totalPowerTooLow"]),
        ((100, 100), 1210, ["totalPowerTooHigh"]),
        ((50, 0), 300, []),
        ((50, 0), 510, ["totalPowerTooHigh"]),
        ((0, 0), 150, []),  # what the cabinet itself draws
        ((0, 0), 250, ["totalPowerTooHigh"]),  # somebody taps it by day
        ((None, 100), 5000, []),  # nobody knows what should be on
    ],
)
def test_power_is_compared_with_what_should_be_on(levels, watts: float, told: list[str]) -> None:
    tu = Rig(cabinet(power="w", power_tolerance=0.2))
    tu.burns(*levels)
    tu.says(w=watts)
    assert tu.lasts(400) == told


def test_what_lights_of_unknown_watts_draw_is_compared_with_nothing_but_the_limit() -> None:
    tu = Rig(cabinet(power="w", power_tolerance=0.2, power_high_w=3000))
    tu.loads.append(Load("c", None, 100))
    tu.says(w=2500)
    assert tu.lasts(400) == []
    tu.says(w=3500)
    assert tu.lasts(400) == ["totalPowerTooHigh"]


def test_lost_mains_explain_that_no_power_is_drawn() -> None:
    tu = Rig(cabinet(power="w", power_tolerance=0.2, supply="s"))
    tu.burns(100, 100)
    tu.says(w=1000)
    tu.lasts(400)
    tu.says(w=0, s=0)
    assert tu.lasts(400) == ["supplyLoss"]
    tu.says(w=600, s=1)
    assert tu.lasts(280) == []  # its lamps come back slowly
    tu.says(w=1000)
    assert tu.lasts(60) == []


def test_energy_is_measured_or_the_sum_of_what_hangs_on_it() -> None:
    by_meter = Rig(cabinet(energy="e"))
    by_meter.says(e=100)
    by_meter.look()
    by_meter.passes(3600)
    by_meter.says(e=101.5)
    assert (by_meter.look().energy_kwh, by_meter.state.energy_by) == (1.5, "measured")
    by_power = Rig(cabinet(power="w"))
    by_power.says(w=500)
    by_power.lasts(3600)
    assert (by_power.state.energy_kwh, by_power.state.energy_by) == (0.5, "measured")
    by_sum = Rig(cabinet())
    by_sum.loads = [Load("a", 100, 0, 3.25), Load("b", None, 100), Load("c", 5, None, 1)]
    assert (by_sum.look().energy_kwh, by_sum.state.energy_by) == (4.25, "estimated")


class Service:
    """The service over a real database, with sensors set by hand."""

    def __init__(self, node: Store, *cabinets: Cabinet) -> None:
        self.node = node
        self.clock = node.clock
        self.readings: dict[str, Reading] = {}
        self.loads = [Load("a", 600, 100, 1.0), Load("b", 400, 100, 2.0)]
        self.posts: list[CabinetState] = []
        self.heard: list[str] = []
        self.service = CabinetService(
            cabinets,
            node.clock,
            node.database,
            node.recorder,
            readings=self.readings.get,
            loads=lambda: self.loads,
            post=self.posts.append,
        )
        self._task: asyncio.Task[None] | None = None
        self.service.listen(self.heard.append)

    def says(self, **values: float) -> None:
        for name, value in values.items():
            before = self.readings.get(name)
            self.readings[name] = Reading(float(value), self.clock.now())
            if self._task is not None and (before is None or before.value != value):
                self.service.sensor_changed(name)

    async def start(self) -> None:
        await self.service.load()
        self._task = asyncio.create_task(self.service.run())
        await self.clock.advance(timedelta(seconds=1))

    async def passes(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Store]:
    clock = SimulatedClock(START)
    async with store(tmp_path, clock) as opened:
        clock.settled = opened.settle
        yield opened


async def test_a_cabinet_is_posted_when_it_changes_and_tells_each_fault_once(node: Store) -> None:
    rig = Service(node, cabinet(**ROLES))
    rig.says(**WELL, w=1000, e=10)
    await rig.start()
    assert len(rig.posts) == 1
    for watts in range(1000, 1008):
        rig.says(w=watts)
        await rig.passes(10)
    assert len(rig.posts) == 1
    rig.says(d=1)
    assert rig.posts[-1].door_open
    await rig.passes(12)
    assert [trouble.type for trouble in rig.posts[-1].troubles] == ["cabinetDoorOpen"]
    since = rig.posts[-1].troubles[0].since
    rig.says(d=0)
    await rig.passes(40)
    assert rig.posts[-1].troubles == ()
    await rig.stop()
    await node.recorder.flush()
    told = [(event["type"], event["about"], event["data"]["code"]) for event in await node.events()]
    assert told == [("fault", "cabinet/tu", "cabinetDoorOpen"), ("cleared", "cabinet/tu", "cabinetDoorOpen")]
    assert (await node.events("fault"))[0]["data"]["since"] == since.isoformat(timespec="milliseconds")
    assert rig.service.values() == {"power/tu": 1007, "energy/tu": 0}


async def test_who_hangs_on_lost_mains_hears_of_it_at_once(node: Store) -> None:
    rig = Service(node, cabinet(**ROLES, things=["a"]))
    rig.says(**WELL)
    await rig.start()
    rig.says(s=0)
    assert rig.heard == ["a"]
    assert rig.service.supply_lost("a") and not rig.service.supply_lost("b")
    rig.says(s=1)
    assert rig.heard == ["a", "a"] and not rig.service.supply_lost("a")
    await rig.stop()


async def test_sums_and_faults_outlive_a_restart(node: Store) -> None:
    config = cabinet(**ROLES)
    first = Service(node, config)
    first.says(**WELL, e=500)
    await first.start()
    first.says(s=0)
    await first.passes(20)
    first.says(e=501)
    assert "tu" in await node.database.read(lambda db: kept.read(db, "cabinet"))
    await first.passes(400)
    await first.stop()
    second = Service(node, config)
    second.says(**WELL, e=501.5)
    second.says(s=0)
    await second.start()
    await second.passes(60)
    assert second.posts[-1].supply_losses == 1
    assert second.posts[-1].energy_kwh == 1.5
    assert second.posts[-1].troubles == first.posts[-1].troubles
    await second.stop()
    await node.recorder.flush()
    assert len(await node.events("fault")) == 1


async def test_what_should_be_on_is_looked_at_soon_after_it_changed(node: Store) -> None:
    rig = Service(node, cabinet(power="w", power_tolerance=0.2))
    rig.says(w=1000)
    await rig.start()
    await rig.passes(400)
    assert rig.posts[-1].troubles == ()
    rig.loads = [Load("a", 600, 0, 1.0), Load("b", 400, 0, 2.0)]
    rig.service.thing_changed("a")
    rig.says(w=999)
    await rig.passes(11)
    rig.says(w=998)
    await rig.passes(20)
    assert [trouble.type for trouble in rig.posts[-1].troubles] == ["totalPowerTooHigh"]
    await rig.stop()


async def test_a_disk_that_refuses_and_a_listener_that_fails_stop_nothing(node: Store) -> None:
    rig = Service(node, cabinet(**ROLES))

    def fails(_thing: str) -> None:
        raise RuntimeError("listener")

    rig.service.listen(fails)
    rig.says(**WELL)
    await rig.start()
    await node.full()
    rig.says(s=0)
    await rig.passes(400)
    assert [trouble.type for trouble in rig.posts[-1].troubles] == ["supplyLoss"]
    await node.full(False)
    await rig.stop()
    assert (await node.database.read(lambda db: kept.read(db, "cabinet")))["tu"]["supply_losses"] == 1
