"""The watchdog's protocol, with the real agent: systemd's part is played by a socket of ours."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from system_rig import BIN, end, free_port, node_yaml, until

HOGGING_DRIVER = '''
"""A driver that holds the event loop for as long as the test wants: what a bad driver does."""

import asyncio
import time
from typing import ClassVar

from pydantic import BaseModel

from drivers.contract import Check


class Config(BaseModel):
    pass


class Hog:
    Config: ClassVar[type[BaseModel]] = Config

    def __init__(self, config, context):
        self._folder = context.directory

    async def check(self):
        return Check(ok=True)

    def capabilities(self):
        return []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._wait())
        return self

    async def __aexit__(self, *exc):
        self._task.cancel()

    async def _wait(self):
        while not (self._folder / "hold").exists():
            await asyncio.sleep(0.02)
        (self._folder / "held").touch()
        end = time.monotonic() + 60
        while (self._folder / "hold").exists() and time.monotonic() < end:
            time.sleep(0.02)  # blocks the loop
'''


class Systemd:
    """Listens as systemd does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def hear(self, limit_s: float) -> str | None:
        """The next message, or None when none comes."""
        self._socket.settimeout(limit_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def drain(self) -> None:
        """Forget what was said so far."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def install_driver(folder: Path) -> None:
    """Put a driver where Python finds installed packages: code and entry point, as a real one."""
    (folder / "hog.py").write_text(HOGGING_DRIVER)
    metadata = folder / "hog-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hog\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[edge_agent.drivers]\nhog = hog:Hog\n")


def start(folder: Path, systemd: Systemd, log: Path, more: str = "") -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(folder),
        "NOTIFY_SOCKET": str(systemd.path),
        "WATCHDOG_USEC": "1000000",
    }
    environment.pop("WATCHDOG_PID", None)
    with log.open("w") as output:
        return subprocess.Popen(
            [BIN / "edge-agent", "run", str(node_yaml(folder, more))],
            stdout=output,
            stderr=output,
            env=environment,
            text=True,
        )


def test_ready_then_alive_then_stopping(tmp_path: Path, systemd: Systemd) -> None:
    process = start(tmp_path, systemd, tmp_path / "log")
    try:
        assert systemd.hear(30) == "READY=1", (tmp_path / "log").read_text()
        assert [systemd.hear(10) for _ in range(4)] == ["WATCHDOG=1"] * 4
    finally:
        code = end(process)
    said = []
    while (message := systemd.hear(0.2)) is not None:
        said.append(message)
    assert said[-1] == "STOPPING=1"
    assert code == 0


def test_silent_while_the_event_loop_hangs(tmp_path: Path, systemd: Systemd) -> None:
    install_driver(tmp_path)
    process = start(tmp_path, systemd, tmp_path / "log", "drivers: [{id: hog, driver: hog}]")
    hold, held = (tmp_path / "state/drivers/hog" / name for name in ("hold", "held"))
    try:
        assert systemd.hear(30) == "READY=1", (tmp_path / "log").read_text()
        assert systemd.hear(10) == "WATCHDOG=1"
        hold.touch()
        until(held.exists)
        systemd.drain()
        # four of its periods; the process lives, its threads too, but nobody may call that alive
        assert systemd.hear(2) is None
        assert process.poll() is None
        hold.unlink()
        assert systemd.hear(10) == "WATCHDOG=1"
    finally:
        hold.unlink(missing_ok=True)
        end(process)


def test_another_process_id_is_not_fed(tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_agent.systemd import notify, watchdog_interval_s

    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_interval_s() is None
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval_s() == 15
    monkeypatch.setenv("NOTIFY_SOCKET", str(systemd.path))
    notify("STATUS=a")
    assert systemd.hear(2) == "STATUS=a"
    systemd.close()
    notify("STATUS=b")  # nobody listens: nothing happens


def test_the_hub_is_ready_then_alive(tmp_path: Path, systemd: Systemd) -> None:
    config = tmp_path / "hub.yaml"
    config.write_text(f"listen: {{port: {free_port()}}}\nbroker: {{url: 'mqtt://127.0.0.1:{free_port()}'}}\n")
    environment = {**os.environ, "NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "600000"}
    with (tmp_path / "log").open("w") as output:
        process = subprocess.Popen(
            [BIN / "edge-hub", "run", str(config)], stdout=output, stderr=output, env=environment, text=True
        )
    try:
        said = [systemd.hear(30) for _ in range(4)]
        assert sorted(set(said)) == ["READY=1", "WATCHDOG=1"], (tmp_path / "log").read_text()
    finally:
        assert end(process) == 0
