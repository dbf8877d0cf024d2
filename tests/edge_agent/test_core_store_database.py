"""What `write` returned from is on disk; one bad write refuses only itself; counters go back with their transaction."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from core_rig import Store, store

from edge_agent.store.database import Database, StoreError
from edge_agent.store.files import write_atomically
from edge_agent.store.outbox import EVENT, Entry


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Store]:
    async with store(tmp_path) as opened:
        yield opened


def put(value: str):
    return lambda db: db.execute("INSERT INTO meta VALUES (?, ?)", (value, value))


async def values(database: Database) -> set[str]:
    return await database.read(lambda db: {row[0] for row in db.execute("SELECT value FROM meta")})


async def test_one_failing_write_of_a_group_refuses_only_itself(node: Store) -> None:
    def bad(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO meta VALUES ('half', 'half')")
        raise ValueError("no")

    works = [put(f"v{number}") for number in range(50)]
    works[20:20] = [bad, put("v3"), lambda db: db.execute("INSERT INTO nowhere VALUES (1)")]
    done = await asyncio.gather(*(node.database.write(work) for work in works), return_exceptions=True)
    failed = [(place, type(each)) for place, each in enumerate(done) if isinstance(each, Exception)]
    assert failed == [(20, ValueError), (21, StoreError), (22, StoreError)]
    assert await values(node.database) == {f"v{number}" for number in range(50)}


async def test_a_failing_neighbour_does_not_count_records_twice(node: Store) -> None:
    def bad(_db: sqlite3.Connection) -> None:
        raise ValueError("no")

    def half(db: sqlite3.Connection) -> None:
        node.outbox.append_in(db, Entry(EVENT, "{}"), Entry(EVENT, "{}"))
        raise ValueError("no")

    entry = Entry(EVENT, '{"at":"x"}')
    done = await asyncio.gather(
        *(node.outbox.append(entry) for _ in range(5)),
        node.database.write(half),
        *(node.outbox.append(entry) for _ in range(5)),
        node.database.write(bad),
        return_exceptions=True,
    )
    assert [each for each in done if isinstance(each, int)] == list(range(1, 11))
    assert (node.outbox.last, node.outbox.count, node.outbox.waiting) == (10, 10, 10)
    assert [record.seq for record in await node.records()] == list(range(1, 11))


async def test_a_full_disk_is_told_and_nothing_is_half_written(node: Store) -> None:
    await node.full()
    with pytest.raises(StoreError) as caught:
        for _ in range(100):
            await node.outbox.append(Entry(EVENT, "x" * 5000))
    assert caught.value.full
    last = node.outbox.last
    assert [record.seq for record in await node.records()] == list(range(1, last + 1))
    assert node.outbox.count == last
    await node.full(False)
    assert await node.outbox.append(Entry(EVENT, "{}")) == last + 1


async def test_a_read_only_disk_is_told_as_another_failure(node: Store) -> None:
    await node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
    with pytest.raises(StoreError) as caught:
        await node.database.write(put("x"))
    assert not caught.value.full
    await node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
    await node.database.write(put("x"))


async def test_no_room_for_the_reserve_file_is_a_full_disk(node: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge_agent.store.outbox.write_atomically", no_room)
    with pytest.raises(StoreError) as caught:
        await node.outbox.append(Entry(EVENT, "{}"))
    assert caught.value.full
    assert (node.outbox.last, node.outbox.count) == (0, 0)
    monkeypatch.undo()
    assert await node.outbox.append(Entry(EVENT, "{}")) == 1
    assert int((node.folder / "seq.reserved").read_text()) > 1


async def test_after_close_nothing_is_taken(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    waiting = [asyncio.ensure_future(database.write(put(str(number)))) for number in range(100)]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    await asyncio.gather(*waiting)
    with pytest.raises(StoreError):
        await database.write(put("late"))


async def test_who_does_not_wait_any_more_disturbs_nobody(node: Store) -> None:
    given_up = asyncio.ensure_future(node.database.write(put("a")))
    await asyncio.sleep(0)
    given_up.cancel()
    await node.database.write(put("b"))
    assert {"b"} <= await values(node.database) <= {"a", "b"}


async def test_migrations_may_run_again(tmp_path: Path) -> None:
    for _ in range(3):
        async with store(tmp_path) as opened:
            await opened.outbox.append(Entry(EVENT, "{}"))
            tables = await opened.database.read(
                lambda db: [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            )
            assert {"outbox", "meta", "command", "kept", "bulletin", "airing"} <= set(tables)
    async with store(tmp_path) as opened:
        assert (opened.outbox.last, opened.outbox.count) == (3, 3)
        assert await opened.database.read(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == 2
        assert await opened.database.read(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"


CHILD = """
import asyncio, sys
from pathlib import Path
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox, EVENT

async def main():
    folder = Path(sys.argv[1])
    database = Database(folder / "node.db")
    outbox = Outbox(database, folder / "seq.reserved")
    await outbox.load()
    async def writer():
        while True:
            print(await outbox.append(Entry(EVENT, "{}")), flush=True)
    await asyncio.gather(*(writer() for _ in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 40, 300])
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, after: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        told = [int(child.stdout.readline()) for _ in range(after)]
    finally:
        os.kill(child.pid, signal.SIGKILL)
        told += [int(line) for line in child.stdout.read().split()[:-1] if line.isdigit()]
        child.wait(timeout=10)
        child.stdout.close()
    async with store(tmp_path) as opened:
        assert opened.moved is None and not opened.database.cut
        assert set(told) <= {record.seq for record in await opened.records()}
        assert [record.seq for record in await opened.records()] == list(range(1, opened.outbox.last + 1))


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deep" / "a"
    write_atomically(file, b"old")
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:2]))  # a part at a time
    write_atomically(file, b"newer")
    assert file.read_bytes() == b"newer"

    def full(*_: object) -> int:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="full"):
        write_atomically(file, b"lost")
    assert file.read_bytes() == b"newer"
    assert [path.name for path in file.parent.iterdir()] == ["a"]
