"""What the hub itself keeps of cameras: motion that nodes told of, and clips that people asked for.

Times in milliseconds since 1970. `note` and the `save_...` functions run in the store's thread; the others read over a
connection of their own.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event, Sample
from edge_agent.contract.watching import Moved
from hub.media import HASH

SCHEMA = """
CREATE TABLE IF NOT EXISTS camera_moved (
    address TEXT NOT NULL, camera TEXT NOT NULL, id TEXT NOT NULL, begin INTEGER NOT NULL, body TEXT NOT NULL,
    picture TEXT, PRIMARY KEY (address, camera, id));
CREATE INDEX IF NOT EXISTS camera_moved_begin ON camera_moved (address, camera, begin);
CREATE TABLE IF NOT EXISTS camera_clips (
    id TEXT PRIMARY KEY, address TEXT NOT NULL, camera TEXT NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT NULL,
    asked INTEGER NOT NULL, state TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, gap_s REAL NOT NULL,
    cut_begin INTEGER NOT NULL, cut_end INTEGER NOT NULL, fault TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS camera_clips_camera ON camera_clips (address, camera, asked);
CREATE INDEX IF NOT EXISTS camera_clips_sha256 ON camera_clips (address, sha256);
"""

MOST_MOVED = 100_000
MOST_CLIPS = 1000
_TRIM_EVERY = 256
_LONGEST_ID = 64
_FILLING = ("detail", "detail_vi", "mb", "limit_mb")
"""What of an event fills the sentence of its code."""
ClipState = Literal["asked", "sending", "sent", "failed"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that somebody asked for. `asked`: not cut yet; `sending`: on its way; `sent`: the node says it is here."""

    id: str
    address: str
    camera: str
    begin: datetime
    end: datetime
    asked: datetime
    state: ClipState = "asked"
    sha256: str = ""
    bytes: int = 0
    gap_s: float = 0
    cut_begin: datetime = _EPOCH
    cut_end: datetime = _EPOCH
    fault: Fault | None = None


def millis(instant: datetime) -> int:
    """Milliseconds since 1970."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant(ms: int) -> datetime:
    """The instant of so many milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


class MovedLog:
    """Keeps what nodes tell of motion, and of clips they could not send, in the transaction that keeps the event."""

    def __init__(self, keep: int = MOST_MOVED) -> None:
        """`keep`: rows at most; the oldest go first."""
        self._keep = keep
        self._since_trim = 0

    def note(self, connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Keep what a new record says; others, and those that make no sense, are passed over."""
        del epoch  # a node that counts anew still tells of the same motion by the same id
        kind, _, camera = ((record.about or "") if isinstance(record, Event) else "").partition("/")
        if not isinstance(record, Event) or kind != "camera":
            return
        if record.type == "motion":
            self._moved(connection, address, camera, record)
        elif record.type == "clip":
            _sent(connection, address, record)

    def _moved(self, connection: Connection, address: str, camera: str, record: Event) -> None:
        picture = record.data.get("picture")  # its SHA-256 here, whether there is one in a list
        try:
            moved = Moved.model_validate({"score": 0, **record.data, "picture": False})
        except ValidationError:
            return
        sha256 = picture if isinstance(picture, str) and HASH.fullmatch(picture) else None
        if not 0 < len(moved.id) <= _LONGEST_ID:
            return
        moved = moved.model_copy(update={"picture": sha256 is not None})
        # The end may come before the beginning: records that got lost on the way are asked for again.
        connection.exec_driver_sql(
            "INSERT INTO camera_moved VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (address, camera, id) DO UPDATE SET"
            " body=excluded.body, picture=coalesce(excluded.picture, picture) WHERE ?",
            (address, camera, moved.id, millis(moved.begin), moved.model_dump_json(), sha256, moved.end is not None),
        )
        self._since_trim += 1
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            connection.exec_driver_sql(
                "DELETE FROM camera_moved WHERE begin < (SELECT begin FROM camera_moved ORDER BY begin DESC"
                " LIMIT 1 OFFSET ?)",
                (self._keep - 1,),
            )


def _sent(connection: Connection, address: str, record: Event) -> None:
    """What became of the sending of a clip, as the node tells."""
    fault, state = None, record.data.get("state")
    if state == "failed":
        params = {k: v for k, v in record.data.items() if isinstance(v, str | int | float) and k in _FILLING}
        fault = Fault.of(str(record.data.get("code") or "media.refused"), **params)
    elif state != "sent":
        return
    connection.exec_driver_sql(
        "UPDATE camera_clips SET state=?, fault=? WHERE address=? AND sha256=? AND state='sending'",
        (state, fault.model_dump_json() if fault else "", address, str(record.data.get("sha256"))),
    )


def save_clip(connection: Connection, clip: Clip) -> None:
    """Keep a clip as it stands now; of too many the oldest are forgotten."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO camera_clips VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(clip.id, clip.address, clip.camera, millis(clip.begin), millis(clip.end), millis(clip.asked)),
            *(clip.state, clip.sha256, clip.bytes, clip.gap_s, millis(clip.cut_begin), millis(clip.cut_end)),
            clip.fault.model_dump_json() if clip.fault else "",
        ),
    )
    connection.exec_driver_sql(
        "DELETE FROM camera_clips WHERE asked < (SELECT asked FROM camera_clips ORDER BY asked DESC LIMIT 1 OFFSET ?)",
        (MOST_CLIPS - 1,),
    )


def opened(database: Path) -> "closing[sqlite3.Connection]":
    """A connection that only reads. Raises sqlite3.Error."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    return closing(sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False))


def clips(connection: sqlite3.Connection, address: str, camera: str, most: int) -> list[Clip]:
    """Those asked for last, newest first."""
    query = "SELECT * FROM camera_clips WHERE address=? AND camera=? ORDER BY asked DESC LIMIT ?"
    return [_clip(row) for row in connection.execute(query, (address, camera, most))]


def clip(connection: sqlite3.Connection, id_: str) -> Clip | None:
    """One clip."""
    row = connection.execute("SELECT * FROM camera_clips WHERE id=?", (id_,)).fetchone()
    return _clip(row) if row else None


def moved(connection: sqlite3.Connection, address: str, camera: str, begin: datetime, end: datetime) -> list[Moved]:
    """Motion that the node told of and that began between two instants, first to last."""
    query = "SELECT body FROM camera_moved WHERE address=? AND camera=? AND begin>=? AND begin<? ORDER BY begin, id"
    found = connection.execute(query, (address, camera, millis(begin), millis(end)))
    return [Moved.model_validate_json(body) for (body,) in found]


def pictures(connection: sqlite3.Connection, address: str, camera: str, ids: Sequence[str]) -> dict[str, str]:
    """Motion -> SHA-256 of its picture, of those that were sent."""
    query = (
        "SELECT id, picture FROM camera_moved WHERE address=? AND camera=? AND picture NOT NULL"
        " AND id IN (SELECT value FROM json_each(?))"
    )
    return dict(connection.execute(query, (address, camera, json.dumps(list(ids)))).fetchall())


def save_picture(connection: Connection, address: str, camera: str, id_: str, sha256: str) -> None:
    """Remember the picture of a motion that was asked for; of motion unknown here nothing is kept."""
    connection.exec_driver_sql(
        "UPDATE camera_moved SET picture=? WHERE address=? AND camera=? AND id=?", (sha256, address, camera, id_)
    )


def _clip(row: tuple[str, str, str, int, int, int, ClipState, str, int, float, int, int, str]) -> Clip:
    id_, address, camera, begin, end, asked, state, sha256, size, gap_s, cut_begin, cut_end, fault = row
    return Clip(
        id=id_,
        address=address,
        camera=camera,
        begin=instant(begin),
        end=instant(end),
        asked=instant(asked),
        state=state,
        sha256=sha256,
        bytes=size,
        gap_s=gap_s,
        cut_begin=instant(cut_begin),
        cut_end=instant(cut_end),
        fault=Fault.model_validate_json(fault) if fault else None,
    )
