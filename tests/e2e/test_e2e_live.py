"""A person speaks by `edge-agent live` to two real nodes, whose loudspeakers play into files."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from bench.live_rig import clicks, find, write_wav
from bench.rig import COMMUNE, Sender, agent, broker, node_config
from edge_agent.contract.signature import Signer

SEED = bytes(range(32))
SIGNER = Signer("cli", SEED)
NODES = ("dinh", "cho")
LATENCY_S = 1.0


@pytest.fixture(scope="module")
def commune(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two running nodes; yields the folder with a hub's configuration and a folder of each node."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        port = stack.enter_context(broker(folder))
        (folder / "seed").write_bytes(SEED)
        hub = {"broker": {"url": f"mqtt://127.0.0.1:{port}"}, "signing_key": {"id": "cli", "file": "seed"}}
        (folder / "hub.yaml").write_text(yaml.safe_dump(hub))
        for name in NODES:
            place = folder / name
            place.mkdir()
            config = node_config(place, port, SIGNER)
            told = yaml.safe_load(config.read_text())
            told["node"]["name"] = name
            told["voice"]["enhancement"] = {"enabled": False}  # clicks are no voice
            config.write_text(yaml.safe_dump(told))
            stack.enter_context(agent(place, config))
        for name in NODES:
            watch = Sender(port, [f"edge/{COMMUNE}/{name}/status"])
            watch.wait(f"edge/{COMMUNE}/{name}/status", b'"online":true', 60)
            watch.close()
        yield folder


def live(folder: Path, *argv: str, limit_s: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "live", *argv],
        capture_output=True,
        text=True,
        env={**os.environ, "EDGE_LANG": "en", "EDGE_HUB": str(folder / "hub.yaml")},
        timeout=limit_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def heard(folder: Path, node: str) -> tuple[datetime, np.ndarray]:
    """What the node's file speaker played last, and from when on."""
    file = sorted((folder / node / "state/drivers/horn").glob("*.wav"))[-1]
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (48_000, 1)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768
    began = datetime.strptime(file.stem.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    return began, samples


def test_two_nodes_say_the_same_at_the_same_instant(commune: Path) -> None:
    sound, times = clicks(5.0, first_s=1.0)
    file = write_wav(commune / "mouth.wav", sound)
    done = live(
        commune, "all", "--file", str(file), "--as-it-is", "--latency", "1000", "--title", "Thông báo", "--json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert set(told["nodes"]) == set(NODES)
    assert {ack["state"] for ack in told["nodes"].values()} == {"done"}
    epoch = datetime.fromisoformat(told["epoch"])
    places = []
    for node in NODES:
        result = told["nodes"][node]["result"]
        assert result["counts"]["frames"] == told["messages"]
        assert result["counts"]["late"] == 0
        began, samples = heard(commune, node)
        found = [find(samples, at) for at in times]
        assert all(alike > 0.8 for _, alike in found), found
        places.append([place for place, _ in found])
        for (place, _), at in zip(found, times, strict=True):
            way_s = (began - epoch).total_seconds() + place - at
            assert way_s == pytest.approx(LATENCY_S, abs=0.2)  # the file's name is when the machine came to it
        assert all(abs(place - at) < 0.005 for (place, _), at in zip(found, times, strict=True))
    assert max(abs(a - b) for a, b in zip(*places, strict=True)) < 0.0001


def test_ctrl_c_ends_it(commune: Path) -> None:
    sound, _ = clicks(120.0)
    file = write_wav(commune / "long.wav", sound)
    speaking = subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "live", f"{COMMUNE}/dinh", "--file", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDGE_LANG": "vi", "EDGE_HUB": str(commune / "hub.yaml")},
        stdin=subprocess.DEVNULL,
    )
    assert speaking.stderr is not None
    for line in speaking.stderr:
        if "Mời nói" in line:
            break
    time.sleep(2)
    speaking.send_signal(signal.SIGINT)
    out, said = speaking.communicate(timeout=60)
    assert speaking.returncode == 0, out + said
    assert "dinh: Đã làm xong" in out or "dinh:" in out
    assert "Traceback" not in said


def test_what_cannot_be_is_said_in_a_sentence(commune: Path) -> None:
    text = commune / "text.wav"
    text.write_text("no sound")
    for argv, sentence in (
        (("no-such-node", "--file", str(text)), "no-such-node"),
        (("dinh", "--file", str(text)), "text.wav"),
        (("dinh", "--file", str(write_wav(commune / "a.wav", clicks(1.0)[0])), "--speaker", "none"), "none"),
        (("Not A Node",), "Not A Node"),
    ):
        done = live(commune, *argv)
        assert done.returncode in (1, 2)
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
