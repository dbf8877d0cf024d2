"""A whole cabinet with its fault panel: what a trainer breaks is told by TALQ's name, and nothing else; then mended."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from core_rig import Store, store, until
from core_things import lamp

from drivers.contract import DriverContext, DriverFault
from drivers.simulated.cabinet import SimulatedCabinet
from drivers.simulated.panel import Panel
from edge_agent.clock import SimulatedClock, SystemClock
from edge_agent.config.sensing import Cabinet, Sensor
from edge_agent.contract.errors import Fault
from edge_agent.control.cabinet import CabinetMonitor, Load
from edge_agent.control.facts import Moment
from edge_agent.control.monitor import Monitor
from edge_agent.control.usage import Meter
from edge_agent.sensing.service import Sensing

CONFIG = {"lines": {"den": {"watts": 400}}, "look_every_s": 0.05, "own_watts": 0}
KINDS = {"contact": "contact", "breaker": "breaker", "hand": "hand", "power": "power", "energy": "energy"}
FEEDBACK = {**{role: f"den-{role}" for role in KINDS}, "confirm_s": 0.3, "clear_s": 0.3}
ROLES = ("door", "supply", "leakage", "breaker", "hand")
LIGHT = lamp(feedback=FEEDBACK, rated_w=400)
CABINET = Cabinet.model_validate(
    {"id": "tu", "name": "Tủ", **{role: f"tu-{role}" for role in ROLES}, "confirm_s": 0.3, "clear_s": 0.3}
)


def _sensors() -> list[Sensor]:
    rows = [(f"den-{role}", f"tu/den_{role}", kind) for role, kind in KINDS.items()]
    rows += [(f"tu-{role}", f"tu/{role}", role) for role in ROLES]
    return [
        Sensor.model_validate({"id": id_, "name": id_, "line": line, "kind": kind, "every_s": 0.2})
        for id_, line, kind in rows
    ]


class Rig:
    """Sensing on the driver, and the logic looked at twenty times a second."""

    def __init__(self, node: Store, box: SimulatedCabinet, clock: SystemClock) -> None:
        self.box, self.clock = box, clock
        self.sensing = Sensing(
            _sensors(), clock, node.recorder, measuring=lambda _: box, watching=lambda _: box, post=lambda _: None
        )
        self.monitor, self.cabinet = Monitor(LIGHT), CabinetMonitor(CABINET)
        self.meter = Meter(LIGHT, {})
        self.wanted = 0.0
        self.line: Fault | None = None
        self.told: set[str] = set()
        self.ever: set[str] = set()

    async def switch(self, on: bool) -> None:
        self.wanted = 100.0 * on
        try:
            await self.box.switch("den", on)
            self.line = None
        except DriverFault as fault:
            self.line = Fault.of(fault.code, detail=fault.detail) if fault.code != "driver.stuck" else None

    async def run(self) -> None:
        while True:
            moment = Moment(self.clock.now(), self.clock.monotonic(), True)
            read = self.sensing.reading
            state = self.cabinet.look(moment, read, [Load("den", 400, self.wanted)])
            lost = self.cabinet.supply_lost
            troubles = self.monitor.look(moment, self.wanted, self.wanted, read, line=self.line, supply_lost=lost)
            self.meter.look(moment, self.wanted, read)
            self.told = {trouble.type for trouble in (*troubles, *state.troubles)}
            self.ever |= self.told
            await asyncio.sleep(0.05)

    async def tells(self, *types: str) -> None:
        await until(lambda: self.told == set(types))


async def _rehearse(folder: Path, play: Callable[[Rig, Panel], object]) -> Rig:
    clock = SystemClock("assume")
    context = DriverContext("tu", clock, logging.getLogger("test"), folder)
    async with store(folder, SimulatedClock(clock.now())) as node:
        box = SimulatedCabinet(SimulatedCabinet.Config.model_validate(CONFIG), context)
        async with box:
            rig = Rig(node, box, clock)
            tasks = [asyncio.create_task(rig.sensing.run()), asyncio.create_task(rig.run())]
            try:
                await rig.switch(False)
                await play(rig, Panel(folder))  # type: ignore[misc]
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
    return rig


@pytest.mark.parametrize(
    ("thing", "word", "on", "told"),
    [
        ("den", "burnt-out:100", True, "lampFailure"),
        ("den", "tripped", True, "circuitBreakerTripped"),
        ("den", "coil", True, "switchingErrorOff"),
        ("den", "hand", False, "localOverride"),
        ("door", "open", True, "cabinetDoorOpen"),
        ("leakage", "yes", True, "leakageDetected"),
        ("supply", "loss", True, "supplyLoss"),
    ],
)
async def test_what_is_broken_is_told_alone_and_cleared_when_it_is_mended(
    tmp_path: Path, thing: str, word: str, on: bool, told: str
) -> None:
    async def play(rig: Rig, panel: Panel) -> None:
        await rig.switch(on)
        await asyncio.sleep(0.6)
        assert rig.ever == set()
        panel.change({thing: word})
        await rig.tells(told)
        panel.change({thing: "ok"})
        await rig.tells()

    rig = await _rehearse(tmp_path, play)
    assert rig.ever == {told}


async def test_a_welded_contactor_is_told_when_it_should_let_go(tmp_path: Path) -> None:
    async def play(rig: Rig, panel: Panel) -> None:
        await rig.switch(True)
        await asyncio.sleep(0.4)
        panel.change({"den": "welded"})
        await asyncio.sleep(0.8)
        assert rig.ever == set()
        await rig.switch(False)
        await rig.tells("switchingErrorOn")
        panel.change({"den": "ok"})
        await rig.tells()

    rig = await _rehearse(tmp_path, play)
    assert rig.ever == {"switchingErrorOn"}


async def test_a_meter_that_says_nonsense_raises_nothing_and_its_energy_never_falls(tmp_path: Path) -> None:
    async def play(rig: Rig, panel: Panel) -> None:
        await rig.switch(True)
        await until(lambda: rig.meter.power_w == 400)
        panel.change({"den_power": "nan", "den_energy": "value:9000"})
        await until(lambda: rig.meter.power_w is None)
        await asyncio.sleep(0.6)
        panel.change({"den_power": "ok", "den_energy": "ok"})
        await until(lambda: rig.meter.power_w == 400)
        await asyncio.sleep(0.5)

    rig = await _rehearse(tmp_path, play)
    assert rig.ever == set()
    usage = rig.meter.usage()
    assert usage.energy_kwh is not None and 0 <= usage.energy_kwh < 0.01
    assert usage.energy_by == "measured" and usage.switch_ons == 1
