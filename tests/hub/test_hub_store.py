"""The hub's store: in order, many in one commit, one that fails alone; on both databases."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hub_rig import FakeNode, Mosquitto, config_for, event, serving, until
from sqlalchemy.engine import Connection

from edge_agent.contract.signature import Verifier
from hub import store as store_module
from hub.aired.rows import hearings, node_names
from hub.cameras.lookback_rows import clips, pictures
from hub.config import HubConfig
from hub.record_rows import sequences
from hub.store import Store, StoreAway, StoreFull
from hub.tables import insert_new, upsert

ON_BOTH_DATABASES = True


@asynccontextmanager
async def opened(folder: Path, database: dict[str, Any], waiting: int = 5000) -> AsyncIterator[Store]:
    store = Store(HubConfig.model_validate({**database}).under(folder).database_address, waiting)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


@pytest.fixture
async def store(tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[Store]:
    async with opened(tmp_path, database) as running:
        yield running


def put(name: str, through: int) -> Any:
    row = {"address": name, "epoch": 1, "through": through}
    return lambda connection: connection.execute(sequences.insert(), row) and None


async def names(store: Store) -> list[str]:
    return await store.read(lambda c: list(c.execute(sa.select(sequences.c.address).order_by("through")).scalars()))


class Gate:
    """A job that keeps the store's thread busy until it is opened."""

    def __init__(self, store: Store) -> None:
        self.begun, self._open = threading.Event(), threading.Event()
        store.offer(self._wait)

    def _wait(self, _: Connection) -> None:
        self.begun.set()
        self._open.wait(30)

    def open(self) -> None:
        self._open.set()


async def test_a_job_that_fails_takes_no_other_with_it(store: Store) -> None:
    told: list[Any] = []
    gate = Gate(store)
    store.offer(put("a", 1))
    store.offer(put("a", 2), lambda _, error: told.append(type(error)))  # the name is taken
    store.offer(lambda _: 1 / 0, lambda _, error: told.append(type(error)))
    store.offer(put("b", 3), lambda _, error: told.append(error))
    gate.open()
    await until(lambda: len(told) == 3)
    assert told == [sa.exc.IntegrityError, ZeroDivisionError, None]
    assert await names(store) == ["a", "b"]


async def test_what_a_call_raises_reaches_who_called(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        await store.call(lambda c: [put("x", 1)(c), put("x", 1)(c)])
    assert await names(store) == []
    assert await store.call(lambda c: c.execute(sa.select(sa.func.count()).select_from(sequences)).scalar_one()) == 0


async def test_too_many_that_wait_are_refused_and_those_taken_are_done(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    async with opened(tmp_path, database, waiting=10) as store:
        gate = Gate(store)
        await asyncio.to_thread(gate.begun.wait, 10)
        for number in range(10):
            store.offer(put(f"n{number}", number))
        with pytest.raises(StoreFull):
            store.offer(put("one too many", 99))
        gate.open()
        await until(store._queue.empty)
        await store.call(put("last", 100))
        assert await names(store) == [*(f"n{number}" for number in range(10)), "last"]


async def test_a_write_that_nobody_waits_for_any_more_is_not_done(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CALL_S", 0.2)
    gate = Gate(store)
    await asyncio.to_thread(gate.begun.wait, 10)
    with pytest.raises(StoreAway):
        await store.call(put("late", 1))
    gate.open()
    monkeypatch.setattr(store_module, "CALL_S", 20)
    await store.call(put("next", 2))
    assert await names(store) == ["next"]


async def test_who_reads_cannot_write(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await store.read(put("a", 1))
    await store.call(put("b", 1))
    assert await names(store) == ["b"]


async def test_rows_are_inserted_once_or_changed(store: Store) -> None:
    one = {"address": "a", "title": "Cũ", "zone": ""}

    def work(connection: Connection) -> list[Any]:
        insert_new(connection, node_names, one, {**one, "title": "Khác"}, {**one, "address": "b"})
        upsert(connection, node_names, {**one, "title": "Mới"})
        heard = {"address": "a", "item": "x", "started": 2**52, "heard": 0, "score": None}
        upsert(connection, hearings, heard, ("address", "item", "started"))
        upsert(connection, hearings, {**heard, "heard": 1}, ("address", "item", "started"))
        found = connection.execute(sa.select(node_names).order_by("address")).fetchall()
        return [*map(tuple, found), *map(tuple, connection.execute(sa.select(hearings)))]

    assert await store.call(work) == [("a", "Mới", ""), ("b", "Cũ", ""), ("a", "x", 2**52, 1, None)]


async def test_letters_that_a_database_may_not_know_harm_nothing(store: Store) -> None:
    await store.call(lambda c: upsert(c, node_names, {"address": "a", "title": "Loa\x00 thôn 🔊 Đ", "zone": "'\"%;--"}))
    (row,) = await store.read(lambda c: c.execute(sa.select(node_names)).fetchall())
    assert (row.title.replace("\x00", ""), row.zone) == ("Loa thôn 🔊 Đ", "'\"%;--")


OLD = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL,
    type TEXT NOT NULL, session TEXT NOT NULL, telemetry INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (address, seq, epoch));
CREATE INDEX IF NOT EXISTS records_recent ON records (address, telemetry, id);
CREATE TABLE IF NOT EXISTS sequences (address TEXT PRIMARY KEY, epoch INTEGER NOT NULL, through INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gone (
    address TEXT NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (address, epoch, first));
CREATE TABLE IF NOT EXISTS offline (
    address TEXT PRIMARY KEY, session TEXT NOT NULL, connection TEXT NOT NULL, at TEXT NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS airings (
    address TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, item TEXT NOT NULL,
    started INTEGER, class TEXT NOT NULL, state TEXT NOT NULL, heard INTEGER, seconds REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (address, epoch, seq));
CREATE INDEX IF NOT EXISTS airings_at ON airings (at);
CREATE INDEX IF NOT EXISTS airings_item ON airings (address, item, at);
CREATE TABLE IF NOT EXISTS hearings (
    address TEXT NOT NULL, item TEXT NOT NULL, started INTEGER NOT NULL, heard INTEGER NOT NULL, score REAL,
    UNIQUE (address, item, started));
CREATE TABLE IF NOT EXISTS node_names (address TEXT PRIMARY KEY, title TEXT NOT NULL, zone TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS camera_moved (
    address TEXT NOT NULL, camera TEXT NOT NULL, id TEXT NOT NULL, begin INTEGER NOT NULL, body TEXT NOT NULL,
    picture TEXT, PRIMARY KEY (address, camera, id));
CREATE INDEX IF NOT EXISTS camera_moved_begin ON camera_moved (address, camera, begin);
CREATE TABLE IF NOT EXISTS camera_clips (
    id TEXT PRIMARY KEY, address TEXT NOT NULL, camera TEXT NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT NULL,
    asked INTEGER NOT NULL, state TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, gap_s REAL NOT NULL,
    cut_begin INTEGER NOT NULL, cut_end INTEGER NOT NULL, fault TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS camera_clips_camera ON camera_clips (address, camera, asked);
CREATE INDEX IF NOT EXISTS camera_clips_sha256 ON camera_clips (address, sha256);
"""
"""As version 0.1 made it."""
NODE = "29401/tram-bom"


def old_database(file: Path) -> None:
    file.parent.mkdir(parents=True)
    at = datetime(2026, 11, 10, 22, 30, tzinfo=UTC)
    us = int(at.timestamp() * 1_000_000)
    airing = (
        '{"id":"b-1","speaker":"loa","title":"Tin của bản trước","class":"ordinary","authority":"commune",'
        '"state":"aired","seconds":12.5}'
    )
    moved = '{"id":"m-1","begin":"2026-11-10T22:30:00Z","score":0.2,"picture":true}'
    with sqlite3.connect(file) as old:
        old.executescript(OLD)
        for record in (event(1), event(2, "link"), event(5, "link")):
            row = (NODE, 1, record.seq, record.at.isoformat(), record.type, "s-1", 0, record.model_dump_json())
            old.execute("INSERT INTO records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        old.execute("INSERT INTO sequences VALUES (?, 1, 2)", (NODE,))
        old.execute("INSERT INTO gone VALUES (?, 1, 3, 3, 'outbox_full')", (NODE,))
        old.execute("INSERT INTO offline VALUES (?, 's-1', 'c', ?, 1)", (NODE, at.isoformat()))
        old.execute(
            "INSERT INTO airings VALUES (?, 1, 2, ?, 'b-1', ?, 'ordinary', 'aired', NULL, 12.5, ?)",
            (NODE, us, us + 4, airing),
        )
        old.execute("INSERT INTO hearings VALUES (?, 'b-1', ?, 1, 8.5)", (NODE, us + 4))
        old.execute("INSERT INTO node_names VALUES (?, 'Trạm cũ', 'Thôn Đông')", (NODE,))
        old.execute("INSERT INTO camera_moved VALUES (?, 'cong', 'm-1', 1, ?, ?)", (NODE, moved, "a" * 64))
        clip = ("c-1", NODE, "cong", 1000, 2000, 3000, "sent", "b" * 64, 10, 0.5, 1000, 2000, "")
        old.execute(f"INSERT INTO camera_clips VALUES ({', '.join('?' * 13)})", clip)
    old.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_database_of_the_last_release_goes_on(broker: Mosquitto, tmp_path: Path, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    old_database(config.data / "hub.sqlite3")
    async with serving(config) as hub:
        account = hub.hub.ledger.accounts[NODE]
        assert (account.progress.through, account.progress.lost) == (3, 1)
        assert account.progress.missing == ((4, 4),)
        assert [e.seq for e in account.events] == [5, 2, 1]
        page = (await hub.http.get("/aired?month=2026-11")).text
        assert "Tin của bản trước" in page and "Trạm cũ" in page and "Micrô: nghe thấy" in page
        found = await hub.hub.store.read(lambda c: clips(c, NODE, "cong", 5))
        assert [(clip.id, clip.gap_s, clip.fault) for clip in found] == [("c-1", 0.5, None)]
        assert await hub.hub.store.read(lambda c: pictures(c, NODE, "cong", ["m-1"])) == {"m-1": "a" * 64}
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await node.send(event(4), event(6))
            await until(lambda: hub.hub.ledger.accounts[NODE].progress.through == 6)
    with sqlite3.connect(config.data / "hub.sqlite3") as after:
        kept = after.execute("SELECT seq, epoch FROM records ORDER BY id").fetchall()
        assert kept == [(1, 1), (2, 1), (5, 1), (4, 1), (6, 1)]
