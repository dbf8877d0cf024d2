"""Records of nodes as rows: what of a batch is new, what is missing. Runs in the store's thread only.

A number alone does not make a record: a node that lost its database counts from 1 again. So a known number with
another instant begins a new epoch of that node, while a known number with the same instant is a repetition.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.records import Event, EventBatch, GapData, Sample, TelemetryBatch
from edge_agent.contract.sequence import Sequence

MAX_SEQ = 2**53
"""Beyond this a number is no number of records but a mistake (and SQLite ends at 2**63)."""
MAX_GONE = 100_000
"""Numbers in one `gap` event that are ahead of what has come; more are asked for like others."""
RECENT = 100
"""Events read per node at the start; the page chooses among them."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL,
    type TEXT NOT NULL, session TEXT NOT NULL, telemetry INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (address, seq, epoch));
CREATE INDEX IF NOT EXISTS records_recent ON records (address, telemetry, id);
CREATE TABLE IF NOT EXISTS sequences (address TEXT PRIMARY KEY, epoch INTEGER NOT NULL, through INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gone (
    address TEXT NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (address, epoch, first));
"""


Note = Callable[[Connection, str, int, Event | Sample], None]
"""What else is done with a new record, in the same transaction: address, epoch, record."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a node's numbers stand after a commit."""

    address: str
    epoch: int = 1
    through: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    lost: int = 0
    new: tuple[Event | Sample, ...] = ()
    restarted: bool = False

    @property
    def missing_count(self) -> int:
        """How many records are known to exist and have not come."""
        return sum(last - first + 1 for first, last in self.missing)


@dataclass
class _Counting:
    epoch: int
    sequence: Sequence = field(default_factory=Sequence)


class Records:
    """Writes batches and knows each node's `Sequence`."""

    def __init__(self, keep: int, note: Note | None = None) -> None:
        """`keep`: rows at most; the oldest go first."""
        self._keep = keep
        self._note = note
        self._counting: dict[str, _Counting] = {}

    def forget(self) -> None:
        """What is in memory may not be what is in the file any more (a rollback): read it again."""
        self._counting.clear()

    def write(self, connection: Connection, address: str, batch: EventBatch | TelemetryBatch) -> Progress:
        """Keep what is new of a batch."""
        counting = self._load(connection, address)
        before = counting.epoch
        new: list[Event | Sample] = []
        for record in batch.records:
            record = _finite(record)  # noqa: PLW2901 - the same record, fit for JSON
            if record.seq <= MAX_SEQ and self._is_new(connection, address, counting, record, batch.session):
                self._insert(connection, address, counting, record, batch.session)
                if self._note:
                    self._note(connection, address, counting.epoch, record)
                new.append(record)
        self._save(connection, address, counting)
        if new:
            self._trim(connection)
        return self._progress(connection, address, counting, tuple(new), counting.epoch != before)

    def give_up(self, connection: Connection, address: str, first: int, last: int) -> Progress:
        """Note that the node has been asked often enough for first..last."""
        counting = self._load(connection, address)
        self._gone(connection, address, counting, first, last, "not_answered")
        self._save(connection, address, counting)
        return self._progress(connection, address, counting)

    def known(self, connection: Connection) -> list[Progress]:
        """Where all nodes stand, each with its last events and last sample as `new`."""
        rows = connection.exec_driver_sql("SELECT address FROM sequences").fetchall()
        return [self._resume(connection, address) for (address,) in rows]

    def _resume(self, connection: Connection, address: str) -> Progress:
        query = "SELECT body FROM records WHERE address=? AND telemetry=? ORDER BY id DESC LIMIT ?"
        events = [_read(Event, b) for (b,) in connection.exec_driver_sql(query, (address, 0, RECENT))]
        samples = [_read(Sample, b) for (b,) in connection.exec_driver_sql(query, (address, 1, 1))]
        return self._progress(
            connection, address, self._load(connection, address), tuple(r for r in (*events, *samples) if r)
        )

    def _is_new(
        self,
        connection: Connection,
        address: str,
        counting: _Counting,
        record: Event | Sample,
        session: str,
    ) -> bool:
        rows = connection.exec_driver_sql(
            "SELECT epoch, at, type, session FROM records WHERE address=? AND seq=?", (address, record.seq)
        ).fetchall()
        mark = (iso(record.at), _type(record))
        if any((at, kind) == mark for _, at, kind, _ in rows):
            return False
        here = [row for row in rows if row[0] == counting.epoch]
        if here:
            if here[0][3] == session and not _says_database_lost(record):
                return False  # one run of a node never uses a number twice: a mistake, and the first one counts
            return _restart(counting)
        if record.seq > counting.sequence.through or self._was_given_up(connection, address, counting, record.seq):
            return True
        return _restart(counting) if _says_database_lost(record) else False

    def _was_given_up(self, connection: Connection, address: str, counting: _Counting, seq: int) -> bool:
        """Whether a record comes late after all; its number is then no longer counted as lost."""
        row = connection.exec_driver_sql(
            "SELECT first, last, reason FROM gone WHERE address=? AND epoch=? AND first<=? AND last>=?",
            (address, counting.epoch, seq, seq),
        ).fetchone()
        if row is None:
            return False
        first, last, reason = row
        connection.exec_driver_sql(
            "DELETE FROM gone WHERE address=? AND epoch=? AND first=?", (address, counting.epoch, first)
        )
        for low, high in ((first, seq - 1), (seq + 1, last)):
            if low <= high:
                self._note_gone(connection, address, counting, low, high, reason)
        return True

    def _insert(
        self, connection: Connection, address: str, counting: _Counting, record: Event | Sample, session: str
    ) -> None:
        counting.sequence.add(record.seq)
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO records (address, epoch, seq, at, type, session, telemetry, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                address,
                counting.epoch,
                record.seq,
                iso(record.at),
                _type(record),
                session[:100],
                int(isinstance(record, Sample)),
                record.model_dump_json(),
            ),
        )
        for first, last in _gaps(record):
            self._gone(connection, address, counting, first, last, str(getattr(record, "data", {}).get("reason")))

    def _gone(
        self, connection: Connection, address: str, counting: _Counting, first: int, last: int, reason: str
    ) -> None:
        for low, high in _absent(counting.sequence, first, last):
            self._note_gone(connection, address, counting, low, high, reason)
        counting.sequence.gone(first, last)

    def _note_gone(
        self, connection: Connection, address: str, counting: _Counting, first: int, last: int, reason: str
    ) -> None:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?, ?)", (address, counting.epoch, first, last, reason[:40])
        )

    def _load(self, connection: Connection, address: str) -> _Counting:
        if address in self._counting:
            return self._counting[address]
        row = connection.exec_driver_sql("SELECT epoch, through FROM sequences WHERE address=?", (address,)).fetchone()
        counting = _Counting(row[0], Sequence(row[1])) if row else _Counting(1)
        sequence = counting.sequence
        later = connection.exec_driver_sql(
            "SELECT seq FROM records WHERE address=? AND epoch=? AND seq>? ORDER BY seq LIMIT ?",
            (address, counting.epoch, sequence.through, sequence.limit),
        )
        for (seq,) in later:
            sequence.add(seq)
        gone = connection.exec_driver_sql(
            "SELECT first, last FROM gone WHERE address=? AND epoch=? AND last>?",
            (address, counting.epoch, sequence.through),
        )
        for first, last in gone:
            sequence.gone(first, last)
        self._counting[address] = counting
        return counting

    def _save(self, connection: Connection, address: str, counting: _Counting) -> None:
        connection.exec_driver_sql(
            "INSERT INTO sequences VALUES (?, ?, ?) ON CONFLICT (address) DO UPDATE SET epoch=excluded.epoch,"
            " through=excluded.through",
            (address, counting.epoch, counting.sequence.through),
        )

    def _progress(
        self,
        connection: Connection,
        address: str,
        counting: _Counting,
        new: tuple[Event | Sample, ...] = (),
        restarted: bool = False,
    ) -> Progress:
        lost = connection.exec_driver_sql(
            "SELECT coalesce(sum(last - first + 1), 0) FROM gone WHERE address=? AND epoch=?"
            " AND reason!='database_lost'",  # such a range is a safe bound: most of its numbers were never used
            (address, counting.epoch),
        ).scalar_one()
        sequence = counting.sequence
        missing = tuple(sequence.missing(1000))
        return Progress(address, counting.epoch, sequence.through, missing, lost, new, restarted)

    def _trim(self, connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM records WHERE id <= (SELECT max(id) FROM records) - ?", (self._keep,))


def _absent(sequence: Sequence, first: int, last: int) -> list[tuple[int, int]]:
    """The parts of first..last that have not come: a node may say so of what it once sent successfully."""
    low = max(first, sequence.through + 1)
    parts: list[tuple[int, int]] = []
    for seq in sequence.later[bisect_left(sequence.later, low) : bisect_right(sequence.later, last)]:
        if seq > low:
            parts.append((low, seq - 1))
        low = seq + 1
    if low <= last:
        parts.append((low, last))
    return parts


def _read(model: type[Event] | type[Sample], body: str) -> Event | Sample | None:
    """A record as it was written, perhaps by another version of the hub; None where it cannot be read any more."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None


def _finite(record: Event | Sample) -> Event | Sample:
    """JSON has no infinity: a value that is none is left out, the record stays."""
    if isinstance(record, Event) or all(map(math.isfinite, record.values.values())):
        return record
    return record.model_copy(update={"values": {k: v for k, v in record.values.items() if math.isfinite(v)}})


def _restart(counting: _Counting) -> bool:
    counting.epoch += 1
    counting.sequence = Sequence()
    return True


def _type(record: Event | Sample) -> str:
    return record.type if isinstance(record, Event) else "telemetry"


def _says_database_lost(record: Event | Sample) -> bool:
    return isinstance(record, Event) and (
        record.type == "store" or (record.type == "gap" and record.data.get("reason") == "database_lost")
    )


def _gaps(record: Event | Sample) -> list[tuple[int, int]]:
    """Ranges that a `gap` event says will never come; none where it says nonsense."""
    if not isinstance(record, Event) or record.type != "gap":
        return []
    try:
        ranges = GapData.model_validate(record.data).ranges
    except ValidationError:
        return []
    kept: list[tuple[int, int]] = []
    room = MAX_GONE
    for first, last in ranges:
        if not 1 <= first <= last <= MAX_SEQ:
            continue
        room -= min(last - first + 1, MAX_GONE)
        if room < 0 and kept:
            break
        kept.append((first, last))
    return kept
