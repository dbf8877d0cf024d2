"""A loop of a real agent that hangs stops the feeding, and the journal says which; what is merely away does not."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from system_rig import end, node_yaml, until

BAD_DRIVERS = '''
"""Drivers that do not come back, nor let anybody end them: what a fault in native code looks like from outside."""

import asyncio
import time
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from drivers.contract import Capability, Check


class Config(BaseModel):
    pass


class Common:
    Config: ClassVar[type[BaseModel]] = Config

    def __init__(self, config, context):
        self._hold = context.directory / "hold"

    async def check(self):
        return Check(ok=True)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        pass

    async def held(self):
        while self._hold.exists():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue


class Line(Common):
    def capabilities(self):
        return [Capability(id="1", name="1", kind="light", writable=True)]

    async def switch(self, line, on):
        pass

    async def read(self, line):
        await self.held()
        return False


class Threads(Common):
    """Takes every thread that the link needs for its connection."""

    def capabilities(self):
        return []

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self._work = [loop.run_in_executor(None, self._block) for _ in range(4)] if self._hold.exists() else []
        return self

    def _block(self):
        while self._hold.exists():
            time.sleep(0.05)
'''


class Watched:
    """An agent whose systemd is a socket of ours; what its loops may take is a tenth."""

    def __init__(self, folder: Path, hold: str, more: str) -> None:
        self.log = folder / "log"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        (folder / "bad.py").write_text(BAD_DRIVERS)
        (folder / "bad-1.dist-info").mkdir()
        (folder / "bad-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
        entries = "[edge_agent.drivers]\nbad-line = bad:Line\nbad-threads = bad:Threads\n"
        (folder / "bad-1.dist-info/entry_points.txt").write_text(entries)
        self.hold = folder / "state/drivers" / hold / "hold"
        self.hold.parent.mkdir(parents=True)
        self.hold.touch()
        environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": "400000",
            "EDGE_PULSE_SCALE": "0.1",
            "EDGE_LANG": "en",
        }
        environment.pop("WATCHDOG_PID", None)
        argv = [sys.executable, "-m", "edge_agent", "run", str(node_yaml(folder, more))]
        with self.log.open("w") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output, env=environment, text=True)

    def says(self, limit_s: float) -> str | None:
        self._socket.settimeout(limit_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def falls_silent(self, loop: str) -> None:
        """Until systemd hears nothing for many periods. It reads all the time: who did not, would hold up the agent."""
        until(lambda: self.drain() or re.search(rf"hangs: .*\b{loop}\b", self.log.read_text()), 60)
        self.drain()
        assert self.says(1.2) is None, self.log.read_text()
        assert self.process.poll() is None

    def drain(self) -> bool:
        while self.says(0.01) is not None:
            pass
        return False

    def close(self) -> None:
        self.hold.unlink(missing_ok=True)
        try:
            end(self.process)
        finally:
            self._socket.close()


def test_a_thing_that_nobody_can_switch_any_more(tmp_path: Path) -> None:
    lights = "drivers: [{id: relays, driver: bad-line}]\nlights: [{id: lamp, name: Đèn, line: relays/1}]"
    agent = Watched(tmp_path, "relays", lights)
    try:
        agent.falls_silent("lines")
        agent.hold.unlink()
        until(lambda: agent.says(10) == "WATCHDOG=1", 30)
    finally:
        agent.close()


@pytest.mark.long
def test_a_link_that_cannot_even_try(tmp_path: Path) -> None:
    agent = Watched(tmp_path, "threads", "drivers: [{id: threads, driver: bad-threads}]")
    try:
        agent.falls_silent("link")
        agent.hold.unlink()
        until(lambda: agent.drain() or "Next try" in agent.log.read_text(), 30)
    finally:
        agent.close()
