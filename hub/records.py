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
from hub import record_rows as rows
from hub.record_rows import Known

MAX_SEQ = 2**53
"""Beyond this a number is no number of records but a mistake (and SQLite ends at 2**63)."""
MAX_GONE = 100_000
"""Numbers in one `gap` event that are ahead of what has come; more are asked for like others."""
RECENT = 100
"""Events read per node at the start; the page chooses among them."""

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
    lost: int | None = None
    """As the database says; None: not asked since it changed."""


class Records:
    """Writes batches and knows each node's `Sequence`."""

    def __init__(self, keep: int, note: Note | None = None) -> None:
        """`keep`: rows at most, within a hundredth; the oldest go first."""
        self._keep = keep
        self._note = note
        self._counting: dict[str, _Counting] = {}
        self._since_trim = 0

    def forget(self) -> None:
        """What is in memory may not be what is in the file any more (a rollback): read it again."""
        self._counting.clear()

    def write(self, connection: Connection, address: str, batch: EventBatch | TelemetryBatch) -> Progress:
        """Keep what is new of a batch."""
        counting = self._load(connection, address)
        before = counting.epoch
        likely = [_finite(record) for record in batch.records if record.seq <= MAX_SEQ]
        known = {} if _all_beyond(counting, likely) else rows.same(connection, address, {r.seq for r in likely})
        new: list[tuple[int, Event | Sample]] = []
        for record in likely:
            there = known.setdefault(record.seq, [])
            if self._is_new(connection, address, counting, record, batch.session, there):
                there.append(Known(counting.epoch, iso(record.at), _type(record), batch.session[:100]))
                self._count(connection, address, counting, record)
                new.append((counting.epoch, record))
        if new:
            rows.add(connection, [_row(address, epoch, record, batch.session) for epoch, record in new])
            for epoch, record in new if self._note else ():
                self._note(connection, address, epoch, record)  # type: ignore[misc]
            rows.save_sequence(connection, address, counting.epoch, counting.sequence.through)
            self._trim(connection, len(new))
        return self._progress(connection, address, counting, tuple(r for _, r in new), counting.epoch != before)

    def give_up(self, connection: Connection, address: str, first: int, last: int) -> Progress:
        """Note that the node has been asked often enough for first..last."""
        counting = self._load(connection, address)
        self._gone(connection, address, counting, (first, last), "not_answered")
        rows.save_sequence(connection, address, counting.epoch, counting.sequence.through)
        return self._progress(connection, address, counting)

    def known(self, connection: Connection) -> list[Progress]:
        """Where all nodes stand, each with its last events and last sample as `new`."""
        return [self._resume(connection, address) for address in rows.addresses(connection)]

    def _resume(self, connection: Connection, address: str) -> Progress:
        events = [_read(Event, b) for b in rows.recent(connection, address, telemetry=False, most=RECENT)]
        samples = [_read(Sample, b) for b in rows.recent(connection, address, telemetry=True, most=1)]
        found = tuple(r for r in (*events, *samples) if r)
        return self._progress(connection, address, self._load(connection, address), found)

    def _is_new(
        self,
        connection: Connection,
        address: str,
        counting: _Counting,
        record: Event | Sample,
        session: str,
        there: list[Known],
    ) -> bool:
        mark = (iso(record.at), _type(record))
        if any((known.at, known.type) == mark for known in there):
            return False
        here = [known for known in there if known.epoch == counting.epoch]
        if here:
            if here[0].session == session[:100] and not _says_database_lost(record):
                return False  # one run of a node never uses a number twice: a mistake, and the first one counts
            return _restart(counting)
        if record.seq > counting.sequence.through or self._was_given_up(connection, address, counting, record.seq):
            return True
        return _restart(counting) if _says_database_lost(record) else False

    def _was_given_up(self, connection: Connection, address: str, counting: _Counting, seq: int) -> bool:
        """Whether a record comes late after all; its number is then no longer counted as lost."""
        span = rows.take_gone(connection, address, counting.epoch, seq)
        if span is None:
            return False
        first, last, reason = span
        counting.lost = None
        for low, high in ((first, seq - 1), (seq + 1, last)):
            if low <= high:
                rows.add_gone(connection, address, counting.epoch, (low, high), reason)
        return True

    def _count(self, connection: Connection, address: str, counting: _Counting, record: Event | Sample) -> None:
        counting.sequence.add(record.seq)
        for span in _gaps(record):
            self._gone(connection, address, counting, span, str(getattr(record, "data", {}).get("reason")))

    def _gone(
        self, connection: Connection, address: str, counting: _Counting, span: tuple[int, int], reason: str
    ) -> None:
        counting.lost = None
        for part in _absent(counting.sequence, *span):
            rows.add_gone(connection, address, counting.epoch, part, reason)
        counting.sequence.gone(*span)

    def _load(self, connection: Connection, address: str) -> _Counting:
        if address in self._counting:
            return self._counting[address]
        saved = rows.sequence(connection, address)
        counting = _Counting(saved[0], Sequence(saved[1])) if saved else _Counting(1)
        sequence = counting.sequence
        for seq in rows.later(connection, address, counting.epoch, sequence.through, sequence.limit):
            sequence.add(seq)
        for span in rows.spans_gone(connection, address, counting.epoch, sequence.through):
            sequence.gone(*span)
        self._counting[address] = counting
        return counting

    def _progress(
        self,
        connection: Connection,
        address: str,
        counting: _Counting,
        new: tuple[Event | Sample, ...] = (),
        restarted: bool = False,
    ) -> Progress:
        if counting.lost is None:
            counting.lost = rows.lost(connection, address, counting.epoch)
        sequence = counting.sequence
        missing = tuple(sequence.missing(1000))
        return Progress(address, counting.epoch, sequence.through, missing, counting.lost, new, restarted)

    def _trim(self, connection: Connection, added: int) -> None:
        self._since_trim += added
        if self._since_trim >= self._keep // 100:
            self._since_trim = 0
            rows.trim(connection, self._keep)


def _all_beyond(counting: _Counting, records: list[Event | Sample]) -> bool:
    """Whether the numbers are larger than any that ever came of this node, as they are while all is well."""
    sequence = counting.sequence
    last = sequence.later[-1] if sequence.later else sequence.through
    whole = counting.epoch == 1 and len(sequence.later) < sequence.limit
    return whole and all(record.seq > last for record in records)


def _row(address: str, epoch: int, record: Event | Sample, session: str) -> dict[str, object]:
    return {
        "address": address,
        "epoch": epoch,
        "seq": record.seq,
        "at": iso(record.at),
        "type": _type(record),
        "session": session[:100],
        "telemetry": int(isinstance(record, Sample)),
        "body": record.model_dump_json(),
    }


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
    counting.lost = None
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
