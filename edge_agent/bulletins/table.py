"""Bulletins and their airings on disk: the source of truth of what is due.

An airing is known by its bulletin and by the instant at which the recurrence put it, wherever it was moved to. Its row
goes `on_air` when it is claimed, right before the sound, and has the airing as it is known so far; then it is settled.
"""

import json
import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from edge_agent.calendar.occurrences import Occurrence
from edge_agent.contract.airings import Airing
from edge_agent.contract.base import iso
from edge_agent.contract.bulletins import Bulletin

log = logging.getLogger(__name__)
AiringState = Literal["on_air", "aired", "partly", "missed", "unsure"]
"""`unsure`: told as missed at a time when nobody vouched for the clock, so the true instant may still come."""


class Key(NamedTuple):
    """One instance of one bulletin."""

    bulletin: str
    planned_as: datetime

    @classmethod
    def of(cls, occurrence: Occurrence) -> "Key":
        """Of an occurrence."""
        return cls(occurrence.bulletin, occurrence.planned_as)


@dataclass(eq=False)
class Planned:
    """A bulletin on the calendar. `handled`: every instant up to this one was aired or reported as missed.

    `passed`: the same while the clock is not trusted; it is not on disk and counts for nothing afterwards. `coming`:
    what its alarm is set for. `gone`: cancelled or replaced; what still goes on of it is not shown any more.
    `fresh`: nobody has looked yet whether its length is lawful. `stopped`: the instant that had come when the node
    stopped, and of which nothing had been heard.
    """

    bulletin: Bulletin
    by: str
    handled: datetime
    passed: datetime | None = None
    coming: Occurrence | None = None
    gone: bool = False
    stopped: datetime | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """An airing that has been claimed. `seen`: when it was last known to be on air; None: before its first sound."""

    key: Key
    due: datetime
    airing: Airing
    position_s: float = 0.0
    seen: datetime | None = None

    def body(self) -> str:
        """What the row holds."""
        seen = iso(self.seen) if self.seen else None
        return json.dumps(
            {"airing": plain(self.airing), "due": iso(self.due), "position_s": self.position_s, "seen": seen},
            ensure_ascii=False,
        )


def plain(airing: Airing) -> dict[str, object]:
    """As in its event."""
    return airing.data()


def load(db: sqlite3.Connection) -> list[Planned]:
    """All planned bulletins."""
    planned = []
    for id_, body, by, handled in db.execute("SELECT id, body, by, handled FROM bulletin WHERE state = 'planned'"):
        try:
            planned.append(Planned(Bulletin.model_validate_json(body), by, datetime.fromisoformat(handled)))
        except ValueError as error:  # written by another version, or spoilt: the others must go on air all the same
            log.error("bulletin %s cannot be read: %s", id_, error)
    return planned


def begun(db: sqlite3.Connection) -> list[Begun]:
    """What was claimed when the agent stopped."""
    found = []
    for bulletin, at, detail in db.execute("SELECT bulletin, at, detail FROM airing WHERE state = 'on_air'"):
        key = Key(bulletin, datetime.fromisoformat(at))
        try:
            kept = json.loads(detail)
            seen = datetime.fromisoformat(kept["seen"]) if kept["seen"] else None
            airing, due = Airing.model_validate(kept["airing"]), datetime.fromisoformat(kept["due"])
            found.append(Begun(key, due, airing, float(kept["position_s"]), seen))
        except (ValueError, KeyError, TypeError) as error:
            log.error("the airing of %s at %s cannot be read: %s", bulletin, at, error)
            airing = Airing.model_validate(
                {"id": bulletin, "speaker": "-", "title": bulletin, "class": "ordinary", "authority": "-"}
                | {"state": "partly", "planned": at}
            )
            found.append(Begun(key, key.planned_as, airing, 0.0, key.planned_as))
    return found


def settled_since(db: sqlite3.Connection, since: datetime) -> list[tuple[Key, Airing]]:
    """What was heard, of the instances planned since an instant."""
    found = []
    rows = db.execute(
        "SELECT bulletin, at, detail FROM airing WHERE at >= ? AND state IN ('aired', 'partly')", (iso(since),)
    )
    for bulletin, at, detail in rows:
        try:
            found.append((Key(bulletin, datetime.fromisoformat(at)), Airing.model_validate_json(detail)))
        except ValueError as error:
            log.warning("the airing of %s at %s counts for no session: %s", bulletin, at, error)
    return found


def last_heard(db: sqlite3.Connection, bulletin: str) -> tuple[Key, Airing] | None:
    """The airing of a bulletin that was settled last."""
    row = db.execute(
        "SELECT at, detail FROM airing WHERE bulletin = ? AND state IN ('aired', 'partly') ORDER BY at DESC LIMIT 1",
        (bulletin,),
    ).fetchone()
    try:
        return row and (Key(bulletin, datetime.fromisoformat(row[0])), Airing.model_validate_json(row[1]))
    except ValueError:
        return None


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


def is_on_air(db: sqlite3.Connection, key: Key) -> bool:
    """Whether an instance was claimed, and nobody has told yet what became of it."""
    row = (key.bulletin, iso(key.planned_as))
    found = db.execute("SELECT 1 FROM airing WHERE bulletin = ? AND at = ? AND state = 'on_air'", row)
    return found.fetchone() is not None


def claim(db: sqlite3.Connection, each: Begun) -> bool:
    """Take an instance for airing; False when it was taken before: nothing is aired twice."""
    taken = db.execute(
        "INSERT INTO airing VALUES (?, ?, 'on_air', ?)"
        " ON CONFLICT DO UPDATE SET state = 'on_air', detail = excluded.detail WHERE state = 'unsure'",
        (each.key.bulletin, iso(each.key.planned_as), each.body()),
    ).rowcount
    if taken > 0:
        _handled(db, each.key.bulletin, each.due)
    return taken > 0


def keep(db: sqlite3.Connection, each: Begun) -> None:
    """How far a claimed one has come."""
    db.execute(
        "UPDATE airing SET detail = ? WHERE bulletin = ? AND at = ? AND state = 'on_air'",
        (each.body(), each.key.bulletin, iso(each.key.planned_as)),
    )


def unclaim(db: sqlite3.Connection, each: Begun) -> None:
    """Give back an instance of which nothing was heard: it is still to come, or to be caught up."""
    row = (each.key.bulletin, iso(each.key.planned_as))
    if db.execute("DELETE FROM airing WHERE bulletin = ? AND at = ? AND state = 'on_air'", row).rowcount:
        before = iso(each.due - timedelta(milliseconds=1))
        db.execute("UPDATE bulletin SET handled = ? WHERE id = ? AND handled > ?", (before, each.key.bulletin, before))


def settle(db: sqlite3.Connection, key: Key, due: datetime, airing: Airing) -> None:
    """Write what became of an instance that was claimed."""
    detail = json.dumps(plain(airing), ensure_ascii=False)
    row = (key.bulletin, iso(key.planned_as), airing.state, detail)
    db.execute("INSERT OR REPLACE INTO airing VALUES (?, ?, ?, ?)", row)
    _handled(db, key.bulletin, due)


def miss(db: sqlite3.Connection, key: Key, due: datetime, airing: Airing, *, sure: bool) -> bool:
    """Write that an instance was missed; False when what became of it is already written."""
    detail = json.dumps(plain(airing), ensure_ascii=False)
    written = db.execute(
        "INSERT OR IGNORE INTO airing VALUES (?, ?, ?, ?)",
        (key.bulletin, iso(key.planned_as), "missed" if sure else "unsure", detail),
    ).rowcount
    if sure:
        _handled(db, key.bulletin, due)
    return written > 0


def amend(db: sqlite3.Connection, key: Key, airing: Airing) -> None:
    """Write again what was settled, with what became known later."""
    detail = json.dumps(plain(airing), ensure_ascii=False)
    row = (detail, key.bulletin, iso(key.planned_as))
    db.execute("UPDATE airing SET detail = ? WHERE bulletin = ? AND at = ?", row)


def trim(db: sqlite3.Connection, keep_newest: int = 5_000) -> None:
    """Keep the newest airings; the centre has the others as events."""
    db.execute(
        "DELETE FROM airing WHERE state != 'on_air' AND at < (SELECT at FROM airing ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (keep_newest,),
    )


def _handled(db: sqlite3.Connection, bulletin: str, at: datetime) -> None:
    db.execute("UPDATE bulletin SET handled = ? WHERE id = ? AND handled < ?", (iso(at), bulletin, iso(at)))
