"""Look into the recordings from any process, without PyAV. Blocking: call it in threads; `cut_clip` and `still_at` wait
for a process of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from camera.model import CameraFault, Snapshot
from camera.recordings import pictures
from camera.recordings.asking import ask
from camera.recordings.audit import protect
from camera.recordings.boxes import BadFile, fragments, read_head
from camera.recordings.catalogue import from_ms, to_ms
from camera.recordings.protection import refuse_too_much
from camera.recordings.records import Clip, Span, StoredEvent
from camera.recordings.schema import DONE, OPEN, read_index
from camera.settings import Polygon

UNBROKEN_MS = 2000
"""Files that follow each other sooner are one span: arrivals jitter."""
CLIP_LIMIT_S = 600.0
"""How long cutting may take: an hour of video is copied twice, on a slow card."""
STILL_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A file with video; times in ms since 1970, UTC."""

    path: Path
    begin: int
    end: int
    bytes: int
    kept: bool


class Library:
    """The recordings under `directory`, which need not exist yet. Safe to use from several threads.

    Methods raise `CameraFault` (camera.disk_error) when the index cannot be read; whoever records mends it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def spans(self, camera: str, begin: datetime, end: datetime) -> list[Span]:
        """Return what was recorded between two instants, oldest first; unbroken files are one span."""
        spans: list[Span] = []
        for one in self.segments(camera, to_ms(begin), to_ms(end)):
            span = Span(from_ms(one.begin), from_ms(one.end), one.bytes, one.kept)
            last = spans[-1] if spans else None
            if last is None or last.kept != span.kept or one.begin - to_ms(last.end) > UNBROKEN_MS:
                spans.append(span)
            else:
                spans[-1] = Span(last.begin, max(last.end, span.end), last.bytes + span.bytes, span.kept)
        return spans

    def segments(self, camera: str, begin: int, end: int) -> list[Stored]:
        """Return the files between two instants (ms), in order of their begin; also the one being written."""
        with self._index() as index:
            rows = index.execute(
                "SELECT path, begin, end, bytes, kept, state FROM segment"
                " WHERE camera = ? AND state IN (?, ?) AND begin < ? AND (end > ? OR state = ?) ORDER BY begin, id",
                (camera, OPEN, DONE, end, begin, OPEN),
            ).fetchall()
        found: list[Stored] = []
        for path, first, last, size, kept, state in rows:
            stored = Stored(self.directory / path, first, last, size, bool(kept))
            measured = _measured(stored) if state == OPEN else stored
            if measured is not None and measured.end > begin:
                found.append(measured)
        return found

    def events(self, camera: str, begin: datetime, end: datetime, limit: int) -> list[StoredEvent]:
        """Return up to `limit` events that touch the time between two instants, oldest first."""
        with self._index() as index:
            rows = index.execute(
                "SELECT id, camera, begin, end, zones, score, label, box, picture, kept FROM event WHERE camera = ?"
                " AND begin < ? AND coalesce(end, begin) >= ? ORDER BY begin, id LIMIT ?",
                (camera, to_ms(end), to_ms(begin), limit),
            ).fetchall()
        return [_event(row) for row in rows]

    def picture(self, event_id: str) -> Path | None:
        """Return the file of an event's picture (JPEG); None when there is none."""
        with self._index() as index:
            row = index.execute("SELECT camera FROM event WHERE id = ?", (event_id,)).fetchone()
        with contextlib.suppress(ValueError):
            path = pictures.path_of(self.directory, row[0], event_id) if row else None
            return path if path is not None and path.is_file() else None
        return None

    def keep(self, camera: str, begin: datetime, end: datetime, keep: bool) -> None:
        """Keep the video and events of this time whatever their age, or no longer. Whole files are kept.

        Raises `CameraFault`: camera.not_recorded, or camera.protected_full when too much would be kept.
        """
        files = [one.path for one in self.segments(camera, to_ms(begin), to_ms(end))]
        if not files:
            raise CameraFault("camera.not_recorded", f"{camera} recorded nothing at that time", retry=False)
        if not keep:
            self._protect(files, keep)
        with self._index() as index:
            index.execute("BEGIN IMMEDIATE")
            paths = [(keep, str(path.relative_to(self.directory))) for path in files]
            index.executemany("UPDATE segment SET kept = ? WHERE path = ?", paths)
            index.execute(
                "UPDATE event SET kept = ? WHERE camera = ? AND begin < ? AND coalesce(end, begin) >= ?",
                (keep, camera, to_ms(end), to_ms(begin)),
            )
            if keep:
                refuse_too_much(index, self.directory, camera)
            index.execute("COMMIT")
        if keep:
            self._protect(files, keep)

    def oldest(self, camera: str) -> datetime | None:
        """Return where the recording begins; None when there is none."""
        with self._index() as index:
            row = index.execute(
                "SELECT begin FROM segment WHERE camera = ? AND state <= ? ORDER BY id LIMIT 1", (camera, DONE)
            ).fetchone()
        return from_ms(row[0]) if row else None

    def used(self) -> int:
        """Return the bytes of all recordings and event pictures, of every camera."""
        with self._index() as index:
            return int(index.execute("SELECT coalesce(sum(bytes), 0) FROM usage").fetchone()[0])

    @staticmethod
    def _protect(files: list[Path], keep: bool) -> None:
        try:
            for file in files:
                protect(file, keep)
        except OSError as error:
            raise CameraFault("camera.disk_error", f"the video cannot be marked ({error.strerror})") from error

    @contextlib.contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """Open the index for one question: it may be another file by the next. An empty one where there is none."""
        try:
            index = read_index(self.directory)
            try:
                yield index
            finally:
                index.close()  # rolls back what was not committed
        except sqlite3.Error as error:
            raise CameraFault("camera.disk_error", f"the index of recordings cannot be used ({error})") from error


def _measured(stored: Stored) -> Stored | None:
    """Return a file that is being written as far as it is whole now."""
    try:
        fd = os.open(stored.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        head = read_head(fd)
        newest = deque(fragments(fd, head, os.fstat(fd).st_size), maxlen=1)
        if not newest:
            return None
        last = newest[0]
        end = stored.begin + last.end * 1000 // head.timescale
        return Stored(stored.path, stored.begin, end, last.place + last.size, stored.kept)
    except (BadFile, OSError):
        return None
    finally:
        os.close(fd)


def _event(row: Sequence[object]) -> StoredEvent:
    name, camera, begin, end, zones, score, label, box, picture, kept = row
    corners = json.loads(str(box)) if box is not None else None
    return StoredEvent(
        id=str(name),
        camera=str(camera),
        begin=from_ms(int(str(begin))),
        end=from_ms(int(str(end))) if end is not None else None,
        zones=tuple(json.loads(str(zones))),
        score=float(str(score)),
        label=str(label) if label is not None else None,
        box=(corners[0], corners[1], corners[2], corners[3]) if corners else None,
        picture=bool(picture),
        kept=bool(kept),
    )


async def cut_clip(directory: Path, camera: str, begin: datetime, end: datetime, target: Path) -> Clip:
    """Cut a clip by copy into the new file `target` (faststart MP4), also out of what is being recorded now.

    Raises `CameraFault`: camera.not_recorded, camera.disk_full, camera.disk_error, camera.timeout.
    """
    wanted = {"do": "clip", "begin": to_ms(begin), "end": to_ms(end), "target": str(target)}
    try:
        answer, _body = await ask({**wanted, "directory": str(directory), "camera": camera}, CLIP_LIMIT_S)
    finally:
        target.with_name(target.name + ".part").unlink(missing_ok=True)
    return Clip(
        path=target,
        bytes=int(answer["bytes"]),
        sha256=str(answer["sha256"]),
        begin=from_ms(int(answer["begin"])),
        end=from_ms(int(answer["end"])),
        gap_s=float(answer["gap_s"]),
        cut_short=bool(answer["cut_short"]),
    )


async def still_at(directory: Path, camera: str, at: datetime, masks: Sequence[Polygon] = ()) -> Snapshot:
    """Return the recorded key frame at or before `at` as JPEG, `masks` painted black.

    Raises `CameraFault`: camera.not_recorded, camera.no_picture, camera.timeout.
    """
    wanted = {"do": "still", "at": to_ms(at), "masks": list(masks)}
    answer, body = await ask({**wanted, "directory": str(directory), "camera": camera}, STILL_LIMIT_S)
    return Snapshot(body, from_ms(int(answer["at"])), int(answer["width"]), int(answer["height"]))
