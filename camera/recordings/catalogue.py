"""The index of all recordings under a directory, in SQLite: shared by group processes and the agent.

A file and its row are never out of step for longer than a crash: the row is there before the file (open), finished
after it, and marked as garbage before the file is deleted. What a crash left between is mended by `audit`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from camera.model import CameraConfig, CameraFault, MotionEvent
from camera.recordings import pictures
from camera.recordings.schema import DONE, GARBAGE, INDEX, OPEN, as_os_error, is_spoiled, open_index
from camera.settings import Disk, Retention

logger = logging.getLogger(__name__)


MOST_EVENTS = 2000
"""Of a camera that is watched for motion and not recorded; of others their days and bytes decide."""
_SHOWN_S = 5.0
"""Around an event whose camera says nothing else."""


def to_ms(at: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """Return the instant, aware UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


class Catalogue:
    """One for each directory and process: get it by `Catalogue.of`. Thread-safe, blocking; methods raise `OSError`."""

    _all: ClassVar[dict[Path, Catalogue]] = {}
    _all_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.opened = 0
        """How often the index was opened: more than before means that it may have been lost and begun anew."""
        self.retention: dict[str, Retention] = {}
        self.disk = Disk()
        self.events_only: set[str] = set()
        """Cameras whose video without motion goes after minutes."""
        self.margin_ms: dict[str, int] = {}
        """What the clip of an event shows of the time before and after, by camera."""
        self.writing: dict[str, int] = {}
        """Bytes of the segments that this process writes now, by path."""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    @classmethod
    def of(cls, directory: Path) -> Catalogue:
        """Return this process's catalogue of `directory`. Opens nothing yet."""
        with cls._all_lock:
            return cls._all.setdefault(directory.absolute(), cls(directory.absolute()))

    def close(self) -> None:
        """Close the index; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Do a transaction alone. Raises `OSError`, also for what SQLite raises inside."""
        with self._lock, self._errors():
            connection = self._ready()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query; `values` are in order, or one dict of names."""
        with self._lock, self._errors():
            named = values[0] if values and isinstance(values[0], dict) else values
            return self._ready().execute(sql, named).fetchall()

    def register(self, config: CameraConfig, disk: Disk) -> None:
        """Say what a camera and all of them may take."""
        camera, retention = config.id, config.retention
        self.retention[camera], self.disk = retention, disk
        shown_s = max(config.motion.before_s, config.motion.after_s) if config.motion else 0
        self.margin_ms[camera] = round(1000 * max(shown_s, _SHOWN_S))
        (self.events_only.add if config.keep == "events" else self.events_only.discard)(camera)
        with self.write() as index:
            limits = (camera, retention.most_bytes, retention.days, retention.event_days)
            index.execute("INSERT OR REPLACE INTO camera VALUES (?, ?, ?, ?)", limits)
            index.execute("INSERT OR REPLACE INTO fact VALUES ('disk_bytes', ?)", (disk.bytes or 0,))
            index.execute("INSERT OR REPLACE INTO fact VALUES ('free_bytes', ?)", (disk.free_bytes,))

    def close_events(self, camera: str) -> None:
        """End events that a crash left open."""
        with self.write() as index:
            index.execute("UPDATE event SET end = begin WHERE camera = ? AND end IS NULL", (camera,))

    def begin_segment(self, camera: str, path: str, begin: int) -> int | None:
        """Enter a segment before its file is made; return its number, None when the name is taken."""
        with self.write() as index:
            cursor = index.execute(
                "INSERT OR IGNORE INTO segment (camera, path, begin, end, bytes, state) VALUES (?, ?, ?, ?, 0, ?)",
                (camera, path, begin, begin, OPEN),
            )
            number = cursor.lastrowid if cursor.rowcount else None
        if number is not None:
            self.writing[path] = 0
        return number

    def finish_segment(self, camera: str, path: str, begin: int, end: int, size: int) -> None:
        """Enter a segment as it lies on the disk, also into an index that has lost its row."""
        values = (begin, end, size, DONE, path)
        with self.write() as index:
            found = index.execute("UPDATE segment SET begin = ?, end = ?, bytes = ?, state = ? WHERE path = ?", values)
            if not found.rowcount:
                index.execute(
                    "INSERT INTO segment (begin, end, bytes, state, path, camera) VALUES (?, ?, ?, ?, ?, ?)",
                    (*values, camera),
                )
        self.writing.pop(path, None)

    def forget_segment(self, number: int, path: str) -> None:
        """Take a segment out whose file is not there."""
        self.writing.pop(path, None)
        with self.write() as index:
            index.execute("DELETE FROM segment WHERE id = ?", (number,))

    def delete_segments(self, numbers: Iterable[int]) -> int:
        """Delete segments: garbage first, then the files, then the rows. Returns how many."""
        numbers = list(numbers)
        try:
            self._condemn(numbers)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # Others filled the disk to the last byte: the index can say what goes only when something has gone.
            # `audit` takes away the row of a file that is gone, should the power go between.
            self._unlink_first(numbers)
            self._condemn(numbers)
        return self.remove_garbage()

    def _condemn(self, numbers: Sequence[int]) -> None:
        with self.write() as index:
            index.executemany("UPDATE segment SET state = ? WHERE id = ?", [(GARBAGE, number) for number in numbers])

    def _unlink_first(self, numbers: Sequence[int]) -> None:
        for (path,) in self.read("SELECT path FROM segment WHERE id = ?", min(numbers, default=0)):
            (self.directory / str(path)).unlink(missing_ok=True)

    def remove_garbage(self, camera: str = "%") -> int:
        """Delete the files of what is garbage, also of what a crash left so. Returns how many."""
        rows = self.read("SELECT id, path FROM segment WHERE state = ? AND camera LIKE ?", GARBAGE, camera)
        for _number, path in rows:
            file = self.directory / str(path)
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other files of that day remain
                file.parent.rmdir()
        with self.write() as index:
            index.executemany("DELETE FROM segment WHERE id = ?", [(number,) for number, _path in rows])
        return len(rows)

    def note_event(self, event: MotionEvent, jpeg: bytes | None) -> None:
        """Keep an event (again when it has ended), and its picture if there is one. Raises `CameraFault`."""
        try:
            size = pictures.store(self.directory, event, jpeg)
            with self.write() as index:
                index.execute(pictures.UPSERT, pictures.row_of(event, size))
            if event.camera not in self.retention:
                self._thin_events(event.camera)
        except OSError as error:
            raise CameraFault("camera.disk_error", f"an event cannot be kept ({error.strerror})") from error

    def _thin_events(self, camera: str) -> None:
        """Bound the events of a camera that is not recorded: nobody else sees to its limits."""
        rows = self.read(
            "SELECT id FROM event WHERE camera = ? AND NOT kept ORDER BY begin DESC LIMIT -1 OFFSET ?",
            camera,
            MOST_EVENTS,
        )
        for (name,) in rows:
            pictures.path_of(self.directory, camera, name).unlink(missing_ok=True)
        with self.write() as index:
            index.executemany("DELETE FROM event WHERE id = ?", rows)

    def _ready(self) -> sqlite3.Connection:
        """Return the connection to the index that is there now: another process may have begun it anew."""
        path = self.directory / INDEX
        try:
            inode = path.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection = open_index(self.directory)
            self._inode = path.stat().st_ino
            self.opened += 1
        return self._connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            logger.error("the index of recordings: %s", error)
            if is_spoiled(error):
                self.close()  # opening it looks at it closely, and begins it anew
            raise as_os_error(error) from error
