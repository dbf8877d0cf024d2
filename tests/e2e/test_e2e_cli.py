"""The command line as a person uses it: exit codes, sentences, JSON, no traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bench.rig import NODE, REPO, agent, broker, free_port, node_config
from edge_agent.contract.signature import Signer

SEED = bytes(range(32))
SIGNER = Signer("cli", SEED)


def run(*argv: str, lang: str = "en", hub: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "EDGE_LANG": lang, **({"EDGE_HUB": str(hub)} if hub else {})}
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", *argv], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A running node; yields its configuration and a hub's."""
    folder = tmp_path_factory.mktemp("cli")
    with broker(folder) as port:
        config = node_config(folder, port, SIGNER)
        (folder / "seed").write_bytes(SEED)
        hub = folder / "hub.yaml"
        hub.write_text(
            yaml.safe_dump(
                {
                    "broker": {"url": f"mqtt://127.0.0.1:{port}"},
                    "signing_key": {"id": "cli", "file": "seed"},
                }
            )
        )
        with agent(folder, config):
            yield config, hub


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for name in (
        "run",
        "demo",
        "check",
        "doctor",
        "say",
        "read",
        "enhance",
        "programme",
        "voices",
        "send",
        "watch",
        "schema",
    ):
        assert f"  {name} " in text
        assert run(name, "--help").returncode == 0


def test_an_unknown_command_is_guessed() -> None:
    done = run("dcotor")
    assert done.returncode == 2
    assert "doctor" in done.stderr


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_check_tells_all_mistakes_and_exits_2(tmp_path: Path, lang: str) -> None:
    file = tmp_path / "node.yaml"
    file.write_text("node: {commun: x}\nbroker: {url: 'mqtt://u:p4ss@h'}\nlight: []\n")
    done = run("check", str(file), lang=lang)
    assert done.returncode == 2
    assert f"{file}:1:" in done.stderr
    assert "commune" in done.stderr
    assert "lights" in done.stderr
    assert "p4ss" not in done.stderr + done.stdout
    problems = json.loads(run("check", str(file), "--json", lang=lang).stdout)["problems"]
    assert {problem["path"] for problem in problems} >= {"node.commun", "broker.url", "light", "command_keys"}


def test_check_of_a_right_file(desk: tuple[Path, Path]) -> None:
    done = run("check", str(desk[0]))
    assert done.returncode == 0
    assert json.loads(run("check", str(desk[0]), "--json").stdout)["ok"] is True


def test_run_refuses_a_second_agent(desk: tuple[Path, Path]) -> None:
    done = run("run", str(desk[0]))
    assert done.returncode == 1
    assert "already" in done.stderr


def test_run_keeps_the_last_good_configuration(tmp_path: Path) -> None:
    config = node_config(tmp_path, free_port(), SIGNER)
    first = subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "run", str(config)], stderr=subprocess.PIPE, text=True
    )
    assert first.stderr is not None
    for line in first.stderr:
        if "is running" in line:
            break
    first.terminate()
    assert first.wait(20) == 0
    config.write_text(config.read_text() + "\nlihgts: []\n")
    second = subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "run", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDGE_LANG": "en"},
    )
    assert second.stderr is not None
    lines = []
    for line in second.stderr:
        lines.append(line)
        if "is running" in line:
            break
    second.terminate()
    assert second.wait(20) == 0
    said = "".join(lines)
    assert "lights" in said
    assert "last good" in said


def test_doctor_is_green_then_red(desk: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("doctor", str(desk[0]), "--json")
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0
    assert {"clock", "disk", "driver relays", "driver horn", "voice", "broker"} <= set(findings)
    bad = yaml.safe_load(desk[0].read_text())
    bad["broker"]["url"] = f"mqtt://127.0.0.1:{free_port()}"
    bad["storage"]["path"] = str(tmp_path / "state")
    bad["drivers"].append({"id": "pins", "driver": "rpi-gpio-relay", "lines": {"1": {"pin": 17}}})
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(bad, allow_unicode=True))
    done = run("doctor", str(tmp_path / "bad.yaml"), "--json")
    states = {finding["part"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert states["broker"] == "faulty"
    assert states["driver pins"] == "faulty"
    assert states["driver relays"] == "ok"
    table = run("doctor", str(tmp_path / "bad.yaml"))
    assert "FAULTY" in table.stdout


def test_send_waits_for_what_really_happened(desk: tuple[Path, Path]) -> None:
    hub = desk[1]
    done = run("send", NODE, "switch.override", "thing=lamp", "level=100", "--json", hub=hub)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ack"]["result"]["actual"] == 100
    done = run("send", NODE, "switch.override", "thing=lmap", "level=100", hub=hub)
    assert done.returncode == 1
    assert "lamp" in done.stderr
    assert run("send", NODE, "switch.override", "thing=lamp", "level=150", hub=hub).returncode == 2
    assert run("send", NODE, "switch.override", "light", hub=hub).returncode == 2
    assert run("send", "no-such-node", "state.report", hub=hub).returncode == 1
    gone = run("send", "26734/nobody", "state.report", "--timeout", "1", hub=hub)
    assert gone.returncode == 1
    assert "did not answer" in gone.stderr


def test_send_without_a_broker_says_so(tmp_path: Path) -> None:
    hub = tmp_path / "hub.yaml"
    hub.write_text(f"broker: {{url: 'mqtt://127.0.0.1:{free_port()}'}}\nsigning_key: {{id: a, file: seed}}\n")
    (tmp_path / "seed").write_bytes(SEED)
    done = run("send", NODE, "state.report", hub=hub)
    assert done.returncode == 1
    assert "broker" in done.stderr
    assert run("watch", "--for", "1", hub=tmp_path / "missing.yaml").returncode == 1


def test_watch_shows_states(desk: tuple[Path, Path]) -> None:
    done = run("watch", "--for", "1", "--json", hub=desk[1])
    topics = {json.loads(line)["topic"].split("/", 3)[3] for line in done.stdout.splitlines()}
    assert {"status", "about", "state/light/lamp", "state/speaker/horn"} <= topics


def test_schema_is_what_the_repository_holds() -> None:
    done = run("schema", "--check", "--folder", str(REPO))
    assert done.returncode == 0, done.stderr
