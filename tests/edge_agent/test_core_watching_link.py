"""Live pictures through a real broker over a weak uplink: never old, never with holes, and never in others' way."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from core_rig import until
from core_watching import Cameras, asked, narrow

from bench.rig import broker, percentile
from camera.model import LivePiece
from edge_agent.clock import SystemClock
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.watching import Joiner, VideoPiece
from edge_agent.link.board import Board
from edge_agent.link.link import Link
from edge_agent.link.pump import Pump
from edge_agent.link.wire import BrokerAddress, Incoming, Wire
from edge_agent.recorder import Recorder
from edge_agent.store.database import open_or_set_aside
from edge_agent.store.outbox import Entry, Outbox
from edge_agent.watching import WatchService

TOPICS = NodeTopics("26734", "pole")
FPS, GROUP = 15, 30
KEY_BYTES, DELTA_BYTES = 14_000, 2_000  # 288 kbit/s: the small stream of a usual camera


@dataclass
class Viewer:
    """What arrives at the broker: pieces with their age, and answers with theirs."""

    pieces: list[VideoPiece] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    _joiner: Joiner = field(default_factory=Joiner)

    def hear(self, message: Incoming) -> None:
        if message.topic == TOPICS.ack:
            self.answers_ms.append((time.time() - json.loads(message.body)["at"]) * 1000)
        elif (piece := self._joiner.take(message.body)) is not None and piece.kind != "init":
            self.pieces.append(piece)
            self.arrived_s.append(time.monotonic())
            self.ages_ms.append((datetime.now(UTC) - piece.at).total_seconds() * 1000)

    def told(self) -> dict[str, float]:
        ages, answers = self.ages_ms, self.answers_ms
        return {
            "pieces": len(ages),
            "live_p50_ms": round(median(ages)),
            "live_p95_ms": round(percentile(ages, 0.95)),
            "live_most_ms": round(max(ages)),
            "answer_p50_ms": round(median(answers)),
            "answer_p95_ms": round(percentile(answers, 0.95)),
            "answer_most_ms": round(max(answers)),
        }


@contextlib.asynccontextmanager
async def node(port: int, folder: Path, backlog: int = 0) -> AsyncIterator[tuple[Link, WatchService]]:
    """A link to the broker and live view on it, as the agent has them; with events from before."""
    clock = SystemClock("assume")
    database, _ = open_or_set_aside(folder / "node.db", "x")
    outbox = Outbox(database, folder / "seq", 10_000, clock.now)
    await outbox.load()
    before = [Entry.event(clock.now(), "switched", "light/lamp", {"why": "x" * 120})] * backlog
    if before:
        await outbox.append(*before)
    recorder = Recorder(clock, outbox, lambda: None)
    service = WatchService(["gate"], TOPICS, clock, recorder, Cameras())
    address = BrokerAddress("127.0.0.1", port, f"node-{secrets.token_hex(4)}")
    link = Link(
        address,
        TOPICS,
        "session",
        "0",
        clock,
        Board(),
        Pump(outbox, TOPICS, "session"),
        on_message=lambda message: None,
        on_change=lambda up, fault: None,
    )
    service.connect(link)
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(service.run())]
    try:
        await until(lambda: link.connected)
        yield link, service
    finally:
        await service.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        database.close()


@contextlib.asynccontextmanager
async def viewer(port: int) -> AsyncIterator[Viewer]:
    """Beside the broker, where the hub is."""
    looking = Viewer()
    wire = Wire(BrokerAddress("127.0.0.1", port, f"viewer-{secrets.token_hex(4)}"), None, looking.hear)
    await wire.open()
    running = asyncio.create_task(wire.run())
    wire.subscribe([(TOPICS.live("gate"), 0), (TOPICS.ack, 1)])
    await asyncio.sleep(0.3)
    yield looking
    wire.close()
    await running


async def play(service: WatchService, seconds: float, scale: float = 1.0) -> None:
    """A camera that sends pictures in their time."""
    begin = time.monotonic()
    for number in range(1, int(seconds * FPS) + 1):
        await asyncio.sleep(max(0.0, begin + number / FPS - time.monotonic()))
        is_key = number % GROUP == 1
        at = datetime.now(UTC)
        if is_key:
            service.piece(LivePiece("gate", "sub", "init", 7, 0, at, "avc1.64001f", 640, 360, bytes(700)))
        size = round((KEY_BYTES if is_key else DELTA_BYTES) * scale)
        kind = "key" if is_key else "delta"
        service.piece(LivePiece("gate", "sub", kind, 7, number, at, "avc1.64001f", 640, 360, bytes(size)))


async def answer(link: Link) -> None:
    """Answers to commands, all the time."""
    while True:
        await asyncio.sleep(0.37)
        link.send(TOPICS.ack, json.dumps({"at": time.time(), "pad": "x" * 150}).encode())


async def watch(service: WatchService) -> None:
    command, args = asked(seconds=60)
    act = await service.watch(command, args)
    assert act.run is not None

    async def begin() -> None:
        pass

    await act.run(begin)


async def through(folder: Path, kbit_s: float, seconds: float, scale: float = 1.0) -> Viewer:
    """Look for so long over a link that carries so much, 60 ms each way."""
    with broker(folder) as port:
        async with (
            narrow(port, kbit_s, 0.06) as way,
            node(way.port, folder) as (link, service),
            viewer(port) as looking,
        ):
            await watch(service)
            answering = asyncio.create_task(answer(link))
            await play(service, seconds, scale)
            answering.cancel()
            await asyncio.sleep(1.0)
    print(kbit_s, looking.told())  # noqa: T201
    return looking


def whole(pieces: list[VideoPiece]) -> bool:
    """Whether no picture came without those it needs."""
    numbers = [(piece.kind, piece.number) for piece in pieces]
    holes = [after for before, after in pairwise(numbers) if after[1] != before[1] + 1]
    return numbers[0][0] == "key" and all(kind == "key" for kind, _ in holes)


@pytest.mark.long
async def test_a_small_stream_over_a_weak_link_is_nearly_as_fast_as_the_link(tmp_path: Path) -> None:
    looking = await through(tmp_path, 400, 20)
    assert len(looking.pieces) > 0.9 * 20 * FPS
    assert whole(looking.pieces)
    assert percentile(looking.ages_ms, 0.95) < 1500
    assert percentile(looking.answers_ms, 0.95) < 1500


@pytest.mark.long
async def test_at_half_the_rate_pictures_are_left_out_and_stay_new(tmp_path: Path) -> None:
    looking = await through(tmp_path, 150, 30)
    assert whole(looking.pieces)
    assert max(looking.ages_ms) < 2500
    assert percentile(looking.answers_ms, 0.95) < 1500
    kinds = [piece.kind for piece in looking.pieces]
    assert kinds.count("key") >= 12
    assert kinds.count("delta") > 60


async def test_a_main_stream_over_a_weak_link_does_not_drown_answers(tmp_path: Path) -> None:
    looking = await through(tmp_path, 400, 20, scale=7)
    assert whole(looking.pieces)
    assert percentile(looking.answers_ms, 0.95) < 1500


async def test_a_backlog_of_events_makes_neither_answers_nor_pictures_wait(tmp_path: Path) -> None:
    """Half a megabyte: ten seconds of this link."""
    with broker(tmp_path) as port:
        async with (
            narrow(port, 400, 0.06) as way,
            node(way.port, tmp_path, backlog=2500) as (link, service),
            viewer(port) as looking,
        ):
            await watch(service)
            answering = asyncio.create_task(answer(link))
            await play(service, 8)
            answering.cancel()
            await asyncio.sleep(1.5)
    print("backlog", looking.told())  # noqa: T201
    assert whole(looking.pieces)
    assert percentile(looking.answers_ms, 0.95) < 2000
    assert [piece.kind for piece in looking.pieces].count("key") >= 2


async def test_a_link_without_limits_adds_nothing(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        async with node(port, tmp_path) as (link, service), viewer(port) as looking:
            await watch(service)
            answering = asyncio.create_task(answer(link))
            await play(service, 6, 7)
            answering.cancel()
            await until(lambda: len(looking.pieces) == 6 * FPS)
    print("loopback", looking.told())  # noqa: T201
    assert whole(looking.pieces)
    assert median(looking.ages_ms) < 100


async def test_live_goes_on_after_the_connection_was_lost(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        async with (
            narrow(port, 2000, 0.01) as way,
            node(way.port, tmp_path) as (link, service),
            viewer(port) as looking,
        ):
            await watch(service)
            await play(service, 1)
            await until(lambda: len(looking.pieces) > 5)
            connections = link.connections
            for task in list(way.tasks):
                task.cancel()
            await until(lambda: not link.connected)
            await until(lambda: service.watched("gate") == 0)
            before = len(looking.pieces)  # what was on its way has come
            await until(lambda: link.connections > connections and link.connected, 20)
            await watch(service)
            await play(service, 1)
            await until(lambda: len(looking.pieces) > before + 5)
    assert looking.pieces[before].kind == "key"
