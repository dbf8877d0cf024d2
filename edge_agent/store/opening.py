"""Opens the database file, or a copy in memory of what can be read of it while its disk takes no writing."""

import errno
import logging
import shutil
import sqlite3
import tempfile
from pathlib import Path

from edge_agent.store import wal
from edge_agent.store.schema import migrate

log = logging.getLogger(__name__)
_DISK_FAULTS = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
)
_ELSEWHERE = ("/dev/shm", "/run", None)  # noqa: S108 - a folder of its own is made there; None: the usual place


class StoreError(Exception):
    """Writing failed. `full`: the disk has no room; otherwise a defect of disk, rights or data."""

    def __init__(self, detail: str, *, full: bool = False) -> None:
        super().__init__(detail)
        self.full = full


def open_file(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The connection, and whether transactions that had been on disk are missing at its end.

    Raises sqlite3.DatabaseError, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    commits = wal.commits(path)
    connection = _connect(str(path))
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=5000")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        cut = wal.cut(connection, commits)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection, cut


def open_copy(path: Path) -> sqlite3.Connection:
    """A database in memory with what the file holds; an empty one where nothing can be read."""
    memory = _connect(":memory:")
    for place in _ELSEWHERE:
        try:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                copy = Path(folder) / path.name
                for suffix in ("", "-wal"):
                    if (part := path.with_name(path.name + suffix)).exists():
                        shutil.copyfile(part, copy.with_name(copy.name + suffix))
                connection, _ = open_file(copy)
                connection.backup(memory)
                connection.close()
            return memory
        except (OSError, sqlite3.Error) as error:
            log.warning("no copy of %s in %s: %s", path.name, place or "the temporary folder", error)
    migrate(memory)
    return memory


def is_disk_fault(error: sqlite3.Error | OSError) -> bool:
    """Whether the disk is to blame (no room, read-only, no rights), not the data."""
    if isinstance(error, OSError):
        return True
    return getattr(error, "sqlite_errorcode", -1) & 0xFF in _DISK_FAULTS  # the low byte is the primary code


def refusal(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """The error as callers of the store get it."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    else:
        code = getattr(error, "sqlite_errorcode", -1) & 0xFF
        # SQLite calls it an I/O error when there is no room for its small helper file
        full = code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_room(path))
    return StoreError(str(error), full=full)


def _no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < 64 * 1024
    except OSError:
        return False


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, isolation_level=None, check_same_thread=False)
