"""A box as at a pole, by the shipped simulated drivers: lamps, one with feedback, a horn with an ear, a camera."""

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.rig import COMMUNE, NODE, agent, broker, node_config
from edge_agent.contract.birth import BirthRecord, SignedBirth
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from edge_agent.local.client import LocalAgent

SIGNER = Signer("acceptance", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)
BY_CONTACT = {"contact": "den-1-contact", "power": "den-1-power"}


@dataclass(frozen=True)
class Box:
    folder: Path
    config: Path
    port: int

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def break_(self, driver: str, word: str) -> None:
        """The simulated microphone reads its fault from a file."""
        (self.state / "drivers" / driver / "fault").write_text(word)

    def kept(self) -> tuple[SignedBirth, BirthRecord]:
        signed = SignedBirth.model_validate_json((self.state / "birth" / "record.json").read_bytes())
        return signed, signed.read()


def _parts(film: Path | None) -> dict[str, Any]:
    return {
        "drivers": [
            {
                "id": "tu",
                "driver": "simulated-cabinet",
                "look_every_s": 0.1,
                "lines": {"den-1": {"watts": 400}, "den-2": {"watts": 100}},
            },
            {"id": "horn", "driver": "file-speaker"},
            {"id": "ear", "driver": "simulated-microphone", "hears": "horn"},
        ],
        "sensors": [
            {"id": "den-1-contact", "name": "Tiếp điểm", "line": "tu/den-1_contact", "every_s": 0.2},
            {"id": "den-1-power", "name": "Công suất", "line": "tu/den-1_power", "every_s": 0.2},
        ],
        "lights": [
            {"id": "cong", "name": "Đèn <cổng>", "line": "tu/den-1", "rated_w": 400, "feedback": BY_CONTACT},
            {"id": "san", "name": "Đèn sân", "line": "tu/den-2"},
        ],
        "speakers": [{"id": "horn", "name": "Loa thôn Đông", "driver": "horn", "microphone": "ear"}],
        "cameras": [{"id": "cong-cam", "name": "Camera cổng", "url": f"clip://{quote(str(film))}"}] if film else [],
    }


@contextmanager
def box(folder: Path, film: Path | None = None, *, runs: bool = True, **more: Any) -> Iterator[Box]:
    """A broker, a box on it, and its agent if it `runs`."""
    with broker(folder) as port:
        config = node_config(folder, port, SIGNER, **{**_parts(film), **more})
        made = Box(folder, config, port)
        if not runs:
            yield made
            return
        with agent(folder, config):
            local = LocalAgent(made.state)
            wait(local.is_there)
            yield made


def wait(done: Any, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


@contextmanager
def doctor(made: Box, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`doctor --install` with its page; yields the address with the first code."""
    argv = [sys.executable, "-m", "edge_agent", "doctor", str(made.config), "--install", "--json", "--port", "0"]
    with (made.folder / "doctor.log").open("ab") as log:
        process = subprocess.Popen([*argv, "--link-seconds", "3", *options], stdout=-1, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
