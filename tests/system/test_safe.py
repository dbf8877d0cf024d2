"""Lines do not outlive the agent: the real program, real processes, a simulated relay that writes down what it did."""

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from system_rig import BIN, end, node_yaml, run, unit, until

from edge_agent import systemd

MORE = """
clock: {trust: assume}
drivers:
  - {id: relay, driver: simulated-relay, record: did.jsonl, lines: {"1": {}, "2": {}, amp: {}}}
  - {id: pins, driver: rpi-gpio, lines: {"1": {pin: 17}}}
  - {id: horn, driver: file-speaker}
lights:
  - {id: row, name: Dãy đèn, line: relay/1, default: 100}
  - {id: yard, name: Sân, line: pins/1}
switches: [{id: pump, name: Bơm, line: relay/2}]
speakers: [{id: horn, name: Loa, driver: horn, amplifier: {line: relay/amp}}]
"""


def did(folder: Path) -> list[tuple[str, bool]]:
    record = folder / "state/drivers/relay/did.jsonl"
    lines = record.read_text().splitlines() if record.exists() else []
    return [(entry["line"], entry["on"]) for entry in map(json.loads, lines)]


def beaten(folder: Path, ago_s: float) -> Path:
    file = folder / "beat"
    file.write_text(f"{time.clock_gettime(time.CLOCK_BOOTTIME) - ago_s:020.3f}\n")
    return file


def safe(config: Path, *arguments: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return run(BIN / "edge-agent", "--lang", "en", "safe", config, *arguments, **env)


def test_after_an_ordinary_restart_nothing_is_touched_and_nothing_heavy_is_imported(tmp_path: Path) -> None:
    config = node_yaml(tmp_path, MORE)
    done = safe(config, "--after", "30", "--heartbeat", beaten(tmp_path, 12), PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "no line is touched" in done.stderr
    assert not (tmp_path / "state").exists()
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "edge_agent.systemd" in imported
    assert not imported & {"pydantic", "yaml", "edge_agent.config.model", "drivers.contract"}


@pytest.mark.parametrize("beat", ["old", "missing", "damaged"])
def test_a_silent_agent_leaves_nothing_on(tmp_path: Path, beat: str) -> None:
    file = beaten(tmp_path, 31)
    if beat == "missing":
        file.unlink()
    elif beat == "damaged":
        file.write_bytes(b"\0" * 21)
    done = safe(node_yaml(tmp_path, MORE), "--heartbeat", file)
    assert sorted(did(tmp_path)) == [("1", False), ("2", False), ("amp", False)]
    assert done.returncode == 1, "the pins of this machine could not be switched: that is told, and stops no other"
    assert "relay/1: off" in done.stdout
    assert "pins/1: could NOT be switched off: driver.not_supported" in done.stdout


def test_now_does_not_ask_the_heartbeat_and_says_it_in_json(tmp_path: Path) -> None:
    done = safe(node_yaml(tmp_path, MORE), "--now", "--json", "--heartbeat", beaten(tmp_path, 0))
    said = json.loads(done.stdout)
    assert said["acting"] is True
    assert {entry["line"]: bool(entry["detail"]) for entry in said["lines"]} == {
        "relay/1": False,
        "relay/2": False,
        "relay/amp": False,
        "pins/1": True,
    }


def test_a_broken_configuration_falls_back_to_the_last_good_one(tmp_path: Path) -> None:
    config = node_yaml(tmp_path, MORE)
    assert safe(config, "--now").returncode == 1
    config.write_text("node: [")
    safe(config, "--now")
    assert did(tmp_path).count(("1", False)) == 2


def start(config: Path, runtime: Path, log: Path) -> "subprocess.Popen[str]":
    runtime.mkdir(exist_ok=True)
    with log.open("a") as output:
        return subprocess.Popen(
            [BIN / "edge-agent", "run", str(config)],
            stdout=output,
            stderr=output,
            text=True,
            env={**os.environ, "LANG": "C.UTF-8", "RUNTIME_DIRECTORY": str(runtime), "WATCHDOG_USEC": "1000000"},
        )


def test_the_real_agent_beats_and_what_it_left_on_when_killed_goes_off(tmp_path: Path) -> None:
    config, runtime = node_yaml(tmp_path, MORE), tmp_path / "run"
    process = start(config, runtime, tmp_path / "log")
    try:
        until(lambda: ("1", True) in did(tmp_path))
        first = until(lambda: (runtime / "beat").exists() and (runtime / "beat").read_text())
        until(lambda: (runtime / "beat").read_text() != first)
        busy = safe(config, "--now")
        assert busy.returncode != 0, "an agent that runs keeps its lines"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    before = did(tmp_path)
    assert dict(before)["1"] is True
    env = {"RUNTIME_DIRECTORY": str(runtime)}
    safe(config, "--after", "30", **env)
    assert did(tmp_path) == before, "it had just been alive"
    safe(config, "--after", "0", **env)  # thirty seconds later
    assert dict(did(tmp_path)[len(before) :]) == {"1": False, "2": False, "amp": False}
    process = start(config, runtime, tmp_path / "log")  # and it comes back by itself
    try:
        until(lambda: did(tmp_path)[-1] == ("1", True) or ("1", True) in did(tmp_path)[len(before) :])
    finally:
        assert end(process) == 0


def test_the_unit_runs_it_with_the_folder_of_the_heartbeat() -> None:
    values = unit("edge-agent.service")
    program, *arguments = shlex.split(values["Service.ExecStopPost"][0])
    assert arguments[:2] == ["safe", shlex.split(values["Service.ExecStart"][0])[2]]
    assert float(arguments[arguments.index("--after") + 1]) >= float(values["Service.WatchdogSec"][0])
    assert run(BIN / Path(program).name, *arguments, "--help").returncode == 0
    assert Path("/run", values["Service.RuntimeDirectory"][0]) == systemd.heartbeat().parent
    assert values["Service.RuntimeDirectoryPreserve"] == ["yes"], "else the heartbeat goes with the agent"


def test_the_beat_is_not_of_the_clock_on_the_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    systemd.beat()
    silent = systemd.silent_for(tmp_path / "beat")
    assert silent is not None
    assert silent < 30
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    (tmp_path / "beat").unlink()
    systemd.beat()
    assert not (tmp_path / "beat").exists(), "without systemd nothing is written"
