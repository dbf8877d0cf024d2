"""The simulated cabinet as the agent meets it: lines, channels, pushes, restarts, and its fault panel."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest
from drivers_stand_ins import until
from pydantic import ValidationError

from drivers.clock import SystemClock
from drivers.contract import Dimmable, DriverContext, DriverFault, Measuring, Switchable, Watching
from drivers.simulated.cabinet import SimulatedCabinet
from drivers.simulated.panel import Panel

LINES = {
    "den-1": {"name": "Đèn cổng", "watts": 400},
    "den-2": {"watts": 200, "dimmable": True},
    "bom": {"kind": "pump", "watts": 1500, "litres_per_minute": 6000, "tank": "draws"},
}


class HandClock(SystemClock):
    """A clock that is moved by hand; sleeping takes real time, so that the driver's own loop goes on."""

    def __init__(self):
        self.passed = 0.0

    def now(self):
        return datetime.fromtimestamp(1_790_000_000 + self.passed, UTC)

    def monotonic(self):
        return self.passed


@pytest.fixture
def context(tmp_path):
    return DriverContext("tu", HandClock(), logging.getLogger("drivers.test"), tmp_path)


def cabinet(context, **more):
    config = {"lines": LINES, "look_every_s": 0.05, "own_watts": 0, **more}
    return SimulatedCabinet(SimulatedCabinet.Config.model_validate(config), context)


async def code_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value.code


async def test_offers_lines_dimmers_and_every_channel_that_it_measures(context):
    box = cabinet(context)
    assert all(isinstance(box, kind) for kind in (Switchable, Dimmable, Measuring, Watching))
    offered = {c.id: c for c in box.capabilities()}
    assert len(offered) == len(box.capabilities())
    assert [(offered[i].kind, offered[i].writable) for i in LINES] == [("relay", 1), ("dimmer", 1), ("relay", 1)]
    assert offered["den-1"].name == "Đèn cổng"
    assert (offered["bom_litres"].unit, offered["bom_litres"].kind) == ("L", "sensor")
    assert "den-1_litres" not in offered
    async with box:
        for channel in (c for c in offered.values() if not c.writable):
            value = (await box.measure(channel.id)).value
            assert value in (0, 1) if channel.kind == "contact" else value >= 0
        assert await code_of(box.measure("den-1_litres")) == "driver.unknown_line"
    assert await code_of(box.measure("power")) == "driver.closed"


async def test_switches_dims_and_refuses(context):
    async with cabinet(context) as box:
        assert await code_of(box.read("den-1")) == "driver.unclaimed"
        await box.switch("den-1", True)
        await box.dim("den-2", 40)
        assert (await box.read("den-1"), await box.level("den-1"), await box.level("den-2")) == (True, 100, 40)
        assert (await box.measure("power")).value == 480
        assert await code_of(box.dim("den-1", 40)) == "driver.not_dimmable"
        assert await code_of(box.switch("den-9", True)) == "driver.unknown_line"
        for level in (-1, 101, float("nan")):
            with pytest.raises(ValueError, match="level"):
                await box.dim("den-2", level)
    assert await code_of(box.switch("den-1", True)) == "driver.closed"


async def test_tells_contacts_at_once_and_values_that_moved(context):
    told = []
    async with cabinet(context) as box:
        box.watch(lambda channel, measurement: told.append((channel, measurement.value)))
        await box.switch("den-1", True)
        assert dict(told) == {
            "den-1_contact": 1,
            "den-1_power": 400,
            "den-1_current": 1.818,
            "power": 400,
            "current": 1.818,
        }
        told.clear()
        await box.switch("den-1", True)
        assert told == []


async def test_the_panel_breaks_and_mends_a_running_cabinet(context):
    told = {}
    panel = Panel(context.directory)
    async with cabinet(context) as box:
        box.watch(lambda channel, measurement: told.update({channel: measurement.value}))
        await box.switch("den-1", True)
        panel.change(
            {"den-1": "burnt-out:50", "door": "open", "temperature": "38.5", "humidity": "nan", "tank": "silent"}
        )
        await until(lambda: told.get("door") == 1)
        assert (told["den-1_power"], told["temperature"]) == (200, 38.5)
        assert await code_of(box.measure("humidity")) == "driver.bad_value"
        assert await code_of(box.measure("tank")) == "driver.silent"
        panel.change({"den-1": "stuck-on"})
        await until(lambda: told["den-1_power"] == 400)
        assert await code_of(box.switch("den-1", False)) == "driver.stuck"
        assert await box.read("den-1") is True
        panel.change({"den-1": "dead"}, clear=True)
        await until(lambda: told["door"] == 0)
        assert await code_of(box.switch("den-1", False)) == "driver.silent"
        assert await code_of(box.read("den-1")) == "driver.silent"
        panel.change({"den-1": None})
        await until(lambda: panel.faults() == {} and box._world.fault("den-1") is None)
        await box.switch("den-1", False)
        assert (await box.measure("humidity")).value > 0


async def test_faults_that_were_set_before_are_there_from_the_first_moment(context):
    Panel(context.directory).change({"den-1": "welded"})
    async with cabinet(context) as box:
        assert (await box.measure("den-1_contact")).value == 1


async def test_answers_who_asks_and_writes_nothing_else(context):
    panel = Panel(context.directory)
    async with cabinet(context) as box:
        await box.switch("den-2", True)
        before = sorted(path.name for path in context.directory.iterdir())
        assert before == ["memory.json"]
        panel.change({"tank": "silent"})
        shown = await asyncio.to_thread(panel.ask, 10)
        assert shown["outputs"] == {"den-1": None, "den-2": 100, "bom": None}
        assert (shown["values"]["den-2_power"], shown["values"]["tank"]) == (200, None)
        again = await asyncio.to_thread(panel.ask, 10)
        assert again["asked"] > shown["asked"]
    assert await asyncio.to_thread(panel.ask, 0.2) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"den-1": 5}', "null", "\xff"])
async def test_a_panel_file_that_is_none_changes_nothing(context, text, caplog):
    path = context.directory / "panel.json"
    async with cabinet(context) as box:
        Panel(context.directory).change({"door": "open"})
        await until(lambda: box._world.fault("door"))
        path.write_text(text, encoding="latin-1")
        await until(lambda: "not taken" in caplog.text)
        assert (await box.measure("door")).value == 1
        Panel(context.directory).change({"leakage": "yes"})
        await until(lambda: box._world.fault("leakage"))
        assert (await box.check()).ok


async def test_words_that_the_panel_does_not_know_are_left_out(context, caplog):
    (context.directory / "panel.json").write_text('{"den-9": "dead", "den-1": "melted", "door": "open"}')
    async with cabinet(context) as box:
        assert (await box.measure("door")).value == 1
        assert box._world.fault("den-1") is None
    assert "den-9" in caplog.text
    assert "melted" in caplog.text


async def test_counters_never_go_back_when_the_process_is_killed(context):
    box = cabinet(context)
    await box.__aenter__()
    await box.switch("den-1", True)
    await box.switch("bom", True)
    shown = {}
    for _ in range(20):
        context.clock.passed += 7.3
        shown = {c: (await box.measure(c)).value for c in ("energy", "den-1_energy", "bom_litres")}
        await asyncio.sleep(0.03)
    assert shown["energy"] > 0
    assert shown["bom_litres"] > 0
    box._task.cancel()  # killed: it never gets to closing
    async with cabinet(context) as later:
        assert all([(await later.measure(c)).value >= value for c, value in shown.items()])
        assert await later.read("bom") is True


@pytest.mark.parametrize(
    "text", ["", "[]", '{"outputs": {"den-1": "x"}, "counters": {"energy": -1}, "tank": 1e999}', "{"]
)
async def test_a_memory_that_is_no_memory_is_forgotten(context, text):
    (context.directory / "memory.json").write_text(text)
    async with cabinet(context) as box:
        assert await code_of(box.read("den-1")) == "driver.unclaimed"
        assert (await box.measure("energy")).value == 0
        assert (await box.measure("tank")).value == 60


async def test_records_every_order_to_a_line(context):
    async with cabinet(context, record="log/changes.jsonl") as box:
        await box.switch("den-1", True)
        await box.dim("den-2", 30)
    entries = [json.loads(line) for line in (context.directory / "log/changes.jsonl").read_text().splitlines()]
    assert [(entry["line"], entry["level"]) for entry in entries] == [("den-1", 100), ("den-2", 30)]


async def test_switches_though_its_folder_cannot_be_written(context, caplog):
    async with cabinet(context, record="taken/changes.jsonl") as box:
        (context.directory / "taken").write_text("a file, not a folder")
        (context.directory / "memory.json").mkdir()
        await box.switch("den-1", True)
        assert (await box.measure("den-1_contact")).value == 1
    assert "cannot record" in caplog.text
    assert "cannot keep" in caplog.text


@pytest.mark.parametrize(
    "config",
    [
        {"lines": {"door": {}}},
        {"lines": {"den": {}, "den_power": {}}},
        {"lines": {"den": {"watts": 0}}},
        {"lines": {"den": {"kind": "lamb"}}},
        {"lines": {}, "sunrise": "18:00", "sunset": "06:00"},
        {"lines": {}, "temperature": [30, 20]},
        {"lines": {}, "timezone": "Asia/Atlantis"},
        {"lines": {}, "voltages": 220},
    ],
)
def test_config_is_strict(config):
    with pytest.raises(ValidationError):
        SimulatedCabinet.Config.model_validate(config)
