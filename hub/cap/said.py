"""What was said of alerts and where, and who decided it, in the database."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.cap.tables import acts, airings, references, words

SIREN = "emergency"
CLEAR = "clear"
"""Class of words that say that an alert is over."""
TAKEN = ("done", "accepted")
"""What nodes answer that will sound it, or do."""


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

    `state`: `pending` until it was sent, then as `Outcome`; `fault`: JSON. `ending`: empty, `wanted`, `done`, and
    `cleared` where it was said that it is over.
    """

    address: str
    words: int
    at: datetime
    state: str
    fault: str
    ending: str


@dataclass(frozen=True, slots=True)
class Open:
    """Words (by their number) that a node has not got for certain; `at`: when that was decided."""

    alert: str
    words: int
    address: str
    state: str
    at: datetime


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
    for some in _pieces(addresses):
        connection.execute(airings.delete().where(airings.c.alert == id_, airings.c.address.in_(some)))
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


def unsent(connection: Connection) -> list[Open]:
    """What is to be sent yet, or was not answered."""
    open_ = sa.and_(airings.c.state.in_(("pending", "unsent", "silent")), airings.c.ending == "")
    found = connection.execute(sa.select(airings).where(open_))
    return [Open(r.alert, r.words, r.address, r.state, _at(r.at)) for r in found]


def to_end(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """What is to be ended yet and has not ended by itself: alert, address."""
    living = sa.select(words.c.alert).where(words.c.until > iso(now))
    found = connection.execute(
        sa.select(airings.c.alert, airings.c.address).where(
            sa.and_(airings.c.ending == "wanted", airings.c.alert.in_(living))
        )
    )
    return [(r.alert, r.address) for r in found]


def end(connection: Connection, ids: Iterable[str], addresses: Sequence[str] | None = None) -> int:
    """Want these to end wherever they were aired, or at these nodes only; at how many nodes that is."""
    here = sa.and_(airings.c.alert.in_(list(ids)), airings.c.ending == "")
    pieces = [here] if addresses is None else [here & airings.c.address.in_(some) for some in _pieces(addresses)]
    return sum(connection.execute(airings.update().where(one).values(ending="wanted")).rowcount for one in pieces)


def ended(connection: Connection, id_: str, addresses: Sequence[str], state: str = "done") -> None:
    """It is over there; `state` `cleared`: and was said to be."""
    for some in _pieces(addresses):
        here = sa.and_(airings.c.alert == id_, airings.c.address.in_(some), airings.c.ending != "")
        connection.execute(airings.update().where(here).values(ending=state))


def heard(connection: Connection, id_: str) -> list[str]:
    """Where a siren sounded, or may have, that is being ended or is; but for where people were told so."""
    sirens = sa.and_(words.c.alert == airings.c.alert, words.c.number == airings.c.words, words.c["class"] == SIREN)
    maybe = airings.c.state.in_((*TAKEN, "pending", "silent"))
    here = sa.and_(airings.c.alert == id_, maybe, airings.c.ending.in_(("wanted", "done")))
    found = connection.execute(sa.select(airings.c.address).join(words, sirens).where(here).order_by(airings.c.address))
    return [r.address for r in found]


def clearable(connection: Connection, id_: str, since: datetime) -> list[str]:
    """Where a siren was heard that is ended everywhere, was let no earlier, and of whose end nobody was told."""
    words_, nodes = said(connection, id_), aired_at(connection, id_)
    if not words_ or words_[-1].class_ == CLEAR or any(not each.ending for each in nodes):
        return []
    lately = {each.address for each in nodes if each.at >= since}
    return [address for address in heard(connection, id_) if address in lately]


def clear(connection: Connection, id_: str, text: str, until: datetime, by: str) -> bool:
    """Have it said that it is over, wherever it is ended by then; whether there is anybody to tell."""
    said_before = said(connection, id_)
    if not said_before or said_before[-1].class_ == CLEAR or not heard(connection, id_):
        return False
    values = {"text": text, "readings": "{}", "class": CLEAR, "until": iso(until), "approved_by": by[:100]}
    connection.execute(words.insert().values(alert=id_, number=said_before[-1].number + 1, **values))
    return True


def to_clear(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """Where it is yet to be said that an alert is over: alert, address. Who hears what replaces it hears enough."""
    living = sa.and_(words.c["class"] == CLEAR, words.c.until > iso(now), words.c.number > airings.c.words)
    newer = airings.alias()
    instead = (
        sa.select(newer.c.alert)
        .join(references, references.c.alert == newer.c.alert)
        .where(references.c.target == airings.c.alert, newer.c.address == airings.c.address)
    )
    found = connection.execute(
        sa.select(airings.c.alert, airings.c.address)
        .join(words, words.c.alert == airings.c.alert)
        .where(living, airings.c.ending == "done", airings.c.state.in_(TAKEN), ~instead.exists())
    )
    return [(r.alert, r.address) for r in found]


def note(connection: Connection, id_: str, act: Act) -> None:
    """Remember what was done."""
    values: dict[str, Any] = {"at": iso(act.at), "who": act.who, "act": act.act, "word": act.word}
    connection.execute(acts.insert().values(alert=id_, **values))


def history(connection: Connection, id_: str) -> list[Act]:
    """All that was done, the first first."""
    found = connection.execute(sa.select(acts).where(acts.c.alert == id_).order_by(acts.c.id))
    return [Act(_at(r.at), r.who, r.act, r.word) for r in found]


def _pieces(addresses: Sequence[str]) -> list[Sequence[str]]:
    """No statement names more than a database takes."""
    return [addresses[n : n + 500] for n in range(0, len(addresses), 500)]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
