"""`edge-agent panel` as a trainer uses it: the command in one process, the cabinet in another."""

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from drivers.clock import SystemClock
from drivers.contract import DriverContext
from drivers.simulated.cabinet import SimulatedCabinet
from edge_agent import words
from edge_agent.cli.panel import command

LINES = {"den-1": {"watts": 400}, "bom": {"kind": "pump", "watts": 1500, "litres_per_minute": 60}}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "en")


def node(folder: Path, drivers: list[dict]) -> Path:
    path = folder / "node.yaml"
    config = {
        "node": {"commune": "26734", "name": "n", "title": "N", "position": {"latitude": 21, "longitude": 106}},
        "storage": {"path": str(folder / "state")},
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "command_keys": [{"id": "k", "public": "A" * 43}],
        "drivers": drivers,
    }
    if drivers and drivers[0]["driver"] == "simulated-cabinet":
        config["lights"] = [{"id": "cong-lang", "name": "Đèn cổng làng", "line": f"{drivers[0]['id']}/den-1"}]
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return node(tmp_path, [{"id": "tu", "driver": "simulated-cabinet", "lines": LINES}])


def run(*arguments: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(command, [str(each) for each in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def faults(file: Path, *arguments: str) -> dict[str, str]:
    (cabinet,) = json.loads(run(file, *arguments, "--json").stdout)["cabinets"]
    return {each["thing"]: each["fault"] for each in cabinet["things"] if each["fault"]}


def test_sets_mends_and_clears(file: Path) -> None:
    assert faults(file) == {}
    assert faults(file, "cong-lang=burnt-out:50", "door=open", "temperature=38.5") == {
        "den-1": "burnt-out:50",
        "door": "open",
        "temperature": "value:38.5",
    }
    assert faults(file, "den-1=ok", "tu/bom=dry") == {"bom": "dry", "door": "open", "temperature": "value:38.5"}
    assert faults(file, "clear", "door=open") == {"door": "open"}
    assert faults(file, "clear") == {}


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("den-2=dead", "Did you mean den-1?"),
        ("cong-lan=dead", "Did you mean cong-lang?"),
        ("den-1=burned-out", "Did you mean burnt-out?"),
        ("dor=open", "Did you mean door?"),
        ("tuu/den-1=dead", "Did you mean tu?"),
        ("den-1=5", "Known are: stuck-on"),
        ("den-1=burnt-out:500", "from 1 to 100"),
        ("den-1=dead:5", "takes no number"),
        ("den-1", "write THING=FAULT"),
        ("clearr", "write THING=FAULT"),
        ("den-1=", "write THING=FAULT"),
    ],
)
def test_a_wrong_word_is_refused_and_nothing_changes(file: Path, setting: str, says: str) -> None:
    faults(file, "door=open")
    assert says in run(file, "bom=dead", setting, code=2).stderr
    assert faults(file) == {"door": "open"}


def test_vietnamese_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")
    assert "Có phải den-1?" in run(file, "den-2=dead", code=2).stderr
    done = run(file)
    assert "Tủ giả tu" in done.stdout
    assert "Nút chưa chạy" in done.stderr


def test_the_table_has_what_can_be_broken_and_no_channel_that_nobody_measures(file: Path) -> None:
    shown = run(file).stdout
    assert "photocell" not in shown
    assert "tripped" in next(row for row in shown.splitlines() if row.startswith("│ breaker"))
    assert "photocell" in run(file, "photocell=silent").stdout


def test_a_node_without_a_simulated_cabinet(tmp_path: Path) -> None:
    path = node(tmp_path, [{"id": "r", "driver": "simulated-relay", "lines": {"1": {}}}])
    assert "no simulated cabinet" in run(path, code=2).stderr


def test_a_thing_of_two_cabinets_needs_its_driver(tmp_path: Path) -> None:
    path = node(tmp_path, [{"id": i, "driver": "simulated-cabinet", "lines": LINES} for i in ("dong", "tay")])
    assert "dong/den-1, tay/den-1" in run(path, "den-1=dead", code=2).stderr
    shown = json.loads(run(path, "tay/den-1=dead", "--json").stdout)["cabinets"]
    broken = {(box["driver"], each["thing"]) for box in shown for each in box["things"] if each["fault"]}
    assert broken == {("tay", "den-1")}


async def test_breaks_a_cabinet_that_runs_in_another_process(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "drivers" / "tu"
    folder.mkdir(parents=True)
    context = DriverContext("tu", SystemClock(), logging.getLogger("test"), folder)

    async def panel(*arguments: str) -> str:
        argv = [sys.executable, "-m", "edge_agent", "--lang", "en", "panel", str(file), *arguments]
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    async with SimulatedCabinet(SimulatedCabinet.Config.model_validate({"lines": LINES}), context) as cabinet:
        await cabinet.switch("den-1", True)
        (box,) = json.loads(await panel("den-1=burnt-out:25", "door=open", "--json"))["cabinets"]
        values = {each["thing"]: each["value"] for each in box["things"]}
        assert box["running"] is True
        assert (values["den-1"], values["den-1_power"], values["door"]) == (100, 300, 1)
        assert (await cabinet.measure("den-1_power")).value == 300
        assert "burnt-out:25" in await panel()
        await panel("clear")
        assert (await cabinet.measure("den-1_power")).value == 400
