"""Nothing is lost while the process lives: not on a full disk, not at the end; and what had to go is counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from core_rig import Store, store

from edge_agent import recorder as module
from edge_agent.contract.errors import Fault
from edge_agent.store.outbox import EVENT


@asynccontextmanager
async def running(node: Store) -> AsyncIterator[list[Fault | None]]:
    faults: list[Fault | None] = []
    node.recorder.on_fault = faults.append
    task = asyncio.create_task(node.recorder.run())
    try:
        yield faults
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def bodies(node: Store) -> list[dict]:
    return [json.loads(record.body) for record in await node.records()]


async def test_events_and_samples_reach_the_disk(tmp_path: Path) -> None:
    async with store(tmp_path) as node, running(node) as faults:
        node.recorder.event("switched", "light/x", level=100, by=None)
        node.recorder.sample({"cpu": 5})
        await node.settle()
        first, second = await bodies(node)
        assert first["data"] == {"level": 100}
        assert second["values"] == {"cpu": 5}
        assert faults == []


async def test_a_full_disk_keeps_events_drops_telemetry_and_recovers(tmp_path: Path) -> None:
    async with store(tmp_path) as node, running(node) as faults:
        await node.full()
        for number in range(200):
            node.recorder.event("switched", f"light/{number}", text="x" * 500)
            node.recorder.sample({"cpu": number})
        await node.settle()
        assert [fault.code if fault else None for fault in faults] == ["store.full"]
        node.recorder.event("started")
        await node.clock.advance(_seconds(20))
        await node.settle()
        assert {fault.code if fault else None for fault in faults} == {"store.full"}
        await node.full(False)
        for _ in range(3):
            await node.clock.advance(_seconds(6))
            await node.settle()
        assert faults[-1] is None
        told = await bodies(node)
        assert [body["about"] for body in told if body.get("about")] == [f"light/{n}" for n in range(200)]
        assert not any("values" in body for body in told)
        assert [body["data"] for body in told if body["type"] == "store"] == [{"code": "store.forgotten", "count": 200}]
        assert [record.seq for record in await node.records()] == list(range(1, len(told) + 1))


async def test_memory_is_bounded_and_telemetry_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 10)
    async with store(tmp_path) as node:
        for number in range(5):
            node.recorder.sample({"cpu": number})
            node.recorder.event("switched", f"light/{number}")
        for number in range(5, 12):
            node.recorder.event("switched", f"light/{number}")
        await node.recorder.flush()
        told = await bodies(node)
        assert [body.get("about") for body in told] == [*(f"light/{number}" for number in range(2, 12)), None]
        assert told[-1]["data"] == {"code": "store.forgotten", "count": 7}


async def test_who_is_cancelled_half_way_writes_nothing_twice(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        for turns in range(8):
            task = asyncio.create_task(node.recorder.run())
            node.recorder.event("switched", f"light/{turns}")
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await node.recorder.flush()
        assert [body["about"] for body in await bodies(node)] == [f"light/{turns}" for turns in range(8)]


async def test_news_during_a_write_are_kept(tmp_path: Path) -> None:
    async with store(tmp_path) as node, running(node):
        for number in range(300):
            node.recorder.event("switched", f"light/{number}")
            if number % 7 == 0:
                await asyncio.sleep(0)
        await node.settle()
        assert [body["about"] for body in await bodies(node)] == [f"light/{number}" for number in range(300)]
        assert all(record.kind == EVENT for record in await node.records())


async def test_the_end_on_a_full_disk_is_no_crash(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with store(tmp_path) as node:
        await node.full()
        for _ in range(50):
            node.recorder.event("switched", "light/x", text="x" * 2000)
        await node.recorder.flush()
        assert "could not be written" in caplog.text


def _seconds(count: float):
    from datetime import timedelta

    return timedelta(seconds=count)
