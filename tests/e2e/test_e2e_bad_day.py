"""A node on a bad day: several parts are broken, each shows its reason, and the rest works."""

import asyncio
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.rig import COMMUNE, NODE, Sender, broker, free_port, node_config, process, wait_for_port
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics

SIGNER = Signer("bad-day", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)


@pytest.fixture
def garbage() -> Iterator[int]:
    """Something that answers everybody with noise."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.sendall(os.urandom(2000))
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def node(tmp_path: Path, garbage: int) -> Iterator[tuple[Access, Path]]:
    (tmp_path / "asound.conf").write_text("# no card at all\n")
    (tmp_path / "password").write_text("s3cret-camera-word\n")
    with broker(tmp_path) as port:
        config = node_config(
            tmp_path,
            port,
            SIGNER,
            drivers=[
                {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}},
                {"id": "pins", "driver": "rpi-gpio-relay", "lines": {"1": {"pin": 17}}},
                {"id": "horn", "driver": "file-speaker", "paced": False},
                {"id": "card", "driver": "pyaudio-speaker"},
            ],
            lights=[
                {"id": "lamp", "name": "Lamp", "line": "relays/1"},
                {"id": "pole", "name": "Pole", "line": "pins/1"},
            ],
            speakers=[
                {"id": "horn", "name": "Horn", "driver": "horn"},
                {"id": "card", "name": "Card", "driver": "card"},
            ],
            cameras=[
                {"id": "gone", "name": "Gone", "url": f"rtsp://127.0.0.1:{free_port()}/x", "record": False},
                {
                    "id": "noise",
                    "name": "Noise",
                    "url": f"rtsp://127.0.0.1:{garbage}/x",
                    "username": "cam",
                    "password": {"file": str(tmp_path / "password")},
                },
                {
                    "id": "mute",
                    "name": "Mute",
                    "url": "rtsp://127.0.0.1:1/x",
                    "username": "a",
                    "password": {"env": "NO_SUCH"},
                },
            ],
            hub={"url": f"http://127.0.0.1:{free_port()}", "token": {"file": str(tmp_path / "missing")}},
            telemetry={"every_s": 1},
        )
        import sys

        argv = (sys.executable, "-m", "edge_agent", "run", str(config))
        with process(*argv, log=tmp_path / "agent.log", env={"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}):
            wait_for_port(port)
            yield Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}")), tmp_path
    log = (tmp_path / "agent.log").read_text()
    assert "s3cret-camera-word" not in log
    assert "Traceback" not in log, log


async def ask(client: Client, **args: Any) -> Ack:
    _, answers = await client.ask(TOPICS, args, "test")
    async with asyncio.timeout(40):
        async for ack in answers:
            if ack.state != "accepted":
                return ack
    raise AssertionError("no answer")


def port_of(access: Access) -> int:
    return access.broker.parts()[2]


def states(access: Access, wanted: dict[str, str | None], limit_s: float = 30) -> dict[str, dict[str, Any]]:
    """Wait until things have these fault codes (None: none); returns their states."""
    sender = Sender(port_of(access), [f"{TOPICS.root}/state/+/+"])
    found: dict[str, dict[str, Any]] = {}
    end = time.monotonic() + limit_s
    for name, code in wanted.items():
        needle = code.encode() if code else b'"id"'
        while True:
            assert time.monotonic() < end, f"{name} never said {code}, but {found.get(name)}"
            _, body = sender.wait(f"{TOPICS.root}/state/{name}", needle, limit_s)
            found[name] = json.loads(body)
            if (found[name].get("fault") or {}).get("code") == code:
                break
    sender.close()
    return found


async def test_one_bad_part_stops_nothing_else(node: tuple[Access, Path]) -> None:
    access, _ = node
    wanted = {
        "driver/pins": "driver.not_supported",
        "light/pole": "fault.controlGearCommFailure",
        "camera/gone": "camera.refused",
    }
    for name, code in {
        **wanted,
        "camera/noise": "camera.garbage",
        "camera/mute": "camera.no_secret",
        "light/lamp": None,
        "driver/relays": None,
    }.items():
        found = await asyncio.to_thread(states, access, {name: code})
        fault = found[name].get("fault")
        assert fault is None or (fault["vi"] and fault["en"])
    async with Client(access, SIGNER) as client:
        lamp = await ask(client, do="switch.override", thing="lamp", level=100)
        assert (lamp.state, lamp.result and lamp.result["actual"]) == ("done", 100)
        pole = await ask(client, do="switch.override", thing="pole", level=100)
        assert pole.state == "rejected"
        assert pole.fault is not None and pole.fault.code == "fault.controlGearCommFailure"
        horn = await ask(client, do="speak", text="Xin chào.", speaker="horn")
        assert horn.state == "done"
        card = await ask(client, do="speak", text="Xin chào.", speaker="card")
        assert card.state == "failed"
        assert card.fault is not None and card.fault.code == "speaker.no_device"
        picture = await ask(client, do="camera.snapshot", camera="gone")
        assert picture.state == "failed"
        assert picture.fault is not None and picture.fault.code.startswith("camera.")
        again = await ask(client, do="switch.override", thing="lamp", level=0)
        assert again.state == "done"
