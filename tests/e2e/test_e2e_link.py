"""The link against brokers that refuse, hang, kick and drop, and a real mosquitto that comes back."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.rig import free_port, wait_for_port
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import LightState
from edge_agent.contract.topics import NodeTopics
from edge_agent.link import wire as wire_module
from edge_agent.link.board import Board
from edge_agent.link.link import Link
from edge_agent.link.pump import Pump
from edge_agent.link.wire import BrokerAddress, Incoming, Wire
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox

TOPICS = NodeTopics("26734", "thon-dong")


class Node:
    """A link with outbox and board, and what it told."""

    def __init__(self, folder: Path, port: int, **address: object) -> None:
        self.changes: list[tuple[bool, Fault | None]] = []
        self.heard: list[Incoming] = []
        self.database = Database(folder / "node.db")
        self.outbox = Outbox(self.database, folder / "seq")
        self.board = Board()
        self.pump = Pump(self.outbox, TOPICS, "s1")
        self.link = Link(
            BrokerAddress("127.0.0.1", port, "26734-thon-dong", keepalive=5, **address),  # type: ignore[arg-type]
            TOPICS,
            "s1",
            "0",
            SystemClock("assume"),
            self.board,
            self.pump,
            on_message=self.heard.append,
            on_change=lambda up, fault: self.changes.append((up, fault)),
            backoff=Backoff(first=0.2, most=0.4),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.outbox.load()
        task = asyncio.create_task(self.link.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.done()
            self.database.close()

    @property
    def faults(self) -> list[str]:
        return [fault.code for _, fault in self.changes if fault is not None]


async def until(true: Callable[[], bool], limit_s: float = 10) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.02)


def mosquitto(folder: Path, port: int, *lines: str) -> subprocess.Popen[bytes]:
    conf = folder / "mosquitto.conf"
    own = ["persistence false", "set_tcp_nodelay true", *lines]
    if not any(line.startswith("allow_anonymous") for line in lines):
        own.append("allow_anonymous true")
    conf.write_text("\n".join([f"listener {port} 127.0.0.1", "user root", *own]) + "\n")
    child = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(conf)], stderr=subprocess.DEVNULL)
    wait_for_port(port)
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


async def test_nobody_listens(tmp_path: Path) -> None:
    node = Node(tmp_path, free_port())
    async with node.running():
        await until(lambda: len(node.faults) >= 3)
    assert set(node.faults) == {"broker.unreachable"}


async def test_wrong_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("")
    port = free_port()
    broker = mosquitto(tmp_path, port, "allow_anonymous false", f"password_file {tmp_path}/passwords")
    node = Node(tmp_path, port, username="x", password="s3cret-word")
    try:
        async with node.running():
            await until(lambda: len(node.faults) >= 2)
    finally:
        end(broker)
    assert set(node.faults) == {"broker.refused"}
    assert "s3cret-word" not in repr(node.changes)


async def test_a_broker_that_accepts_and_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "_CONNACK_LIMIT_S", 0.3)
    held = []  # a writer that nobody holds is closed by newer Pythons

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await asyncio.sleep(30)

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    node = Node(tmp_path, server.sockets[0].getsockname()[1])
    async with node.running():
        await until(lambda: len(node.faults) >= 2)
    server.close()
    assert set(node.faults) == {"broker.silent"}


async def test_a_broker_that_sends_garbage(tmp_path: Path) -> None:
    async def garbage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(os.urandom(4096))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    node = Node(tmp_path, server.sockets[0].getsockname()[1])
    async with node.running():
        await until(lambda: len(node.faults) >= 2)
    server.close()


async def test_a_kick_right_after_connack_counts_as_failed(tmp_path: Path) -> None:
    async def kick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(kick, "127.0.0.1", 0)
    node = Node(tmp_path, server.sockets[0].getsockname()[1])
    async with node.running():
        await until(lambda: node.faults.count("broker.kicked") >= 2)
    server.close()


async def test_everything_waits_and_arrives_when_the_broker_comes_back(tmp_path: Path) -> None:
    port = free_port()
    broker = mosquitto(tmp_path, port)
    node = Node(tmp_path, port)
    seen: list[Incoming] = []
    async with node.running():
        await until(lambda: node.link.connected)
        end(broker)
        await until(lambda: not node.link.connected)
        now = datetime.now(UTC)
        for number in range(50):
            await node.outbox.append(Entry.event(now, "switched", data={"n": number}))
        node.board.post(TOPICS.state("light", "a"), LightState(id="a", at=now, wanted=0, actual=0, why="default"))
        node.board.post(TOPICS.state("light", "a"), LightState(id="a", at=now, wanted=100, actual=100, why="default"))
        broker = mosquitto(tmp_path, port)
        try:
            visitor = Wire(BrokerAddress("127.0.0.1", port, "visitor"), None, seen.append)
            await visitor.open()
            serving = asyncio.create_task(visitor.run())
            visitor.subscribe([(f"{TOPICS.root}/#", 1)])
            await until(lambda: sum(b'"n":' in m.body for m in seen) >= 1 and node.outbox.waiting == 0)
            await until(lambda: any(m.topic.endswith("state/light/a") and b'"actual":100' in m.body for m in seen))
            visitor.close()
            await serving
        finally:
            end(broker)
    events = b"".join(m.body for m in seen if m.topic == TOPICS.event)
    assert [b'"n":%d}' % number in events for number in range(50)] == [True] * 50


async def test_a_frozen_broker_is_noticed_by_keepalive(tmp_path: Path) -> None:
    port = free_port()
    broker = mosquitto(tmp_path, port)
    node = Node(tmp_path, port)
    try:
        async with node.running():
            await until(lambda: node.link.connected)
            broker.send_signal(signal.SIGSTOP)
            await until(lambda: not node.link.connected, limit_s=20)
            broker.send_signal(signal.SIGCONT)
            await until(lambda: node.link.connected, limit_s=15)
    finally:
        broker.send_signal(signal.SIGCONT)
        end(broker)


async def test_commands_sent_while_away_are_delivered_later(tmp_path: Path) -> None:
    port = free_port()
    broker = mosquitto(tmp_path, port)
    first = Node(tmp_path, port)
    async with first.running():
        await until(lambda: first.link.connected)
        await asyncio.sleep(0.2)
    try:
        sender = Wire(BrokerAddress("127.0.0.1", port, "sender"), None, lambda _m: None)
        await sender.open()
        serving = asyncio.create_task(sender.run())
        await sender.publish(TOPICS.command, b"later")
        sender.close()
        await serving
        again = Node(tmp_path, port)
        async with again.running():
            await until(lambda: bool(again.heard))
            assert again.heard[0].body == b"later"
            # not acknowledged: it must come again
            assert not again.heard[0].retained
        third = Node(tmp_path, port)
        async with third.running():
            await until(lambda: bool(third.heard))
            third.link.acknowledge(third.heard[0])
            await asyncio.sleep(0.2)
        fourth = Node(tmp_path, port)
        async with fourth.running():
            await until(lambda: fourth.link.connected)
            await asyncio.sleep(0.3)
            assert fourth.heard == []
    finally:
        end(broker)


async def test_goodbye_says_stopped(tmp_path: Path) -> None:
    port = free_port()
    broker = mosquitto(tmp_path, port)
    seen: list[Incoming] = []
    try:
        visitor = Wire(BrokerAddress("127.0.0.1", port, "visitor"), None, seen.append)
        await visitor.open()
        serving = asyncio.create_task(visitor.run())
        visitor.subscribe([(TOPICS.status, 1)])
        node = Node(tmp_path, port)
        async with node.running():
            await until(lambda: any(b'"online":true' in m.body for m in seen))
        await until(lambda: any(b'"reason":"stopped"' in m.body for m in seen))
        await asyncio.sleep(0.3)  # the will must not follow
        assert b'"reason":"stopped"' in seen[-1].body
        visitor.close()
        await serving
    finally:
        end(broker)


def test_backoff_doubles_with_jitter_and_resets_only_when_stable() -> None:
    ceilings: list[float] = []

    def draw(_low: float, high: float) -> float:
        ceilings.append(high)
        return high

    backoff = Backoff(first=1, most=60, stable=30, draw=draw)
    for lasted in (0, 0, 5, 29, 0, 0, 0, 0, 31, 0):
        backoff.after(lasted)
    assert ceilings == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]
