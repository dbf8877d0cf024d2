"""A damaged card: the database is moved aside or its missing end is noticed, and numbers go on above the reserve."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from core_rig import START, store

from edge_agent.clock import SimulatedClock
from edge_agent.store.outbox import EVENT, Entry

CRASHING = """
import asyncio, os, signal, sys
from pathlib import Path
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox, EVENT

async def main():
    folder = Path(sys.argv[1])
    database = Database(folder / "node.db")
    outbox = Outbox(database, folder / "seq.reserved")
    await outbox.load()
    await database.write(lambda db: db.execute("INSERT INTO kept VALUES ('override', 'cong', '{}')"))
    for number in range(60):
        await outbox.append(Entry(EVENT, '{"type":"x","pad":"' + "x" * 3000 + '"}'))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
RESERVE = 10_001


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The folder of a node that lost its power with 60 records, most of them in the WAL only."""
    child = subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert (tmp_path / "node.db-wal").stat().st_size > 100_000
    return tmp_path


def checkpointed(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "node.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder / "node.db"


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def garbage_header(folder: Path) -> None:
    overwrite(checkpointed(folder), 0, os.urandom(100))


def flipped_in_the_middle(folder: Path) -> None:
    path = checkpointed(folder)
    middle = path.stat().st_size // 2 // 4096 * 4096
    overwrite(path, middle, os.urandom(4096 * 2))


def truncated(folder: Path) -> None:
    path = checkpointed(folder)
    os.truncate(path, path.stat().st_size // 2)


def not_a_database(folder: Path) -> None:
    checkpointed(folder).write_bytes(b"hello\n" * 1000)


@pytest.mark.parametrize("damage", [garbage_header, flipped_in_the_middle, truncated, not_a_database])
async def test_a_corrupt_database_is_moved_aside(crashed: Path, damage) -> None:
    damage(crashed)
    async with store(crashed) as node:
        assert node.moved is not None and node.moved.exists()
        assert node.moved.name == "node.db.corrupt-20261122T050000Z"
        [gap] = await node.events("gap")
        assert gap["seq"] == RESERVE + 1
        assert gap["data"] == {"ranges": [[1, RESERVE]], "reason": "database_lost", "sent": True}
        assert await node.outbox.append(Entry(EVENT, '{"type":"y"}')) == RESERVE + 2
        assert node.outbox.waiting == 2
    async with store(crashed) as node:  # told once
        assert node.moved is None
        assert len(await node.events("gap")) == 1
        assert (node.outbox.last, node.outbox.sent) == (RESERVE + 2, RESERVE)


async def test_what_can_be_read_of_a_corrupt_database_is_taken_over(crashed: Path) -> None:
    flipped_in_the_middle(crashed)
    async with store(crashed) as node:
        assert node.moved is not None
        overrides = await node.database.read(lambda db: db.execute("SELECT id, body FROM kept").fetchall())
        assert overrides == [("cong", "{}")]
        assert len(await node.records()) == 1


async def test_an_emptied_database_is_a_lost_one(crashed: Path) -> None:
    for part in crashed.glob("node.db*"):
        part.unlink()
    async with store(crashed) as node:
        assert node.moved is None
        assert [gap["data"]["ranges"] for gap in await node.events("gap")] == [[[1, RESERVE]]]


async def test_a_wal_that_is_whole_loses_nothing(crashed: Path) -> None:
    async with store(crashed) as node:
        assert node.moved is None and not node.database.cut
        assert node.outbox.last == 60


@pytest.mark.parametrize("where", ["header", "magic", "first frame", "middle"])
async def test_a_damaged_wal_uses_no_number_twice(crashed: Path, where: str) -> None:
    wal = crashed / "node.db-wal"
    size = wal.stat().st_size
    offset = {"header": 16, "magic": 0, "first frame": 32 + 24 + 100, "middle": size // 2 // 4120 * 4120 + 32 + 500}
    overwrite(wal, offset[where], os.urandom(64 if where != "header" else 8))
    async with store(crashed) as node:
        there = [record.seq for record in await node.records() if '"x"' in record.body]
        assert there == list(range(1, len(there) + 1)) and len(there) < 60
        if node.moved is None:
            assert node.database.cut
        [gap] = await node.events("gap")
        assert gap["data"]["ranges"] == [[len(there) + 1, RESERVE]]
        assert gap["data"]["reason"] == "database_lost"
        assert await node.outbox.append(Entry(EVENT, "{}")) == RESERVE + 2
        sent = await node.outbox.after(node.outbox.sent, 1000)
        assert [record.seq for record in sent][: len(there)] == there, "what is still here is still sent"


async def test_a_torn_end_of_the_wal_is_what_power_cuts_do(crashed: Path) -> None:
    wal = crashed / "node.db-wal"
    with wal.open("ab") as file:
        file.write(os.urandom(5000))
    async with store(crashed) as node:
        assert not node.database.cut
        assert (node.moved, node.outbox.last) == (None, 60)


async def test_a_wal_of_zeros_is_what_power_cuts_do(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        await node.outbox.append(Entry(EVENT, "{}"))
    (tmp_path / "node.db-wal").write_bytes(bytes(50_000))
    async with store(tmp_path) as node:
        assert not node.database.cut
        assert (node.moved, node.outbox.last) == (None, 1)


async def test_a_reserve_that_is_no_number_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "seq.reserved").write_bytes(b"\xff\x00")
    async with store(tmp_path) as node:
        assert await node.outbox.append(Entry(EVENT, "{}")) == 1


async def test_corrupt_databases_do_not_fill_the_card(tmp_path: Path) -> None:
    for day in range(5):
        clock = SimulatedClock(START.replace(day=day + 1))
        (tmp_path / "node.db").write_bytes(b"hello\n" * 1000)
        async with store(tmp_path, clock) as node:
            assert node.moved is not None
    kept = sorted(path.name for path in tmp_path.glob("node.db.corrupt-*"))
    assert kept == ["node.db.corrupt-20261104T050000Z", "node.db.corrupt-20261105T050000Z"]


async def test_the_gap_is_written_with_the_numbers_themselves(crashed: Path) -> None:
    """Killed right after the start, the node must not forget to tell the gap at the next one."""
    garbage_header(crashed)
    async with store(crashed):
        pass  # nothing else was written
    async with store(crashed) as node:
        assert [json.loads(record.body)["type"] for record in await node.records()] == ["gap"]
