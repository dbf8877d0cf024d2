"""Pictures of motion events: a JPEG each, which also says what the event was (a comment in it)."""

from __future__ import annotations

import contextlib
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from camera.model import MotionEvent

UPSERT = (
    "INSERT INTO event (id, camera, begin, end, zones, score, label, box, picture, kept)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET end = excluded.end, zones = excluded.zones,"
    " score = excluded.score, label = excluded.label, box = excluded.box, picture = excluded.picture"
)
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_SOI, _COM = b"\xff\xd8", b"\xff\xfe"
_OURS = b"edge-agent event "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def path_of(directory: Path, camera: str, event: str) -> Path:
    """Return where an event's picture lies. Raises `ValueError` for what is no event's id."""
    if not _ID.match(event):
        raise ValueError(f"{event!r} is no id of an event")
    return directory / camera / "events" / f"{event}.jpg"


def store(directory: Path, event: MotionEvent, jpeg: bytes | None) -> int:
    """Write the picture, or bring what the one there says up to date; return its bytes, 0 without. Raises `OSError`."""
    path = path_of(directory, event.camera, event.id)
    if jpeg is None:
        try:
            jpeg = path.read_bytes()
        except FileNotFoundError:
            return 0
    data = _with_comment(jpeg, event)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return len(data)


def row_of(event: MotionEvent, size: int) -> tuple[object, ...]:
    """Return the row of `UPSERT`."""
    box = json.dumps(event.box) if event.box else None
    end = _ms(event.end) if event.end else None
    label, zones = event.label, json.dumps(event.zones)
    return event.id, event.camera, _ms(event.begin), end, zones, event.score, label, box, size


def event_in(path: Path) -> MotionEvent | None:
    """Return the event that a picture of ours tells; None for any other file. Raises `OSError`."""
    with path.open("rb") as file:
        data = file.read(4096)
    if data[:4] != _SOI + _COM or data[6 : 6 + len(_OURS)] != _OURS:
        return None
    try:
        fields: dict[str, Any] = json.loads(data[6 + len(_OURS) : 4 + int.from_bytes(data[4:6], "big")])
        box = fields["box"]
        return MotionEvent(
            id=path.stem,
            camera=path.parent.parent.name,
            begin=_at(fields["begin"]),
            end=_at(fields["end"]) if fields["end"] is not None else None,
            zones=tuple(str(zone) for zone in fields["zones"]),
            score=float(fields["score"]),
            label=str(fields["label"]) if fields["label"] is not None else None,
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])) if box else None,
        )
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        return None


def _with_comment(jpeg: bytes, event: MotionEvent) -> bytes:
    if jpeg[:4] == _SOI + _COM and jpeg[6 : 6 + len(_OURS)] == _OURS:
        jpeg = _SOI + jpeg[4 + int.from_bytes(jpeg[4:6], "big") :]
    fields = {
        "begin": _ms(event.begin),
        "end": _ms(event.end) if event.end else None,
        "zones": event.zones[:20],
        "score": event.score,
        "label": event.label,
        "box": event.box,
    }
    comment = _OURS + json.dumps(fields, separators=(",", ":")).encode()
    if jpeg[:2] != _SOI or len(comment) > 4000:
        return jpeg
    return b"".join((_SOI, _COM, (len(comment) + 2).to_bytes(2, "big"), comment, jpeg[2:]))


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _at(ms: Any) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(ms))
