"""The index file: its tables, and how it is opened, shared, and made anew when it is spoiled."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from camera.recordings.boxes import BadFile, read_head

logger = logging.getLogger(__name__)

INDEX = "index.sqlite3"
OPEN, DONE, GARBAGE = 0, 1, 2
"""States of a segment: being written, finished, about to be deleted."""
_VERSION = 1
_TABLES = f"""
CREATE TABLE segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- grows in the order of recording, whatever the clock does
    camera TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, -- from the directory of the index
    begin INTEGER NOT NULL, -- ms since 1970, UTC; as are all times
    end INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    state INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX segment_begin ON segment (camera, begin);
CREATE INDEX segment_order ON segment (camera, state, id);
CREATE TABLE event (
    id TEXT PRIMARY KEY,
    camera TEXT NOT NULL,
    begin INTEGER NOT NULL,
    end INTEGER, -- NULL while it lasts
    zones TEXT NOT NULL,
    score REAL NOT NULL,
    label TEXT,
    box TEXT,
    picture INTEGER NOT NULL DEFAULT 0, -- bytes of it; 0: none
    kept INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX event_begin ON event (camera, begin);
CREATE TABLE camera ( -- what it may take and how long, also when nobody records it any more
    id TEXT PRIMARY KEY, bytes INTEGER NOT NULL, days REAL NOT NULL, event_days REAL NOT NULL
);
CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE usage (camera TEXT PRIMARY KEY, bytes INTEGER NOT NULL, kept INTEGER NOT NULL);
CREATE TRIGGER segment_new AFTER INSERT ON segment WHEN new.state = {DONE} BEGIN
    INSERT INTO usage VALUES (new.camera, new.bytes, new.bytes * new.kept) ON CONFLICT (camera)
        DO UPDATE SET bytes = bytes + excluded.bytes, kept = kept + excluded.kept;
END;
CREATE TRIGGER segment_gone AFTER DELETE ON segment WHEN old.state = {DONE} BEGIN
    UPDATE usage SET bytes = bytes - old.bytes, kept = kept - old.bytes * old.kept WHERE camera = old.camera;
END;
CREATE TRIGGER segment_changed AFTER UPDATE ON segment BEGIN
    INSERT INTO usage VALUES (new.camera,
        new.bytes * (new.state = {DONE}) - old.bytes * (old.state = {DONE}),
        new.bytes * (new.state = {DONE}) * new.kept - old.bytes * (old.state = {DONE}) * old.kept)
        ON CONFLICT (camera) DO UPDATE SET bytes = bytes + excluded.bytes, kept = kept + excluded.kept;
END;
CREATE TRIGGER event_new AFTER INSERT ON event BEGIN
    INSERT INTO usage VALUES (new.camera, new.picture, new.picture * new.kept) ON CONFLICT (camera)
        DO UPDATE SET bytes = bytes + excluded.bytes, kept = kept + excluded.kept;
END;
CREATE TRIGGER event_gone AFTER DELETE ON event BEGIN
    UPDATE usage SET bytes = bytes - old.picture, kept = kept - old.picture * old.kept WHERE camera = old.camera;
END;
CREATE TRIGGER event_changed AFTER UPDATE ON event BEGIN
    UPDATE usage SET bytes = bytes + new.picture - old.picture,
        kept = kept + new.picture * new.kept - old.picture * old.kept WHERE camera = new.camera;
END;
PRAGMA user_version = {_VERSION};
"""  # noqa: S608 - numbers from above
_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BUSY_MS = 5000
_AHEAD = 100_000
"""A new index counts on from so far above the newest files, so that what comes is newer than all that is found."""


def open_index(directory: Path) -> sqlite3.Connection:
    """Return a connection for writing; a spoiled index is put aside and begun anew. Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        try:
            try:
                return _open(directory / INDEX)
            except sqlite3.DatabaseError as error:
                if not is_spoiled(error):
                    raise
                logger.error("the index of recordings is spoiled (%s); it is made again from the files", error)
                _put_aside(directory)
                connection = _open(directory / INDEX)
                _salvage(directory, connection)
                return connection
        except sqlite3.Error as error:
            raise as_os_error(error) from error


def read_index(directory: Path) -> sqlite3.Connection:
    """Return a connection for readers, who also may mark what is kept; an empty one where nothing was recorded yet.

    Raises `sqlite3.Error`.
    """
    path = directory / INDEX
    connection = _connect(path if path.is_file() else Path(":memory:"))
    if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:  # just being made, or not there
        connection.close()
        connection = _connect(Path(":memory:"))
        connection.executescript(_TABLES)
    return connection


def is_spoiled(error: sqlite3.Error) -> bool:
    """Whether the data are to blame, not the disk and no other process."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return isinstance(error, sqlite3.DatabaseError) and code not in _DISK | _BUSY


def as_os_error(error: sqlite3.Error) -> OSError:
    """Return the error as the disk would tell it."""
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF
    number = errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO
    return OSError(number, f"the index of recordings: {error}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
    connection.execute("PRAGMA cache_size = -512")  # KiB: one of these lives in every group process
    return connection


def _open(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the newest rows, never the order: the files say what is missing (`audit`).
        connection.execute("PRAGMA synchronous = NORMAL")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
            first = _highest_serial(path.parent) + _AHEAD
            connection.execute("INSERT INTO sqlite_sequence VALUES ('segment', ?)", (first,))
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"version {version} is not known")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """No other process opens or replaces the index meanwhile."""
    fd = os.open(directory / "index.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _put_aside(directory: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            (directory / (INDEX + suffix)).replace(directory / f"broken-{INDEX}{suffix}")


def _highest_serial(directory: Path) -> int:
    """Look at the last file of each day, as names go."""
    highest = 0
    for day in directory.glob("*/????-??-??"):
        try:
            fd = os.open(max(day.glob("*.mp4")), os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError):
            continue
        try:
            mark = read_head(fd).mark
            highest = max(highest, mark.serial if mark else 0)
        except (OSError, BadFile):
            continue
        finally:
            os.close(fd)
    return highest


def _salvage(directory: Path, new: sqlite3.Connection) -> None:
    """Take over readable events and what is kept: all else is in the files."""
    columns = "id, camera, begin, end, zones, score, label, box, picture, kept"
    rows: list[tuple[object, ...]] = []
    old = sqlite3.connect(directory / f"broken-{INDEX}")
    try:
        rows += old.execute(f"SELECT {columns} FROM event")  # noqa: S608 - names from above
    except sqlite3.Error as error:
        logger.warning("%d events could be taken over (%s)", len(rows), error)
    finally:
        old.close()
    for row in rows:
        with contextlib.suppress(sqlite3.Error):  # a spoiled row is left out
            new.execute(f"INSERT OR IGNORE INTO event ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", row)  # noqa: S608
