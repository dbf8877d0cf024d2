"""What the tests of the core share: a folder with a database, time that passes, and answers that are collected."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.clock import SimulatedClock
from edge_agent.recorder import Recorder
from edge_agent.store.database import open_or_set_aside
from edge_agent.store.outbox import Outbox, Record

START = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # 12:00 in Viet Nam


class Store:
    """Database, outbox and recorder of one node on one folder."""

    def __init__(self, folder: Path, clock: SimulatedClock, limit: int = 200_000) -> None:
        self.folder = folder
        self.clock = clock
        self.database, self.moved = open_or_set_aside(folder / "node.db", clock.now().strftime("%Y%m%dT%H%M%SZ"))
        self.outbox = Outbox(self.database, folder / "seq.reserved", limit, clock.now)
        self.recorder = Recorder(clock, self.outbox, lambda: None)

    async def records(self) -> list[Record]:
        """All that is in the outbox."""
        return await self.outbox.after(0, 1_000_000)

    async def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """All events in the outbox, as readers get them."""
        bodies = [{"seq": record.seq, **json.loads(record.body)} for record in await self.records() if record.kind == 0]
        return [body for body in bodies if type_ in (None, body["type"])]

    async def full(self, on: bool = True) -> None:
        """Take the room away, or give it back: SQLite then says that the disk is full, as it would."""
        await self.database.read(lambda db: set_room(db, on))

    async def settle(self) -> None:
        """Let everything that was begun reach the disk."""
        for _ in range(3):
            for _ in range(20):
                await asyncio.sleep(0)
            await self.database.read(lambda _db: None)


def set_room(db: sqlite3.Connection, full: bool) -> None:
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages if full else 1_000_000}")


@asynccontextmanager
async def store(folder: Path, clock: SimulatedClock | None = None, limit: int = 200_000) -> AsyncIterator[Store]:
    """Open, loaded, and closed at the end."""
    opened = Store(folder, clock or SimulatedClock(START), limit)
    try:
        await opened.outbox.load()
        yield opened
    finally:
        opened.database.close()


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait in real time until something holds; fails when it does not within the bound."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def covered(records: list[Record]) -> tuple[set[int], set[int]]:
    """Numbers that are there, and numbers that gap events name."""
    gone: set[int] = set()
    for record in records:
        body = json.loads(record.body)
        if record.kind == 0 and body["type"] == "gap":
            for first, last in body["data"]["ranges"]:
                new = set(range(first, last + 1))
                assert not new & gone, "a number went twice"
                gone |= new
    return {record.seq for record in records}, gone


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
