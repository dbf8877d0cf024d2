"""One SQLite database, one writer thread, group commit: what `write` returned from is on disk."""

import asyncio
import errno
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from edge_agent.store import salvage, wal
from edge_agent.store.files import sync_folder
from edge_agent.store.schema import migrate

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_QUEUE_LIMIT = 20_000
_GROUP = 1_000
_CORRUPT_KEPT = 2
"""Corrupt databases that stay beside the good one to be looked at; more would fill the card."""


class StoreError(Exception):
    """Writing failed. `full`: the disk has no room; otherwise a defect of disk, rights or data."""

    def __init__(self, detail: str, *, full: bool = False) -> None:
        super().__init__(detail)
        self.full = full


class Counters(Protocol):
    """What somebody counts in memory inside transactions: it must go back when the transaction does."""

    def snapshot(self) -> object:
        """What `restore` needs."""
        ...

    def restore(self, snapshot: Any) -> None:
        """The transaction was rolled back."""
        ...


class _Task:
    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Work[Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None


class Database:
    """The node's database. Open it with `Database(path)`, close it with `close()`."""

    def __init__(self, path: Path) -> None:
        """Opens, checks and migrates. Raises sqlite3.DatabaseError when the file is corrupt."""
        self.path = path
        self._counters: list[Counters] = []
        self._connection, self.cut = _open(path)
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()  # the quickest hand-over that Python has
        self._closing = False
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def keep(self, counters: Counters) -> None:
        """Set counters back whenever a transaction is rolled back."""
        self._counters.append(counters)

    async def write(self, work: Work[T]) -> T:
        """Do the work in a transaction; returns when it is on disk. Works that come together share one commit.

        `work` may be called again, after a roll-back, when another one of its group failed.

        Raises StoreError when the disk refuses, and whatever `work` raises (then nothing of it is kept).
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._closing:
            raise StoreError("the database is closed")
        if self._tasks.qsize() >= _QUEUE_LIMIT:
            raise StoreError("too many writes are waiting for the disk")
        self._loop = loop
        self._tasks.put(_Task(work, future))
        return await future

    read = write
    """Reading is done by the same thread; it costs no commit when nothing was written."""

    def close(self) -> None:
        """Finish what is waiting, then close."""
        self._closing = True
        self._tasks.put(None)
        self._thread.join(timeout=30)

    def _run(self) -> None:
        open_ = True
        while open_:
            group: list[_Task] = []
            task = self._tasks.get()
            while True:
                if task is None:
                    open_ = False
                    break
                group.append(task)
                if len(group) >= _GROUP:
                    break
                try:
                    task = self._tasks.get_nowait()
                except Empty:
                    break
            if group:
                self._commit(group)
        self._connection.close()

    def _commit(self, group: list[_Task]) -> None:
        """All in one transaction; when one of them fails, each in its own, so that only the bad one is refused."""
        try:
            self._transact(group)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if len(group) > 1:
                for task in group:
                    self._commit([task])
                return
            group[0].error = _translate(error)
        self._hand_back(group)

    def _hand_back(self, group: list[_Task]) -> None:
        try:
            self._loop.call_soon_threadsafe(_deliver, group)  # one wake-up of the loop for the whole group
        except RuntimeError:
            log.info("%d writes are on disk; nobody waits for the answer any more", len(group))

    def _transact(self, group: list[_Task]) -> None:
        connection = self._connection
        before = [(counters, counters.snapshot()) for counters in self._counters]
        connection.execute("BEGIN")
        try:
            for task in group:
                task.result = task.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for counters, snapshot in before:
                counters.restore(snapshot)
            raise


def _deliver(group: list[_Task]) -> None:
    for task in group:
        if task.future.done():
            continue
        if task.error is not None:
            task.future.set_exception(task.error)
        else:
            task.future.set_result(task.result)


def _open(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The connection, and whether transactions that had been on disk are missing at its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    commits = wal.commits(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
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


def _translate(error: Exception) -> Exception:
    if isinstance(error, sqlite3.Error):
        return StoreError(str(error), full=error.sqlite_errorcode == sqlite3.SQLITE_FULL)
    if isinstance(error, OSError):  # of a file that is written within the transaction
        return StoreError(str(error), full=error.errno in (errno.ENOSPC, errno.EDQUOT))
    return error


def open_or_set_aside(path: Path, stamp: str) -> tuple[Database, Path | None]:
    """Open the database; one that is corrupt is moved aside (`<name>.corrupt-<stamp>`) and a new one begun.

    Whatever can still be read of calendar, overrides and known commands is taken over; the outbox is not, since nobody
    could say what is missing of it. Returns the database, and where the corrupt one went.
    """
    try:
        return Database(path), None
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise  # no room, no permission: the data is not to blame
        log.exception("the database %s is corrupt", path)
    moved = _set_aside(path, stamp)
    connection, _ = _open(path)
    try:
        salvage.copy(moved, connection)
    finally:
        connection.close()
    return Database(path), moved


def _set_aside(path: Path, stamp: str) -> Path:
    before = sorted(path.parent.glob(f"{path.name}.corrupt-*"))
    names = sorted({old.name.removesuffix("-wal").removesuffix("-shm") for old in before}, reverse=True)
    for old in before:
        if not old.name.startswith(tuple(names[: _CORRUPT_KEPT - 1])):
            old.unlink()
    moved = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(moved.with_name(moved.name + suffix))
    sync_folder(path.parent)
    return moved
