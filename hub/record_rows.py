"""Rows of what nodes recorded: the tables, and what is asked of them. Runs in the store's thread."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.engine import Connection

from hub.tables import Long, insert_new, metadata, upsert

records = sa.Table(
    "records",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("epoch", Long, nullable=False),
    sa.Column("seq", Long, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("telemetry", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("address", "seq", "epoch"),
    sa.Index("records_recent", "address", "telemetry", "id"),
)
sequences = sa.Table(
    "sequences",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("epoch", Long, nullable=False),
    sa.Column("through", Long, nullable=False),
)
gone = sa.Table(
    "gone",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("epoch", Long, primary_key=True),
    sa.Column("first", Long, primary_key=True),
    sa.Column("last", Long, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

_OF_NODE = records.c.address == bindparam("address")
_SAME = sa.select(records.c.seq, records.c.epoch, records.c.at, records.c.type, records.c.session).where(
    _OF_NODE, records.c.seq.in_(bindparam("seqs", expanding=True))
)
_RECENT = (
    sa.select(records.c.body)
    .where(_OF_NODE, records.c.telemetry == bindparam("telemetry"))
    .order_by(records.c.id.desc())
    .limit(bindparam("most"))
)
_LATER = (
    sa.select(records.c.seq)
    .where(_OF_NODE, records.c.epoch == bindparam("epoch"), records.c.seq > bindparam("through"))
    .order_by(records.c.seq)
    .limit(bindparam("most"))
)
_GONE = sa.and_(gone.c.address == bindparam("address"), gone.c.epoch == bindparam("epoch"))


@dataclass(frozen=True, slots=True)
class Known:
    """A record that is there: what tells it from another with the same number."""

    epoch: int
    at: str
    type: str
    session: str


def addresses(connection: Connection) -> list[str]:
    """All nodes that ever recorded something."""
    return list(connection.execute(sa.select(sequences.c.address)).scalars())


def same(connection: Connection, address: str, seqs: Iterable[int]) -> dict[int, list[Known]]:
    """What is there of these numbers."""
    found: dict[int, list[Known]] = {}
    for seq, *known in connection.execute(_SAME, {"address": address, "seqs": list(seqs)}):
        found.setdefault(seq, []).append(Known(*known))
    return found


def add(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Keep records."""
    insert_new(connection, records, *rows)


def recent(connection: Connection, address: str, *, telemetry: bool, most: int) -> list[str]:
    """Bodies of what came last, newest first."""
    asked = {"address": address, "telemetry": int(telemetry), "most": most}
    return list(connection.execute(_RECENT, asked).scalars())


def later(connection: Connection, address: str, epoch: int, through: int, most: int) -> list[int]:
    """Numbers beyond `through` that have come."""
    asked = {"address": address, "epoch": epoch, "through": through, "most": most}
    return list(connection.execute(_LATER, asked).scalars())


def trim(connection: Connection, keep: int) -> None:
    """Keep only so many records, the newest."""
    newest = sa.select(sa.func.max(records.c.id)).scalar_subquery()
    connection.execute(records.delete().where(records.c.id <= newest - keep))


def sequence(connection: Connection, address: str) -> tuple[int, int] | None:
    """Epoch of a node, and through which number all has come."""
    found = connection.execute(
        sa.select(sequences.c.epoch, sequences.c.through).where(sequences.c.address == address)
    ).one_or_none()
    return (found[0], found[1]) if found else None


def save_sequence(connection: Connection, address: str, epoch: int, through: int) -> None:
    """Remember it."""
    upsert(connection, sequences, {"address": address, "epoch": epoch, "through": through})


def add_gone(connection: Connection, address: str, epoch: int, span: tuple[int, int], reason: str) -> None:
    """Remember that first..last will not come."""
    row = {"address": address, "epoch": epoch, "first": span[0], "last": span[1], "reason": reason[:40]}
    upsert(connection, gone, row)


def take_gone(connection: Connection, address: str, epoch: int, seq: int) -> tuple[int, int, str] | None:
    """The span in which a number was given up, with its reason; it is forgotten."""
    asked = {"address": address, "epoch": epoch}
    found = connection.execute(
        sa.select(gone.c.first, gone.c.last, gone.c.reason).where(_GONE, gone.c.first <= seq, gone.c.last >= seq), asked
    ).first()
    if found is None:
        return None
    connection.execute(gone.delete().where(_GONE, gone.c.first == found[0]), asked)
    return found[0], found[1], found[2]


def spans_gone(connection: Connection, address: str, epoch: int, through: int) -> list[tuple[int, int]]:
    """Spans that will not come and end beyond `through`."""
    asked = {"address": address, "epoch": epoch}
    found = connection.execute(sa.select(gone.c.first, gone.c.last).where(_GONE, gone.c.last > through), asked)
    return [(first, last) for first, last in found]


def lost(connection: Connection, address: str, epoch: int) -> int:
    """How many records will not come; where a database was lost the span is a safe bound, mostly never used."""
    count = sa.func.coalesce(sa.func.sum(gone.c.last - gone.c.first + 1), 0)
    asked = {"address": address, "epoch": epoch}
    return int(connection.execute(sa.select(count).where(_GONE, gone.c.reason != "database_lost"), asked).scalar_one())
