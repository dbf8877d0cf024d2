"""Bulletins and their airings on disk: the source of truth of what is due."""

import json
import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.bulletins import Bulletin

log = logging.getLogger(__name__)
AiringState = Literal["on_air", "aired", "missed", "unsure"]
"""`unsure`: told as missed at a time when nobody vouched for the clock, so the true instant may still come."""


@dataclass(eq=False)
class Planned:
    """A bulletin on the calendar. `handled`: every instant up to this one was aired or reported as missed.

    `passed`: the same while the clock is not trusted; it is not on disk and counts for nothing afterwards. `fresh`:
    nobody has made its sound yet. `coming`: the instant that its alarm is set for.
    """

    bulletin: Bulletin
    by: str
    handled: datetime
    passed: datetime | None = None
    fresh: bool = True
    coming: datetime | None = None


def load(db: sqlite3.Connection) -> tuple[list[Planned], list[tuple[str, datetime]]]:
    """All planned bulletins, and the airings that were on air when the agent stopped."""
    planned = []
    for id_, body, by, handled in db.execute("SELECT id, body, by, handled FROM bulletin WHERE state = 'planned'"):
        try:
            planned.append(Planned(Bulletin.model_validate_json(body), by, datetime.fromisoformat(handled)))
        except ValueError as error:  # written by another version, or spoilt: the others must go on air all the same
            log.error("bulletin %s cannot be read: %s", id_, error)
    cut = [
        (bulletin, datetime.fromisoformat(at))
        for bulletin, at in db.execute("SELECT bulletin, at FROM airing WHERE state = 'on_air'")
    ]
    return planned, cut


def _body(bulletin: Bulletin) -> str:
    return bulletin.model_dump_json(by_alias=True, exclude_none=True)


def save(db: sqlite3.Connection, planned: Planned) -> None:
    """Put a bulletin on the calendar, or replace it."""
    row = (planned.bulletin.id, _body(planned.bulletin), planned.by, "planned", iso(planned.handled))
    db.execute("INSERT OR REPLACE INTO bulletin VALUES (?, ?, ?, ?, ?)", row)


def remove(db: sqlite3.Connection, bulletin: str) -> None:
    """Take a bulletin off the calendar; what was aired stays on record."""
    db.execute("DELETE FROM bulletin WHERE id = ?", (bulletin,))


def forget(db: sqlite3.Connection, planned: Planned) -> None:
    """The same for one that is over, unless another one has come in its place meanwhile."""
    db.execute("DELETE FROM bulletin WHERE id = ? AND body = ?", (planned.bulletin.id, _body(planned.bulletin)))


def claim(db: sqlite3.Connection, bulletin: str, at: datetime) -> bool:
    """Take an instant for airing; False when it was taken before: nothing is aired twice."""
    taken = db.execute(
        "INSERT INTO airing VALUES (?, ?, 'on_air', '{}')"
        " ON CONFLICT DO UPDATE SET state = 'on_air' WHERE state = 'unsure'",
        (bulletin, iso(at)),
    ).rowcount
    if taken > 0:
        _handled(db, bulletin, at)
    return taken > 0


def unclaim(db: sqlite3.Connection, bulletin: str, at: datetime) -> None:
    """Give an instant back whose time had not come when its bulletin was changed."""
    db.execute("DELETE FROM airing WHERE bulletin = ? AND at = ? AND state = 'on_air'", (bulletin, iso(at)))


def settle(db: sqlite3.Connection, bulletin: str, at: datetime, state: AiringState, detail: JsonObject) -> None:
    """Write what became of an instant that was claimed."""
    db.execute(
        "INSERT OR REPLACE INTO airing VALUES (?, ?, ?, ?)",
        (bulletin, iso(at), state, json.dumps(detail, ensure_ascii=False)),
    )
    _handled(db, bulletin, at)


def miss(db: sqlite3.Connection, bulletin: str, at: datetime, state: AiringState, detail: JsonObject) -> bool:
    """Write that an instant was missed; False when what became of it is already written."""
    written = db.execute(
        "INSERT OR IGNORE INTO airing VALUES (?, ?, ?, ?)",
        (bulletin, iso(at), state, json.dumps(detail, ensure_ascii=False)),
    ).rowcount
    if state != "unsure":
        _handled(db, bulletin, at)
    return written > 0


def trim(db: sqlite3.Connection, keep: int = 5_000) -> None:
    """Keep the newest airings; the centre has the others as events."""
    db.execute(
        "DELETE FROM airing WHERE state != 'on_air' AND at < (SELECT at FROM airing ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (keep,),
    )


def _handled(db: sqlite3.Connection, bulletin: str, at: datetime) -> None:
    db.execute("UPDATE bulletin SET handled = ? WHERE id = ? AND handled < ?", (iso(at), bulletin, iso(at)))
