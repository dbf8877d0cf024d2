"""What people chose where priority bulletins clashed: kept, so that no restart asks them again."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.tables import Long, insert_new, metadata

decisions = sa.Table(
    "clash_decisions",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("epoch", Long, primary_key=True),
    sa.Column("seq", Long, primary_key=True),
)
"""By the node's event that asked; `epoch` as in the table of events: numbers begin anew where a node lost its own."""


def read(connection: Connection) -> list[tuple[str, int, int]]:
    """Address, epoch, number of each."""
    return [(row.address, row.epoch, row.seq) for row in connection.execute(sa.select(decisions))]


def keep(connection: Connection, address: str, epoch: int, seq: int, oldest: int) -> None:
    """Write one down; those before `oldest`, which nobody is asked any more, go."""
    insert_new(connection, decisions, {"address": address, "epoch": epoch, "seq": seq})
    over = sa.or_(decisions.c.epoch < epoch, decisions.c.seq < oldest)
    connection.execute(decisions.delete().where(decisions.c.address == address, over))
