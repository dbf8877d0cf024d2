"""What was said of alerts and where, and who decided it, in the database."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.cap.tables import acts, airings, words


@dataclass(frozen=True, slots=True)
class Words:
    """What was or is to be said, and in whose name."""

    number: int
    text: str
    readings: dict[str, str]
    class_: str
    until: datetime
    approved_by: str


@dataclass(frozen=True, slots=True)
class Aired:
    """What became of it at one node.

    `state`: `pending` until it was sent, then as `Outcome`; `fault`: JSON. `ending`: empty, `wanted`, then `done`.
    """

    address: str
    words: int
    at: datetime
    state: str
    fault: str
    ending: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done to an alert: `act` is the end of a key `cap.act_...`."""

    at: datetime
    who: str
    act: str
    word: str


def say(connection: Connection, id_: str, new: Words, addresses: Sequence[str], at: datetime) -> None:
    """Remember what is to be said where, before it is sent."""
    values = {
        "text": new.text,
        "readings": json.dumps(new.readings, ensure_ascii=False),
        "class": new.class_,
        "until": iso(new.until),
        "approved_by": new.approved_by,
    }
    connection.execute(words.insert().values(alert=id_, number=new.number, **values))
    also(connection, id_, new.number, addresses, at)


def also(connection: Connection, id_: str, number: int, addresses: Sequence[str], at: datetime) -> None:
    """Have words that were said already heard at these nodes too."""
    here = sa.and_(airings.c.alert == id_, airings.c.address.in_(addresses))
    connection.execute(airings.delete().where(here))
    rows = [
        {"alert": id_, "address": a, "words": number, "at": iso(at), "state": "pending", "fault": "", "ending": ""}
        for a in addresses
    ]
    if rows:
        connection.execute(airings.insert(), rows)


def said(connection: Connection, id_: str) -> list[Words]:
    """All that was said of an alert, the first first."""
    found = connection.execute(sa.select(words).where(words.c.alert == id_).order_by(words.c.number))
    return [
        Words(r.number, r.text, json.loads(r.readings), r._mapping["class"], _at(r.until), r.approved_by) for r in found
    ]


def told(connection: Connection, id_: str, address: str, state: str, fault: str) -> None:
    """What became of it at a node."""
    here = sa.and_(airings.c.alert == id_, airings.c.address == address)
    connection.execute(airings.update().where(here).values(state=state, fault=fault))


def aired_at(connection: Connection, id_: str) -> list[Aired]:
    """Where it was sent."""
    found = connection.execute(sa.select(airings).where(airings.c.alert == id_).order_by(airings.c.address))
    return [Aired(r.address, r.words, _at(r.at), r.state, r.fault, r.ending) for r in found]


def unsent(connection: Connection) -> list[tuple[str, int, str, str]]:
    """What is to be sent yet, or was not answered: alert, number of its words, address, state."""
    open_ = sa.and_(airings.c.state.in_(("pending", "unsent", "silent")), airings.c.ending == "")
    columns = (airings.c.alert, airings.c.words, airings.c.address, airings.c.state)
    return [(r.alert, r.words, r.address, r.state) for r in connection.execute(sa.select(*columns).where(open_))]


def to_end(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """What is to be ended yet and has not ended by itself: alert, address."""
    living = sa.select(words.c.alert).where(words.c.until > iso(now))
    found = connection.execute(
        sa.select(airings.c.alert, airings.c.address).where(
            sa.and_(airings.c.ending == "wanted", airings.c.alert.in_(living))
        )
    )
    return [(r.alert, r.address) for r in found]


def end(connection: Connection, ids: Iterable[str]) -> int:
    """Want these to end wherever they were aired; at how many nodes that is."""
    here = sa.and_(airings.c.alert.in_(list(ids)), airings.c.ending == "")
    return connection.execute(airings.update().where(here).values(ending="wanted")).rowcount


def ended(connection: Connection, id_: str, address: str) -> None:
    """It is over there."""
    here = sa.and_(airings.c.alert == id_, airings.c.address == address)
    connection.execute(airings.update().where(here).values(ending="done"))


def note(connection: Connection, id_: str, act: Act) -> None:
    """Remember what was done."""
    values: dict[str, Any] = {"at": iso(act.at), "who": act.who, "act": act.act, "word": act.word}
    connection.execute(acts.insert().values(alert=id_, **values))


def history(connection: Connection, id_: str) -> list[Act]:
    """All that was done, the first first."""
    found = connection.execute(sa.select(acts).where(acts.c.alert == id_).order_by(acts.c.id))
    return [Act(_at(r.at), r.who, r.act, r.word) for r in found]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
