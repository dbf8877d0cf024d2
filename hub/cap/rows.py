"""Alerts in the database: messages as they came, and where they stand."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.cap.message import Alert
from hub.cap.tables import acts, airings, alerts, names, references, words

DOUBT = timedelta(hours=12)
AHEAD = timedelta(minutes=5)


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


def add(connection: Connection, row: Row, alert: Alert, name: str) -> None:
    """Keep a new message. `name`: what others call it by, where another one has that id already."""
    connection.execute(alerts.insert().values(**_values(row)))
    if name != row.id:
        connection.execute(names.insert().values(alert=row.id, name=name))
    refer(connection, row.id, {id_of(r.sender, r.identifier, r.sent) for r in alert.references} - {name})


def refer(connection: Connection, id_: str, targets: Iterable[str]) -> None:
    """Remember that a message is about others."""
    known = set(connection.execute(sa.select(references.c.target).where(references.c.alert == id_)).scalars())
    new = [{"alert": id_, "target": target} for target in sorted(set(targets) - known)]
    if new:
        connection.execute(references.insert(), new)


def prove(connection: Connection, row: Row) -> None:
    """Write that a message which was kept is proved now, and how it stands since."""
    connection.execute(alerts.update().where(alerts.c.id == row.id).values(**_values(row)))


def get(connection: Connection, id_: str) -> Row | None:
    """One of them."""
    found = connection.execute(sa.select(alerts).where(alerts.c.id == id_)).first()
    return _row(found) if found is not None else None


def name_of(connection: Connection, id_: str) -> str:
    """By what others refer to it."""
    found = connection.execute(sa.select(names.c.name).where(names.c.alert == id_)).scalar()
    return found or id_


def of_name(connection: Connection, name: str) -> list[Row]:
    """All messages of one sender, identifier and time: they should be one, and forgers make them more."""
    others = sa.select(names.c.alert).where(names.c.name == name)
    ours = sa.or_(alerts.c.id == name, alerts.c.id.in_(others))
    return [_row(r) for r in connection.execute(sa.select(alerts).where(ours).order_by(alerts.c.received))]


def referred(connection: Connection, id_: str) -> list[Row]:
    """The messages that one refers to, as far as they came."""
    targets = sa.select(references.c.target).where(references.c.alert == id_)
    others = sa.select(names.c.alert).where(names.c.name.in_(targets))
    ours = sa.and_(sa.or_(alerts.c.id.in_(targets), alerts.c.id.in_(others)), alerts.c.id != id_)
    return [_row(r) for r in connection.execute(sa.select(alerts).where(ours).order_by(alerts.c.received))]


def referring(connection: Connection, id_: str) -> list[Row]:
    """The messages that refer to one."""
    target = references.c.target.in_({id_, name_of(connection, id_)})
    ours = sa.and_(alerts.c.id.in_(sa.select(references.c.alert).where(target)), alerts.c.id != id_)
    return [_row(r) for r in connection.execute(sa.select(alerts).where(ours).order_by(alerts.c.sent))]


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
    """What waits although its time is over; where the clock is in doubt, after half a day, or once it is mended."""
    doubted = sa.and_(
        alerts.c.reason == "clock", alerts.c.received > iso(now - DOUBT), alerts.c.received <= iso(now + AHEAD)
    )
    late = sa.and_(alerts.c.state == State.WAITING.value, alerts.c.expires <= iso(now), ~doubted)
    return [_row(r) for r in connection.execute(sa.select(alerts).where(late))]


def unproved_of(connection: Connection, who: str, since: datetime) -> int:
    """How many messages somebody brought since then that proved nothing."""
    theirs = sa.and_(alerts.c.given_by == who, alerts.c.proved == 0, alerts.c.received > iso(since))
    return int(connection.execute(sa.select(sa.func.count()).select_from(alerts).where(theirs)).scalar_one())


def prune(connection: Connection, keep: int, now: datetime) -> None:
    """Forget the oldest that are over, beyond `keep`. What could still be valid stays, so that no copy of it is new."""
    many = connection.execute(sa.select(sa.func.count()).select_from(alerts)).scalar_one()
    if many <= keep:
        return
    over = sa.and_(alerts.c.state != State.WAITING.value, alerts.c.expires <= iso(now))
    oldest = sa.select(alerts.c.id).where(over).order_by(alerts.c.received).limit(many - keep)
    ids = [r.id for r in connection.execute(oldest)]
    for table in (references, names, words, airings, acts):
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
