"""An emergency, as it lies on disk so that a power cut cannot end it."""

import logging
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.contract.airings import Airing
from edge_agent.contract.base import Readings, iso
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY
from edge_agent.contract.segments import Segment

log = logging.getLogger(__name__)
State = Literal["sounding", "acknowledged", "ended", "over"]
"""`ended`: somebody silenced it; what was heard is yet to be told."""
_KEPT = 200


class Alarm(BaseModel):
    """What is to be heard again and again. `id`: of the command `speak` or of the bulletin.

    `at`: when it is heard first, None: at once. `planned`: the instant that identifies the bulletin's airing.
    `until`: when it ends by itself. `owner`: whose prepared sounds they are, None: made for this alarm alone.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    speaker: str
    title: str
    segments: tuple[Segment, ...]
    readings: Readings = Field(default_factory=dict)
    owner: str | None = None
    origin: Literal["speak", "bulletin"] = "speak"
    authority: str = DEFAULT_AUTHORITY
    by: str | None = None
    approved_by: str | None = None
    volume: float = 100
    at: datetime | None = None
    planned: datetime | None = None
    until: datetime
    repeat_every_s: float = 10.0

    @property
    def sound_owner(self) -> str:
        """Whose prepared sounds its words are, as `Preparer.prepare` has it."""
        return self.owner or f"emergency/{self.id}"


class Progress(BaseModel):
    """What was heard of it so far. `heard`: its words, once to the end. `airing`: of all of it, None before a sound.

    `began_us`: its very first sample, microseconds since 1970; written at once, for a power cut in the first round.
    """

    heard: bool = False
    began_us: int | None = None
    acknowledged_by: str | None = None
    airing: Airing | None = None


class Row(BaseModel):
    """An alarm on disk."""

    alarm: Alarm
    state: State = "sounding"
    progress: Progress = Progress()


def save(db: sqlite3.Connection, alarm: Alarm) -> None:
    """Write a new alarm; one of the same id and instant stays as it is, one of another instant makes way."""
    known = db.execute("SELECT body FROM emergency WHERE id = ?", (alarm.id,)).fetchone()
    if known is not None and Alarm.model_validate_json(known[0]).planned == alarm.planned:
        return
    row = (alarm.id, "sounding", alarm.model_dump_json(by_alias=True), "{}", iso(alarm.until))
    db.execute("INSERT OR REPLACE INTO emergency VALUES (?, ?, ?, ?, ?)", row)


def update(db: sqlite3.Connection, alarm: Alarm, state: State, progress: Progress) -> None:
    """Write how far it has come; what is over stays over."""
    text = progress.model_dump_json(by_alias=True)
    db.execute("UPDATE emergency SET state = ?, progress = ? WHERE id = ? AND state != 'over'", (state, text, alarm.id))


def mark(db: sqlite3.Connection, ids: Iterable[str], state: State) -> None:
    """Somebody has acknowledged or silenced these."""
    for id_ in ids:
        db.execute("UPDATE emergency SET state = ? WHERE id = ? AND state != 'over'", (state, id_))


def trim(db: sqlite3.Connection) -> None:
    """Keep the newest of those that are over."""
    db.execute(
        "DELETE FROM emergency WHERE state = 'over' AND id NOT IN"
        " (SELECT id FROM emergency WHERE state = 'over' ORDER BY until DESC LIMIT ?)",
        (_KEPT,),
    )


def load(db: sqlite3.Connection) -> list[Row]:
    """All alarms; those that are over are kept for a while, so that a command that comes again finds them."""
    rows = []
    for id_, state, body, progress in db.execute("SELECT id, state, body, progress FROM emergency"):
        try:
            rows.append(
                Row(
                    alarm=Alarm.model_validate_json(body),
                    state=state,
                    progress=Progress.model_validate_json(progress),
                )
            )
        except ValueError as error:  # written by another version, or spoilt: the others must sound all the same
            log.error("emergency %s cannot be read: %s", id_, error)
    return rows
