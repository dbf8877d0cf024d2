"""One SQLite database, one writer thread, group commit: what `write` returned from is on disk."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from edge_agent.store import salvage
from edge_agent.store.files import sync_folder
from edge_agent.store.opening import StoreError, is_disk_fault, open_copy, open_file, refusal

__all__ = ["Counters", "Database", "StoreError", "open_or_set_aside"]

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_QUEUE_LIMIT = 20_000
_GROUP = 1_000
_TRY_AGAIN_S = 5
_CORRUPT_KEPT = 2
"""Corrupt databases that stay beside the good one to be looked at; more would fill the card."""


class Counters(Protocol):
    """What somebody counts in memory inside transactions: it must go back when the transaction does."""

    def snapshot(self) -> object:
        """What `restore` needs."""
        ...

    def restore(self, snapshot: Any) -> None:
        """The transaction was rolled back."""
        ...

    def reload(self, db: sqlite3.Connection) -> None:
        """The file can be used again; before, only a copy could be read, perhaps none at all."""
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
        """Opens, checks and migrates. Raises sqlite3.DatabaseError when the file is corrupt.

        On a disk that is full or read-only it works from a copy in memory: what was known can be read, every write is
        refused with StoreError, and the file is tried again.
        """
        self.path = path
        self._counters: list[Counters] = []
        self.cut = False
        self._refusal: StoreError | None = None
        self._try_at = 0.0
        self._connection = self._open()
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

    def _open(self) -> sqlite3.Connection:
        try:
            connection, self.cut = open_file(self.path)
        except (sqlite3.Error, OSError) as error:
            if not is_disk_fault(error):
                raise
            self._refusal = refusal(error, self.path)
            self._try_at = time.monotonic() + _TRY_AGAIN_S
            log.exception("%s takes no writing; working from a copy in memory", self.path)
            return open_copy(self.path)
        return connection

    def _come_back(self) -> None:
        """Use the file again as soon as its disk takes writing; nothing was written to the copy meanwhile."""
        if self._refusal is None or time.monotonic() < self._try_at:
            return
        self._try_at = time.monotonic() + _TRY_AGAIN_S
        try:
            connection, self.cut = open_file(self.path)
            connection.execute("BEGIN")
            for counters in self._counters:
                counters.reload(connection)
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            log.warning("%s still takes no writing: %s", self.path, error)
            return
        log.warning("%s takes writing again", self.path)
        self._connection.close()
        self._connection, self._refusal = connection, None

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
        self._come_back()
        try:
            self._transact(group)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if len(group) > 1:
                for task in group:
                    self._commit([task])
                return
            group[0].error = refusal(error, self.path) if isinstance(error, sqlite3.Error | OSError) else error
        self._hand_back(group)

    def _hand_back(self, group: list[_Task]) -> None:
        try:
            self._loop.call_soon_threadsafe(_deliver, group)  # one wake-up of the loop for the whole group
        except RuntimeError:
            log.info("%d writes are on disk; nobody waits for the answer any more", len(group))

    def _transact(self, group: list[_Task]) -> None:
        connection = self._connection
        changes = connection.total_changes
        before = [(counters, counters.snapshot()) for counters in self._counters]
        connection.execute("BEGIN")
        try:
            for task in group:
                task.result = task.work(connection)
            if self._refusal is not None and connection.total_changes != changes:
                raise StoreError(str(self._refusal), full=self._refusal.full)
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


def open_or_set_aside(path: Path, stamp: str) -> tuple[Database, Path | None]:
    """Open the database; one that is corrupt is moved aside (`<name>.corrupt-<stamp>`) and a new one begun.

    Whatever can still be read of calendar, overrides and known commands is taken over; the outbox is not, since nobody
    could say what is missing of it. Returns the database, and where the corrupt one went.
    """
    try:
        return Database(path), None
    except sqlite3.DatabaseError:
        log.exception("the database %s is corrupt", path)
    moved = _set_aside(path, stamp)
    connection, _ = open_file(path)
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
