"""Alerts in the database: messages as they came, and where they stand."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.cap.message import Alert
from hub.cap.tables import acts, airings, alerts, references, words


class State(StrEnum):
    """Where an alert stands."""

    WAITING = "waiting"
    """A person decides."""
    AIRED = "aired"
    """It was sent to nodes, by rule or by a person."""
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"
    """A newer message stands for it."""
    CANCELLED = "cancelled"
    """Its sender took it back."""
    EXPIRED = "expired"
    """Its time was over before anybody decided."""
    NOTED = "noted"
    """Nothing is to be decided: a test, an acknowledgement, a cancellation that was done."""


@dataclass(frozen=True, slots=True)
class Row:
    """An alert as it is kept. `reason`: why it waits or what it is, the end of a key `cap.wait_...`."""

    id: str
    sender: str
    identifier: str
    sent: datetime
    received: datetime
    source: str
    given_by: str
    proved: bool
    status: str
    msg_type: str
    state: State
    reason: str
    level: int
    title: str
    areas: str
    expires: datetime
    body: bytes


def id_of(sender: str, identifier: str, sent: datetime) -> str:
    """The name of a message here, and of its bulletin at the nodes: the same message always gets the same one."""
    text = "\n".join((sender, identifier, iso(sent)))
    return f"cap-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def add(connection: Connection, row: Row, alert: Alert) -> bool:
    """Keep a new message; whether it is new."""
    if get(connection, row.id) is not None:
        return False
    connection.execute(alerts.insert().values(**_values(row)))
    targets = {id_of(r.sender, r.identifier, r.sent) for r in alert.references} - {row.id}
    if targets:
        connection.execute(references.insert(), [{"alert": row.id, "target": target} for target in sorted(targets)])
    return True


def get(connection: Connection, id_: str) -> Row | None:
    """One of them."""
    found = connection.execute(sa.select(alerts).where(alerts.c.id == id_)).first()
    return _row(found) if found is not None else None


def referred(connection: Connection, id_: str) -> list[Row]:
    """The messages that one refers to, as far as they came."""
    join = sa.select(alerts).join(references, references.c.target == alerts.c.id)
    return [_row(r) for r in connection.execute(join.where(references.c.alert == id_))]


def referring(connection: Connection, id_: str) -> list[Row]:
    """The messages that refer to one."""
    join = sa.select(alerts).join(references, references.c.alert == alerts.c.id)
    return [_row(r) for r in connection.execute(join.where(references.c.target == id_).order_by(alerts.c.sent))]


def move(connection: Connection, id_: str, state: State, reason: str = "", of: Iterable[State] = State) -> bool:
    """Change where an alert stands, if it stands at one of `of`; whether it did."""
    ours = sa.and_(alerts.c.id == id_, alerts.c.state.in_([str(s) for s in of]))
    done = connection.execute(alerts.update().where(ours).values(state=str(state), reason=reason))
    return done.rowcount == 1


def listed(connection: Connection, states: Iterable[State], most: int, skip: int = 0) -> list[Row]:
    """The alerts that stand at one of these, the newest first."""
    chosen = sa.select(alerts).where(alerts.c.state.in_([str(s) for s in states]))
    ordered = chosen.order_by(alerts.c.received.desc(), alerts.c.id).limit(most).offset(skip)
    return [_row(r) for r in connection.execute(ordered)]


def overdue(connection: Connection, now: datetime) -> list[Row]:
    """What waits although its time is over."""
    late = sa.and_(alerts.c.state == State.WAITING.value, alerts.c.expires <= iso(now))
    return [_row(r) for r in connection.execute(sa.select(alerts).where(late))]


def prune(connection: Connection, keep: int, now: datetime) -> None:
    """Forget the oldest that are over, beyond `keep`. What could still be valid stays, so that no copy of it is new."""
    many = connection.execute(sa.select(sa.func.count()).select_from(alerts)).scalar_one()
    if many <= keep:
        return
    over = sa.and_(alerts.c.state != State.WAITING.value, alerts.c.expires <= iso(now))
    oldest = sa.select(alerts.c.id).where(over).order_by(alerts.c.received).limit(many - keep)
    ids = [r.id for r in connection.execute(oldest)]
    for table in (references, words, airings, acts):
        connection.execute(table.delete().where(table.c.alert.in_(ids)))
    connection.execute(alerts.delete().where(alerts.c.id.in_(ids)))


def _values(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(row, name) for name in Row.__slots__}
    times = {name: iso(values[name]) for name in ("sent", "received", "expires")}
    return {**values, **times, "proved": int(row.proved), "state": row.state.value}


def _row(found: Any) -> Row:
    values = dict(found._mapping)
    times = {name: _at(values[name]) for name in ("sent", "received", "expires")}
    return Row(**{**values, **times, "proved": bool(found.proved), "state": State(found.state)})


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
