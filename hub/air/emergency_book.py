"""The book of emergencies: what was sounded, where, and what each node answered. Rows, and the bulletins of them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.bulletins import Approval, Bulletin
from edge_agent.contract.errors import Fault
from hub.air.tables import sounded, told
from hub.tables import upsert
from hub.titles import clear_of

SHOWN = 30
"""Emergencies that are remembered in memory."""
REPEAT_S = 10.0


@dataclass(frozen=True, slots=True)
class Words:
    """What is said. `clear`: when it is over (empty: nothing is said then); `sound`: its SHA-256 and size, if made."""

    title: str
    text: str
    readings: Mapping[str, str] = field(default_factory=dict)
    clear: str = ""
    drill: bool = False
    sound: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a node answered. `state`: as of an `Outcome`, empty before it was asked; `ended`: when it ended there."""

    state: str = ""
    fault: Fault | None = None
    ended: datetime | None = None


@dataclass
class Emergency:
    """One that was sounded. `until`: it repeats no longer; `cleared`: when somebody said that it is over."""

    id: str
    words: Words
    by: str
    at: datetime
    until: datetime
    nodes: dict[str, Told]
    cleared: datetime | None = None
    cleared_by: str = ""
    ending: bool = False
    """Whether nodes have been told of its end."""
    kept: bool = True
    """Whether it stands in the database."""
    asked_to_keep: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the database has said whether it took it."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """When each node was asked last, since the hub began."""

    def repeats(self, now: datetime) -> bool:
        """Whether it is to be heard now."""
        return self.cleared is None and now < self.until


def bulletin(emergency: Emergency, at: datetime, now: datetime) -> Bulletin:
    """As nodes get it."""
    words, left = emergency.words, emergency.until - at
    return Bulletin.model_validate(
        {
            "id": emergency.id,
            "title": words.title[:200],
            "strict_reading": False,
            "class": "emergency",
            "at": at,
            "catch_up_s": int(min(max(left.total_seconds(), 60), 86_400)),
            "repeat_every_s": REPEAT_S,
            "repeat_until": at + max(left, timedelta(seconds=5)),
            "approval": Approval(by=emergency.by[:100] or "-", at=now),
            **_content(words),
        }
    )


def clear_id(id_: str) -> str:
    """By what nodes know the all-clear of an emergency."""
    return f"by-{id_.removeprefix('kc-')}"[:40]


def clear_bulletin(emergency: Emergency, at: datetime) -> Bulletin:
    """The all-clear."""
    return Bulletin.model_validate(
        {
            "id": clear_id(emergency.id),
            "title": clear_of(emergency.words.title),
            "text": emergency.words.clear,
            "strict_reading": False,
            "class": "priority",
            "at": at,
            "approval": Approval(by=emergency.cleared_by[:100] or "-", at=at),
        }
    )


def _content(words: Words) -> dict[str, Any]:
    text = {"text": words.text, "readings": dict(words.readings)}
    if words.sound is None:
        return text
    sha256, size = words.sound
    return {"segments": [{"kind": "text", **text, "rendered": {"sha256": sha256, "bytes": size}}]}


def rows(emergency: Emergency) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """As it is written: itself, and what each of its nodes answered."""
    words = emergency.words
    sha256, size = words.sound or ("", 0)
    itself = {
        "id": emergency.id,
        "title": words.title,
        "text": words.text,
        "readings": json.dumps(dict(words.readings), ensure_ascii=False),
        "clear": words.clear,
        "drill": int(words.drill),
        "sound": sha256,
        "bytes": size,
        "by": emergency.by,
        "at": iso(emergency.at),
        "until": iso(emergency.until),
        "cleared": iso(emergency.cleared) if emergency.cleared else "",
        "cleared_by": emergency.cleared_by,
    }
    return itself, [_told(emergency.id, address, answer) for address, answer in emergency.nodes.items()]


def keep(connection: Connection, itself: dict[str, Any], nodes: list[dict[str, Any]]) -> None:
    """Write one, given as `rows` gives it; what was written of it before is replaced."""
    connection.execute(told.delete().where(told.c.emergency == itself["id"]))
    connection.execute(sounded.delete().where(sounded.c.id == itself["id"]))
    connection.execute(sounded.insert(), itself)
    if nodes:
        connection.execute(told.insert(), nodes)


def clear(connection: Connection, id_: str, at: datetime, by: str) -> None:
    """Somebody said that it is over."""
    connection.execute(sounded.update().where(sounded.c.id == id_).values(cleared=iso(at), cleared_by=by))


def tell(connection: Connection, id_: str, address: str, answer: Told) -> None:
    """What a node answered."""
    upsert(connection, told, _told(id_, address, answer))


def _told(id_: str, address: str, answer: Told) -> dict[str, Any]:
    fault = answer.fault.model_dump_json() if answer.fault else ""
    ended = iso(answer.ended) if answer.ended else ""
    return {"emergency": id_, "address": address, "state": answer.state, "fault": fault, "ended": ended}


def last(connection: Connection) -> list[Emergency]:
    """The last ones, with their nodes."""
    found = connection.execute(sa.select(sounded).order_by(sounded.c.at.desc()).limit(SHOWN)).fetchall()
    nodes: dict[str, dict[str, Told]] = {row.id: {} for row in found}
    for row in connection.execute(sa.select(told).where(told.c.emergency.in_(nodes))):
        ended = datetime.fromisoformat(row.ended) if row.ended else None
        fault = Fault.model_validate_json(row.fault) if row.fault else None
        nodes[row.emergency][row.address] = Told(row.state, fault, ended)
    return [_emergency(row, nodes[row.id]) for row in found]


def _emergency(row: Any, nodes: dict[str, Told]) -> Emergency:
    sound = (row.sound, row.bytes) if row.sound else None
    words = Words(row.title, row.text, json.loads(row.readings), row.clear, bool(row.drill), sound)
    cleared = datetime.fromisoformat(row.cleared) if row.cleared else None
    at, until = datetime.fromisoformat(row.at), datetime.fromisoformat(row.until)
    ending = any(told.ended for told in nodes.values())
    return Emergency(row.id, words, row.by, at, until, nodes, cleared, row.cleared_by, ending)
