"""Bulletins in the database: one row each, its body as JSON; whoever writes says which number stood there."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.bulletins.model import HubBulletin, State
from hub.tables import metadata

bulletins = sa.Table(
    "bulletins",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("created_by", sa.Text, nullable=False, index=True),
    sa.Column("changed", sa.Text, nullable=False, index=True),
    sa.Column("released", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
OPEN = (State.DRAFT, State.SUBMITTED, State.RETURNED, State.APPROVED, State.DISTRIBUTED)


def insert(connection: Connection, bulletin: HubBulletin) -> None:
    """A new one."""
    connection.execute(bulletins.insert().values(id=bulletin.id, **_values(bulletin)))


def replace(connection: Connection, seen: int, bulletin: HubBulletin) -> bool:
    """Write it over the one of number `seen`; False where another number stands there."""
    same = sa.and_(bulletins.c.id == bulletin.id, bulletins.c.number == seen)
    return connection.execute(bulletins.update().where(same).values(**_values(bulletin))).rowcount == 1


def one(connection: Connection, id_: str) -> HubBulletin | None:
    """The bulletin of this id."""
    body = connection.execute(sa.select(bulletins.c.body).where(bulletins.c.id == id_)).scalar()
    return None if body is None else HubBulletin.model_validate_json(body)


def in_states(connection: Connection, states: Collection[State], most: int | None = None) -> list[HubBulletin]:
    """Those that stand so, the one changed last first."""
    query = sa.select(bulletins.c.body).where(bulletins.c.state.in_([str(state) for state in states]))
    return _read(connection, query, most)


def on_nodes(connection: Connection) -> list[HubBulletin]:
    """Those of which something was let go on air, and is not over."""
    return _read(connection, sa.select(bulletins.c.body).where(bulletins.c.released == 1), None)


def _read(connection: Connection, query: sa.Select[Any], most: int | None) -> list[HubBulletin]:
    ordered = query.order_by(bulletins.c.changed.desc(), bulletins.c.id).limit(most)
    return parsed([body for (body,) in connection.execute(ordered)])


def parsed(bodies: Iterable[str]) -> list[HubBulletin]:
    """Bodies as they stand in the table."""
    return [HubBulletin.model_validate_json(body) for body in bodies]


def _values(bulletin: HubBulletin) -> dict[str, object]:
    return {
        "number": bulletin.number,
        "state": str(bulletin.state),
        "created_by": bulletin.created_by,
        "changed": iso(bulletin.changed),
        "released": int(bulletin.released is not None),
        "title": bulletin.content.title,
        "body": bulletin.model_dump_json(by_alias=True),
    }
