"""An agent that dies again and again falls back to lines and link, says so, and comes back whole. Real programs."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.rig import COMMUNE, NODE, Sender, broker, node_config
from edge_agent.contract.commands import Command
from edge_agent.contract.ids import uuid7
from edge_agent.contract.signature import Signer

ROOT = f"edge/{COMMUNE}/{NODE}"
SIGNER = Signer("safe-mode", secrets.token_bytes(32))
BOMB = '''
"""A driver in whose opening the process ends at once, as by a fault in native code."""

import os
from typing import ClassVar

from pydantic import BaseModel

from drivers.contract import Capability, Check


class Config(BaseModel):
    pass


class Bomb:
    Config: ClassVar[type[BaseModel]] = Config

    def __init__(self, config, context):
        pass

    async def check(self):
        return Check(ok=True)

    def capabilities(self):
        return [Capability(id="1", name="1", kind="light", writable=True)]

    async def switch(self, line, on):
        pass

    async def read(self, line):
        return False

    async def __aenter__(self):
        os._exit(139)

    async def __aexit__(self, *exc):
        pass
'''


class Machine:
    """A broker, and systemd's part: the agent is started again whenever it ends."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.sender = Sender(port, [f"{ROOT}/#"])
        self.config = node_config(folder, port, SIGNER)
        self._child: subprocess.Popen[bytes] | None = None
        (folder / "bomb.py").write_text(BOMB)
        (folder / "bomb-1.dist-info").mkdir()
        (folder / "bomb-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: bomb\nVersion: 1\n")
        (folder / "bomb-1.dist-info/entry_points.txt").write_text("[edge_agent.drivers]\nbomb = bomb:Bomb\n")

    def change(self, **more: object) -> None:
        data = yaml.safe_load(self.config.read_text())
        self.config.write_text(yaml.safe_dump({**data, **more}, allow_unicode=True))

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "edge_agent", "run", str(self.config), "--safe-after", "2", *more]
        env = {**os.environ, "PYTHONPATH": str(self.folder), "EDGE_LANG": "en"}
        with (self.folder / "agent.log").open("ab") as output:
            self._child = subprocess.Popen(argv, stdout=output, stderr=output, env=env)
        return self._child

    def dies(self, *more: str) -> None:
        assert self.start(*more).wait(40) != 0

    def end(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            assert self._child.wait(20) == 0, self.log()

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def status(self, needle: bytes) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sender.wait(f"{ROOT}/status", needle, 40)[1])
        return found

    def whole(self) -> None:
        """Until it is online without safe mode."""
        while "safe" in ((self.status(b'"online":true').get("fault") or {}).get("code", "")):
            pass

    def ask(self, **args: object) -> dict[str, Any]:
        now = datetime.now(UTC)
        life = {"at": now, "expires": now + timedelta(minutes=1)}
        asked = Command.model_validate({"id": uuid7(), "to": f"{COMMUNE}/{NODE}", "by": "test", "args": args, **life})
        self.sender.publish(f"{ROOT}/cmd", SIGNER.sign(asked.model_dump_json(by_alias=True).encode()))
        while True:
            answer: dict[str, Any] = json.loads(self.sender.wait(f"{ROOT}/ack", asked.id.encode(), 20)[1])
            if answer["state"] != "accepted":
                return answer

    def safe_mode(self, *more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "edge_agent", "safe-mode", str(self.config), *more]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=40, check=False, env={**os.environ, "EDGE_LANG": "en"}
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with broker(tmp_path) as port:
        found = Machine(tmp_path, port)
        try:
            yield found
        finally:
            found.end()


def test_a_driver_that_kills_leaves_lights_and_link_and_is_mended_by_its_removal(machine: Machine) -> None:
    machine.start()
    machine.status(b'"online":true')
    machine.end()
    good = yaml.safe_load(machine.config.read_text())["drivers"]
    machine.change(drivers=[*good, {"id": "deadly", "driver": "bomb"}])
    machine.dies()
    machine.dies()
    process = machine.start()

    status = machine.status(b"node.safe_mode")
    assert status["online"] and status["fault"]["code"] == "node.safe_mode_silent"
    machine.sender.wait(f"{ROOT}/event", b'"safe_mode"', 20)
    assert machine.ask(do="switch.override", thing="lamp", level=100)["result"]["actual"] == 100
    refused = machine.ask(do="speak", text="Xin chào.")
    assert (refused["state"], refused["fault"]["code"]) == ("rejected", "node.safe_mode_silent")
    assert machine.safe_mode().returncode == 1

    machine.change(drivers=good)
    machine.whole()
    assert process.poll() is None, "the same process goes on as a whole agent"
    assert machine.ask(do="speaker.volume", volume=50)["state"] == "done"
    assert machine.safe_mode().returncode == 0


def test_a_driver_of_lines_that_kills_is_left_out_alone(machine: Machine) -> None:
    drivers = yaml.safe_load(machine.config.read_text())["drivers"]
    machine.change(
        drivers=[*drivers, {"id": "deadly", "driver": "bomb"}],
        lights=[
            {"id": "lamp", "name": "Lamp", "line": "relays/1"},
            {"id": "gate", "name": "Gate", "line": "deadly/1"},
        ],
    )
    for _ in range(3):  # the third in safe mode
        machine.dies()
    machine.start()
    machine.status(b"node.safe_mode")
    assert machine.ask(do="switch.override", thing="lamp", level=100)["result"]["actual"] == 100
    assert json.loads((machine.folder / ".node.starts.json").read_bytes())["safe"]["left_out"] == ["deadly"]


def test_a_package_that_raises_is_told_with_its_last_line_and_left_by_hand(machine: Machine) -> None:
    broken = machine.folder / "sitecustomize.py"
    broken.write_text(
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'edge_agent.cameras.service':\n"
        "            raise ModuleNotFoundError('no cameras today')\n"
        "sys.meta_path.insert(0, Gone())\n"
    )
    machine.dies()
    machine.dies()
    process = machine.start()
    status = machine.status(b"node.safe_mode")
    assert "no cameras today" in status["fault"]["params"]["detail"]
    assert "no cameras today" in machine.safe_mode().stdout
    broken.unlink()
    assert machine.safe_mode("--leave").returncode == 0
    machine.whole()
    assert process.poll() is None


@pytest.mark.long
def test_it_tries_the_whole_agent_again_by_itself(machine: Machine) -> None:
    drivers = yaml.safe_load(machine.config.read_text())["drivers"]
    machine.change(drivers=[*drivers, {"id": "deadly", "driver": "bomb"}])
    machine.dies()
    machine.dies()
    (machine.folder / "bomb.py").write_text(BOMB.replace("os._exit(139)", "pass"))
    machine.start("--safe-hours", "0.002")
    machine.status(b"node.safe_mode")
    machine.whole()
    assert machine.ask(do="speaker.volume", volume=50)["state"] == "done"


def test_an_unreadable_configuration_at_boot_is_told_to_the_centre(machine: Machine) -> None:
    machine.start()
    machine.status(b'"online":true')
    machine.end()
    machine.config.write_bytes(b"\xff\xfe\x00broken")
    machine.start()
    status = machine.status(b"config.last_good")
    assert status["online"]
    assert machine.ask(do="switch.override", thing="lamp", level=100)["state"] == "done"
