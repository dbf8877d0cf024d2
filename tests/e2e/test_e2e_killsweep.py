"""The agent is killed (-9) in each state of a bulletin and of an emergency; after the next start it goes on rightly."""

import asyncio
import contextlib
import json
import random
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.checker.judge import check
from bench.rig import COMMUNE, NODE, Sender, broker, node_config
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.commands import Ack
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics

SIGNER = Signer("sweep", secrets.token_bytes(32))
TOPICS = NodeTopics(COMMUNE, NODE)
TEXT = "Kính mời bà con trong thôn đến nhà văn hoá dự họp vào tối nay, cuộc họp bắt đầu sau bữa cơm."


class Node:
    """A real agent that dies and comes back."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.config = node_config(folder, port, SIGNER)
        self.child: subprocess.Popen[bytes] | None = None
        self.calendar: list[dict[str, Any]] = []

    async def start(self) -> None:
        """Until it is online."""
        sender = Sender(self.port, [TOPICS.status])
        with (self.folder / "agent.log").open("ab") as output:
            argv = [sys.executable, "-m", "edge_agent", "run", str(self.config)]
            self.child = subprocess.Popen(argv, stdout=output, stderr=output)
        began = datetime.now(UTC)
        while True:
            _, body = await asyncio.to_thread(sender.wait, TOPICS.status, b'"online":true', 30)
            if datetime.fromisoformat(json.loads(body)["since"]) >= began - timedelta(seconds=1):
                break
        sender.close()

    def kill(self) -> None:
        """As a power cut does."""
        if self.child is not None:
            self.child.kill()
            self.child.wait(20)

    async def ask(self, **args: Any) -> Ack:
        """What a command came to."""
        access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{self.port}"))
        async with Client(access, SIGNER) as client, asyncio.timeout(40):
            _, answers = await client.ask(TOPICS, args, "test")
            async for ack in answers:
                if ack.state in ("done", "failed", "rejected"):
                    return ack
        raise AssertionError("no answer")

    async def plan(self, name: str, in_s: float, **more: Any) -> dict[str, Any]:
        """A bulletin that is due so soon."""
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=in_s)
        wanted = {"id": name, "title": name, "text": TEXT, "at": at.isoformat(), "catch_up_s": 60, **more}
        ack = await self.ask(do="bulletin.plan", bulletin=wanted)
        assert ack.state == "done", ack
        self.calendar.append(wanted)
        return wanted

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What is on disk now."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/state/node.db?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def state(self, name: str) -> str:
        """Of a bulletin, as the disk has it."""
        rows = self.rows("SELECT state, json_extract(detail, '$.seen') FROM airing WHERE bulletin = ?", name)
        if not rows:
            return "planned"
        [(state, seen)] = rows
        return "claimed" if state == "on_air" and seen is None else str(state)

    def alarm(self, name: str) -> tuple[str, int]:
        """Of an emergency: its state, and how often it was heard."""
        rows = self.rows(
            "SELECT state, json_extract(progress, '$.airing.repetitions') FROM emergency WHERE id = ?", name
        )
        return (str(rows[0][0]), int(rows[0][1] or 0)) if rows else ("-", 0)

    def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """All that it has told, telemetry too."""
        rows = self.rows("SELECT seq, body FROM outbox ORDER BY seq")
        records = [{"seq": seq, **json.loads(body)} for seq, body in rows]
        return [record for record in records if type_ in (None, record.get("type"))]

    def aired(self, name: str) -> list[dict[str, Any]]:
        """What became of a bulletin."""
        return [event["data"] for event in self.events("aired") if event["data"]["id"] == name]


async def until(condition: Callable[[], object], seconds: float = 40) -> None:
    """Look again and again; fails when it does not come true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.OperationalError):
            if condition():
                return
        await asyncio.sleep(0.004)
    raise AssertionError("it did not come true")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Node]:
    with broker(folder) as port:
        node = Node(folder, port)
        await node.start()
        try:
            yield node
        finally:
            node.kill()


LATER = pytest.mark.long  # in `make test-long`: the states between the others


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("planned", marks=LATER),
        pytest.param("ready", marks=LATER),
        pytest.param("claimed", marks=LATER),
        "on_air",
        pytest.param("aired", marks=LATER),
    ],
)
async def test_a_bulletin_killed_in_each_state_is_aired_once(tmp_path: Path, state: str) -> None:
    async with running(tmp_path) as node:
        sender = Sender(node.port, [TOPICS.state("bulletin", "sang")])
        await node.plan("sang", 10 if state in ("planned", "ready") else 6)
        if state == "ready":
            await asyncio.to_thread(sender.wait, TOPICS.state("bulletin", "sang"), b'"ready"', 20)
        elif state != "planned":
            await until(lambda: node.state("sang") == state)
        sender.close()
        if state == "on_air":
            await asyncio.sleep(1.5)
        node.kill()
        assert node.state("sang") == ("planned" if state == "ready" else state)
        await node.start()
        await until(lambda: node.state("sang") == "aired")
        await asyncio.sleep(1.5)
        [aired] = node.aired("sang")
        interruptions = [(each["by"], each["then"]) for each in aired.get("interruptions", [])]
        assert (aired["state"], interruptions) == ("aired", [("restart", "resumed")] if state == "on_air" else [])
        assert check(node.events(), {"bulletins": node.calendar}) == []


async def test_what_shall_be_dropped_is_dropped_and_told(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.plan("sang", 6, after_interruption="drop")
        await until(lambda: node.state("sang") == "on_air")
        await asyncio.sleep(0.5)
        node.kill()
        await node.start()
        await until(lambda: node.state("sang") == "partly")
        [aired] = node.aired("sang")
        assert (aired["state"], aired["code"]) == ("partly", "bulletin.interrupted")


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("written", marks=LATER),
        "sounding",
        pytest.param("repeating", marks=LATER),
        pytest.param("acknowledged", marks=LATER),
    ],
)
async def test_an_emergency_killed_in_each_state_goes_on(tmp_path: Path, state: str) -> None:
    async with running(tmp_path) as node:
        await node.plan("khan", 2, repeat_every_s=1, **{"class": "emergency"})
        await until(lambda: node.alarm("khan")[0] == "sounding")
        if state == "sounding":
            await until(lambda: node.alarm("khan")[1] >= 1 or any((node.folder / "state/drivers/horn").glob("2*.wav")))
        if state in ("repeating", "acknowledged"):
            await until(lambda: node.alarm("khan")[1] >= 1)
        if state == "acknowledged":
            await asyncio.sleep(2)  # not between two repetitions, where it would be over at once
            assert (await node.ask(do="emergency.acknowledge", emergency="khan")).state == "done"
            assert node.alarm("khan")[0] == "acknowledged"
        node.kill()
        before = node.alarm("khan")[1]
        assert node.aired("khan") == []
        await node.start()
        if state != "acknowledged":
            await until(lambda: node.alarm("khan")[1] > before)
            assert node.alarm("khan")[0] == "sounding"
            assert (await node.ask(do="emergency.acknowledge")).state == "done"
        await until(lambda: node.alarm("khan")[0] == "over")
        [aired] = node.aired("khan")
        assert (aired["state"], node.state("khan")) == ("aired", "aired")
        assert aired["repetitions"] >= max(1, before)


async def killed_at_random(folder: Path, seed: int, times: int) -> set[str]:
    """Bulletins one after the other, each with a kill somewhere in its life; the states in which it came."""
    draw, states = random.Random(seed), set()
    async with running(folder) as node:
        for number in range(times):
            name = f"b{number}"
            await node.plan(name, 5, after_interruption=draw.choice(["resume", "restart"]))
            await asyncio.sleep(draw.uniform(0, 12))
            node.kill()
            states.add(node.state(name))
            await node.start()
        await until(lambda: all(len(node.aired(f"b{number}")) == 1 for number in range(times)), 90)
        await asyncio.sleep(1)
        assert check(node.events(), {"bulletins": node.calendar}) == []
        assert [node.aired(f"b{number}")[0]["state"] for number in range(times)] == ["aired"] * times
    return states


@pytest.mark.long
async def test_killed_at_random_instants(tmp_path: Path) -> None:
    assert len(await killed_at_random(tmp_path, 3, 4)) >= 2


@pytest.mark.long
async def test_killed_at_many_random_instants(tmp_path: Path) -> None:
    assert await killed_at_random(tmp_path, 5, 40) >= {"planned", "claimed", "on_air", "aired"}
