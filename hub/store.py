"""The hub's SQLite file: one named thread writes, jobs in order, many jobs in one durable commit."""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
Done = Callable[[Any, BaseException | None], None]

GROUP = 256
"""Jobs in one commit at most."""


class StoreFull(Exception):
    """Too many writes wait for the card. The work was not taken."""


@dataclass(frozen=True, slots=True)
class _Entry:
    job: Job
    done: Done | None


class Store:
    """Opens the file (WAL, `synchronous=FULL`), runs jobs in its thread `hub-store`."""

    def __init__(self, path: Path, schema: str, waiting: int = 5000) -> None:
        """`waiting`: jobs that may wait before `offer` refuses."""
        self._path = path
        self._schema = schema
        self._queue: queue.Queue[_Entry | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, name="hub-store", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self.on_rollback: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Open the file; one that is no database is put aside. Raises sqlite3.Error or OSError."""
        self._loop = asyncio.get_running_loop()
        self._connection = await asyncio.to_thread(self._open)
        self._thread.start()

    def offer(self, job: Job, done: Done | None = None) -> None:
        """Hand over a job; `done` is called in the event loop after the commit. Raises StoreFull."""
        try:
            self._queue.put_nowait(_Entry(job, done))
        except queue.Full as error:
            raise StoreFull from error

    async def call(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job and wait until it is committed. Raises what it raises, sqlite3.Error, StoreFull."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.offer(job, done)
        return await future

    async def stop(self) -> None:
        """Write what waits, close."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(queue.Full):
            await asyncio.to_thread(self._queue.put, None, True, 5.0)
        await asyncio.to_thread(self._thread.join, 5.0)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepare()
        except sqlite3.OperationalError:
            raise  # locked, read-only, full: the file itself may be well
        except sqlite3.DatabaseError as error:
            moved = self._path.with_name(f"{self._path.name}.corrupt-{int(time.time())}")
            logger.error("%s is damaged (%s), put aside as %s", self._path, error, moved)
            self._path.rename(moved)
            for ending in ("-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            return self._prepare()

    def _prepare(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(self._schema)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _run(self) -> None:
        assert self._connection is not None  # noqa: S101 - start() set it
        running = True
        while running:
            entries, running = self._take()
            if entries:
                self._report(self._commit(self._connection, entries))
        self._connection.close()

    def _take(self) -> tuple[list[_Entry], bool]:
        entries: list[_Entry] = []
        entry = self._queue.get()
        while entry is not None:
            entries.append(entry)
            if len(entries) >= GROUP:
                return entries, True
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return entries, True
        return entries, False

    def _commit(
        self, connection: sqlite3.Connection, entries: list[_Entry]
    ) -> list[tuple[_Entry, Any, BaseException | None]]:
        results: list[tuple[_Entry, Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [self._one(connection, entry) for entry in entries]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            logger.error("cannot write %s: %s", self._path, error)
            self._rolled_back(connection, "ROLLBACK")
            return [(entry, None, error) for entry in entries]
        return results

    def _one(self, connection: sqlite3.Connection, entry: _Entry) -> tuple[_Entry, Any, BaseException | None]:
        connection.execute("SAVEPOINT job")
        try:
            result = entry.job(connection)
        except sqlite3.OperationalError:
            raise  # the card, not the job: nothing of this group can be kept
        except Exception as error:
            logger.exception("a write failed")
            self._rolled_back(connection, "ROLLBACK TO job")
            connection.execute("RELEASE job")
            return entry, None, error
        connection.execute("RELEASE job")
        return entry, result, None

    def _rolled_back(self, connection: sqlite3.Connection, how: str) -> None:
        with contextlib.suppress(sqlite3.Error):
            connection.execute(how)
        for forget in self.on_rollback:
            forget()

    def _report(self, results: list[tuple[_Entry, Any, BaseException | None]]) -> None:
        def deliver() -> None:
            for entry, result, error in results:
                if entry.done:
                    entry.done(result, error)

        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(deliver)
