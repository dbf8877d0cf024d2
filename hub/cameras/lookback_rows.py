"""What the hub itself keeps of cameras: motion that nodes told of, and clips that people asked for.

Times in milliseconds since 1970. `note` and the `save_...` functions run in the store's thread; the others only read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event, Sample
from edge_agent.contract.watching import Moved
from hub.media import HASH
from hub.tables import Long, inserting, metadata, upsert

camera_moved = sa.Table(
    "camera_moved",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("camera", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("begin", Long, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("picture", sa.Text),
    sa.Index("camera_moved_begin", "address", "camera", "begin"),
)
camera_clips = sa.Table(
    "camera_clips",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("begin", Long, nullable=False),
    sa.Column("end", Long, nullable=False),
    sa.Column("asked", Long, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("bytes", Long, nullable=False),
    sa.Column("gap_s", sa.Double, nullable=False),
    sa.Column("cut_begin", Long, nullable=False),
    sa.Column("cut_end", Long, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
    sa.Index("camera_clips_camera", "address", "camera", "asked"),
    sa.Index("camera_clips_sha256", "address", "sha256"),
)

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
        row = {"address": address, "camera": camera, "id": moved.id, "begin": millis(moved.begin)}
        row |= {"body": moved.model_dump_json(), "picture": sha256}
        connection.execute(_keeping(connection.dialect.name, ended=moved.end is not None), row)
        self._since_trim += 1
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            oldest = sa.select(camera_moved.c.begin).order_by(camera_moved.c.begin.desc()).limit(1)
            too_old = camera_moved.c.begin < oldest.offset(self._keep - 1).scalar_subquery()
            connection.execute(camera_moved.delete().where(too_old))


def _keeping(dialect: str, *, ended: bool) -> sa.Insert:
    """What is known of a motion's end is not forgotten for its beginning that comes late."""
    insert = inserting(dialect, camera_moved)
    if not ended:
        return insert.on_conflict_do_nothing()
    picture = sa.func.coalesce(insert.excluded.picture, camera_moved.c.picture)
    key = ["address", "camera", "id"]
    return insert.on_conflict_do_update(index_elements=key, set_={"body": insert.excluded.body, "picture": picture})


def _sent(connection: Connection, address: str, record: Event) -> None:
    """What became of the sending of a clip, as the node tells."""
    fault, state = None, record.data.get("state")
    if state == "failed":
        params = {k: v for k, v in record.data.items() if isinstance(v, str | int | float) and k in _FILLING}
        fault = Fault.of(str(record.data.get("code") or "media.refused"), **params)
    elif state != "sent":
        return
    sending = camera_clips.update().where(
        camera_clips.c.address == address,
        camera_clips.c.sha256 == str(record.data.get("sha256")),
        camera_clips.c.state == "sending",
    )
    connection.execute(sending.values(state=state, fault=fault.model_dump_json() if fault else ""))


def save_clip(connection: Connection, clip: Clip) -> None:
    """Keep a clip as it stands now; of too many the oldest are forgotten."""
    row = {name: getattr(clip, name) for name in ("id", "address", "camera", "state", "sha256", "bytes", "gap_s")}
    row |= {name: millis(getattr(clip, name)) for name in ("begin", "end", "asked", "cut_begin", "cut_end")}
    upsert(connection, camera_clips, {**row, "fault": clip.fault.model_dump_json() if clip.fault else ""})
    oldest = sa.select(camera_clips.c.asked).order_by(camera_clips.c.asked.desc()).limit(1).offset(MOST_CLIPS - 1)
    connection.execute(camera_clips.delete().where(camera_clips.c.asked < oldest.scalar_subquery()))


def clips(connection: Connection, address: str, camera: str, most: int) -> list[Clip]:
    """Those asked for last, newest first."""
    of_camera = sa.select(camera_clips).where(camera_clips.c.address == address, camera_clips.c.camera == camera)
    found = connection.execute(of_camera.order_by(camera_clips.c.asked.desc()).limit(most))
    return [_clip(row) for row in found]


def clip(connection: Connection, id_: str) -> Clip | None:
    """One clip."""
    row = connection.execute(sa.select(camera_clips).where(camera_clips.c.id == id_)).one_or_none()
    return _clip(row) if row else None


def moved(connection: Connection, address: str, camera: str, begin: datetime, end: datetime) -> list[Moved]:
    """Motion that the node told of and that began between two instants, first to last."""
    table = camera_moved.c
    within = (table.begin >= millis(begin), table.begin < millis(end))
    query = sa.select(table.body).where(table.address == address, table.camera == camera, *within)
    found = connection.execute(query.order_by(table.begin, table.id)).scalars()
    return [Moved.model_validate_json(body) for body in found]


def pictures(connection: Connection, address: str, camera: str, ids: Sequence[str]) -> dict[str, str]:
    """Motion -> SHA-256 of its picture, of those that were sent."""
    table = camera_moved.c
    of_camera = (table.address == address, table.camera == camera, table.picture.is_not(None))
    found = connection.execute(sa.select(table.id, table.picture).where(*of_camera, table.id.in_(ids)))
    return {row.id: row.picture for row in found}


def save_picture(connection: Connection, address: str, camera: str, id_: str, sha256: str) -> None:
    """Remember the picture of a motion that was asked for; of motion unknown here nothing is kept."""
    table = camera_moved.c
    of_motion = camera_moved.update().where(table.address == address, table.camera == camera, table.id == id_)
    connection.execute(of_motion.values(picture=sha256))


def _clip(row: sa.Row[Any]) -> Clip:
    return Clip(
        id=row.id,
        address=row.address,
        camera=row.camera,
        begin=instant(row.begin),
        end=instant(row.end),
        asked=instant(row.asked),
        state=row.state,
        sha256=row.sha256,
        bytes=row.bytes,
        gap_s=row.gap_s,
        cut_begin=instant(row.cut_begin),
        cut_end=instant(row.cut_end),
        fault=Fault.model_validate_json(row.fault) if row.fault else None,
    )
