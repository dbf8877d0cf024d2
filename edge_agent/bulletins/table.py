"""Bulletins and their airings on disk: the source of truth of what is due."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.bulletins import Bulletin
from edge_agent.store.outbox import Entry, Outbox

AiringState = Literal["on_air", "aired", "missed"]


@dataclass
class Planned:
    """A bulletin on the calendar. `handled`: every instant up to this one was aired or reported as missed."""

    bulletin: Bulletin
    by: str
    handled: datetime


def load(db: sqlite3.Connection) -> tuple[list[Planned], list[tuple[str, datetime]]]:
    """All planned bulletins, and the airings that were on air when the agent stopped."""
    planned = [
        Planned(Bulletin.model_validate_json(body), by, datetime.fromisoformat(handled))
        for body, by, handled in db.execute("SELECT body, by, handled FROM bulletin WHERE state = 'planned'")
    ]
    cut = [
        (bulletin, datetime.fromisoformat(at))
        for bulletin, at in db.execute("SELECT bulletin, at FROM airing WHERE state = 'on_air'")
    ]
    return planned, cut


def save(db: sqlite3.Connection, planned: Planned) -> None:
    """Put a bulletin on the calendar, or replace it."""
    body = planned.bulletin.model_dump_json(by_alias=True, exclude_none=True)
    row = (planned.bulletin.id, body, planned.by, "planned", iso(planned.handled))
    db.execute("INSERT OR REPLACE INTO bulletin VALUES (?, ?, ?, ?, ?)", row)


def remove(db: sqlite3.Connection, bulletin: str) -> None:
    """Take a bulletin off the calendar; what was aired stays on record."""
    db.execute("DELETE FROM bulletin WHERE id = ?", (bulletin,))


def claim(db: sqlite3.Connection, bulletin: str, at: datetime) -> bool:
    """Take an instant for airing; False when it was taken before: nothing is aired twice."""
    inserted = db.execute("INSERT OR IGNORE INTO airing VALUES (?, ?, 'on_air', '{}')", (bulletin, iso(at))).rowcount
    if inserted:
        _handled(db, bulletin, at)
    return bool(inserted)


def settle(
    db: sqlite3.Connection,
    outbox: Outbox,
    bulletin: str,
    at: datetime,
    state: AiringState,
    now: datetime,
    detail: JsonObject,
) -> None:
    """Write what became of an instant, with its event, in one transaction."""
    db.execute(
        "INSERT OR REPLACE INTO airing VALUES (?, ?, ?, ?)",
        (bulletin, iso(at), state, json.dumps(detail, ensure_ascii=False)),
    )
    _handled(db, bulletin, at)
    data = {"state": state, "at": iso(at), **detail}
    outbox.append_in(db, Entry.event(now, "bulletin", f"bulletin/{bulletin}", data))


def trim(db: sqlite3.Connection, keep: int = 5_000) -> None:
    """Keep the newest airings; the centre has the others as events."""
    db.execute(
        "DELETE FROM airing WHERE state != 'on_air' AND at < (SELECT at FROM airing ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (keep,),
    )


def _handled(db: sqlite3.Connection, bulletin: str, at: datetime) -> None:
    db.execute("UPDATE bulletin SET handled = ? WHERE id = ? AND handled < ?", (iso(at), bulletin, iso(at)))
