"""Events and telemetry on their way to the centre: numbered without holes, on disk before they are sent.

One table is both outbox and shelf: numbers up to `sent` were handed to the broker (PUBACK) and lie on the shelf until
the centre confirms them; the rest waits. The pointer may lag behind the truth after a crash: then a few records go
out twice, and the reader knows them by their number.
"""

import json
import logging
import math
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.records import EventType
from edge_agent.store.database import Database, StoreError
from edge_agent.store.files import write_atomically

log = logging.getLogger(__name__)
EVENT, TELEMETRY = 0, 1
_INSERT = "INSERT INTO outbox (kind, body) VALUES (?, ?)"
_RESERVE = 10_000
_KEEP_EVERY = 10
"""Of old telemetry that must go while it waits, every tenth sample stays, so that a week is thin but not blank."""
_RANGES_PER_EVENT = 500
_Snapshot = tuple[int, int, int, int, tuple[int, int] | None]


class Entry(NamedTuple):
    """A record before it has a number: its JSON without `seq`."""

    kind: int
    body: str

    @classmethod
    def event(cls, at: datetime, type_: EventType, about: str | None = None, data: JsonObject | None = None) -> "Entry":
        """An event as the contract's `Event` without its number."""
        fields = {
            "at": iso(at),
            "type": type_,
            **({"about": about} if about else {}),
            **({"data": data} if data else {}),
        }
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str)
        return cls(EVENT, text.encode(errors="replace").decode())  # names of files may hold bytes that are no text

    @classmethod
    def sample(cls, at: datetime, values: dict[str, float]) -> "Entry":
        """Telemetry as the contract's `Sample` without its number; what is no number (NaN) is left out."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        return cls(TELEMETRY, json.dumps({"at": iso(at), "values": finite}, separators=(",", ":")))


class Record(NamedTuple):
    """A numbered record."""

    seq: int
    kind: int
    body: str


def _system_time() -> datetime:
    return datetime.now(UTC)


class Outbox:
    """The outbox of one node. Its counters are only touched by the store's thread."""

    def __init__(
        self, database: Database, reserve: Path, limit: int = 200_000, now: Callable[[], datetime] = _system_time
    ) -> None:
        """`reserve`: a small file beside the database that remembers which numbers may be in use, should the database
        be lost. `limit`: records kept at most; unsent events are kept beyond it. `now` dates the gaps.
        """
        self._database = database
        self._reserve_file = reserve
        self._limit = limit
        self._now = now
        self.last = self.sent = self.count = 0
        self._reserved = 0
        self._room_from = 0
        self._lost: tuple[int, int] | None = None
        database.keep(self)

    def snapshot(self) -> _Snapshot:
        """The counters, should the transaction fail."""
        return self.last, self.sent, self.count, self._reserved, self._lost

    def restore(self, snapshot: _Snapshot) -> None:
        """The transaction failed."""
        self.last, self.sent, self.count, self._reserved, self._lost = snapshot

    @property
    def waiting(self) -> int:
        """Numbers not yet handed to the broker."""
        return self.last - self.sent

    def reload(self, db: sqlite3.Connection) -> None:
        """The database can be written again."""
        self._load(db)

    async def load(self) -> tuple[int, int] | None:
        """Read the counters. Returns the range of numbers that were lost with an earlier database, if any; their gap
        event is the first to be written.
        """
        await self._database.read(self._load)
        lost = self._lost
        try:
            await self.append()
        except StoreError as error:
            log.error("lost records could not be told yet: %s", error)
        return lost

    def _load(self, db: sqlite3.Connection) -> None:
        self.count = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        self.last = row[0] if row else 0
        row = db.execute("SELECT value FROM meta WHERE key = 'sent'").fetchone()
        self.sent = int(row[0]) if row else 0
        self._reserved = _read_reserve(self._reserve_file)
        # a new database, or one that lost its end, beside an old reserve
        lost = self._reserved > self.last and (not self.last or self._database.cut)
        self._lost = (self.last + 1, self._reserved) if lost else None

    def _tell_lost(self, db: sqlite3.Connection, lost: tuple[int, int]) -> None:
        """Go on above all numbers that may have been used."""
        self._lost = None
        self.last = lost[1]
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (self.last,))
        if lost[0] == 1:
            self._set_sent(db, self.last)
        self._tell_gap(db, [lost], "database_lost", True)

    async def append(self, *entries: Entry) -> int:
        """Number the entries and put them on disk; returns the last number. Raises StoreError."""
        return await self._database.write(lambda db: self.append_in(db, *entries))

    def append_in(self, db: sqlite3.Connection, *entries: Entry) -> int:
        """The same inside somebody's transaction, so that an act and its record stand or fall together."""
        if self._lost is not None:
            self._tell_lost(db, self._lost)
        if not entries:
            return self.last
        self._insert(db, entries)
        while self.count > max(self._limit, self._room_from):
            self._make_room(db)
        return self.last

    def _insert(self, db: sqlite3.Connection, entries: tuple[Entry, ...]) -> None:
        if len(entries) == 1:
            last = db.execute(_INSERT, entries[0]).lastrowid or 0
        else:
            db.executemany(_INSERT, entries)
            last = int(db.execute("SELECT last_insert_rowid()").fetchone()[0])
        self.last = last
        self.count += len(entries)
        if last + _RESERVE // 2 > self._reserved:
            self._reserved = last + _RESERVE
            write_atomically(self._reserve_file, f"{self._reserved}\n".encode())

    async def after(self, seq: int, most: int) -> list[Record]:
        """Records after a number, oldest first."""
        return await self._database.read(
            lambda db: [
                Record(*row)
                for row in db.execute(
                    "SELECT seq, kind, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (seq, most)
                )
            ]
        )

    async def mark_sent(self, through: int) -> None:
        """The broker has everything up to this number."""

        def work(db: sqlite3.Connection) -> None:
            if through > self.sent:
                self._set_sent(db, min(through, self.last))

        await self._database.write(work)

    def _set_sent(self, db: sqlite3.Connection, through: int) -> None:
        self.sent = through
        self._room_from = 0
        db.execute("INSERT OR REPLACE INTO meta VALUES ('sent', ?)", (str(through),))

    async def confirm(self, through: int) -> int:
        """The centre has everything up to this number: forget it. Returns how many records went."""

        def work(db: sqlite3.Connection) -> int:
            gone = db.execute("DELETE FROM outbox WHERE seq <= ?", (min(through, self.sent),)).rowcount
            self.count -= gone
            return gone

        return await self._database.write(work)

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Oldest telemetry on the shelf goes first, then waiting telemetry thinned, then sent events."""
        block = max(1, self._limit // 16)
        shelf = "SELECT seq FROM outbox WHERE kind = ? AND seq <= ? ORDER BY seq LIMIT ?"
        gone = _column(db.execute(shelf, (TELEMETRY, self.sent, block)))
        reason, sent = "shelf_full", True
        if not gone:
            waiting = "SELECT seq FROM outbox WHERE kind = 1 ORDER BY seq LIMIT ?"
            oldest = _column(db.execute(waiting, (2 * block,)))
            gone = [seq for place, seq in enumerate(oldest) if place % _KEEP_EVERY] or oldest
            reason, sent = "outbox_full", False
        if not gone:
            gone = _column(db.execute(shelf, (EVENT, self.sent, block)))
            reason, sent = "shelf_full", True
        if not gone:  # only events that nobody has got; looking again at each of them would cost more and more
            self._room_from = self.count + block
            return
        db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in gone])
        self.count -= len(gone)
        self._tell_gap(db, _ranges(gone), reason, sent)

    def _tell_gap(self, db: sqlite3.Connection, ranges: list[tuple[int, int]], reason: str, sent: bool) -> None:
        at = self._now()
        for start in range(0, len(ranges), _RANGES_PER_EVENT):
            part = ranges[start : start + _RANGES_PER_EVENT]
            self._insert(db, (Entry.event(at, "gap", data={"ranges": part, "reason": reason, "sent": sent}),))


def _column(rows: sqlite3.Cursor) -> list[int]:
    return [row[0] for row in rows]


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _read_reserve(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
