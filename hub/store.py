"""The hub's database: one named thread writes, jobs in order, many jobs in one durable commit; others only read.

SQLite in a file of the data folder, or PostgreSQL where the configuration names one.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hub.tables import metadata

logger = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[Connection], Any]
Done = Callable[[Any, BaseException | None], None]

GROUP = 256
"""Jobs in one commit at most."""
READERS = 3
"""Connections that read at the same time."""


class StoreFull(Exception):
    """Too many writes wait for the card. The work was not taken."""


@dataclass(frozen=True, slots=True)
class _Entry:
    job: Job
    done: Done | None


def address_of(data: Path, database: str | None) -> URL:
    """Where the database is: what the configuration says, else a SQLite file in the data folder."""
    return make_url(database) if database else URL.create("sqlite", database=str(data / "hub.sqlite3"))


class Store:
    """Opens the database, creates what tables are missing, writes in its thread `hub-store`."""

    def __init__(self, address: URL, schema: str = "", waiting: int = 5000) -> None:
        """`schema`: further tables, in SQL. `waiting`: jobs that may wait before `offer` refuses."""
        self._address = address
        self._schema = schema
        self._path = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
        self._queue: queue.Queue[_Entry | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, name="hub-store", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="hub-read")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writing: Engine | None = None
        self._reading: Engine | None = None
        self.on_rollback: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Open the database; a file that is none is put aside. Raises SQLAlchemyError or OSError."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread.start()

    def offer(self, job: Job, done: Done | None = None) -> None:
        """Hand over a job; `done` is called in the event loop after the commit. Raises StoreFull."""
        try:
            self._queue.put_nowait(_Entry(job, done))
        except queue.Full as error:
            raise StoreFull from error

    async def call(self, job: Callable[[Connection], T]) -> T:
        """Run a job and wait until it is committed. Raises what it raises, SQLAlchemyError, StoreFull."""
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

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job that only reads, beside the writing. Raises what it raises, SQLAlchemyError."""

        def run() -> T:
            assert self._reading is not None  # noqa: S101 - start() set it
            with self._reading.connect() as connection:
                return job(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def stop(self) -> None:
        """Write what waits, close."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                await asyncio.to_thread(self._queue.put, None, True, 5.0)
            await asyncio.to_thread(self._thread.join, 5.0)
        self._readers.shutdown(wait=False, cancel_futures=True)
        for engine in (self._writing, self._reading):
            if engine is not None:
                engine.dispose()

    def _open(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare()
        except DBAPIError as error:
            if self._path is None or not _is_damage(error):
                raise  # locked, read-only, full, away: the database itself may be well
            self._put_aside(self._path, error)
            self._prepare()

    def _put_aside(self, path: Path, error: DBAPIError) -> None:
        moved = path.with_name(f"{path.name}.corrupt-{int(time.time())}")
        logger.error("%s is damaged (%s), put aside as %s", path, error.orig, moved)
        path.rename(moved)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)

    def _prepare(self) -> None:
        self._writing, self._reading = _engine(self._address, "IMMEDIATE"), _engine(self._address, "DEFERRED")
        try:
            metadata.create_all(self._writing)
            with self._writing.begin() as connection:
                for statement in filter(str.strip, self._schema.split(";")):
                    connection.exec_driver_sql(statement)
        except SQLAlchemyError:
            self._writing.dispose()
            self._reading.dispose()
            raise

    def _run(self) -> None:
        assert self._writing is not None  # noqa: S101 - start() set it
        running = True
        while running:
            entries, running = self._take()
            if entries:
                self._report(self._commit(self._writing, entries))

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

    def _commit(self, engine: Engine, entries: list[_Entry]) -> list[tuple[_Entry, Any, BaseException | None]]:
        try:
            with engine.begin() as connection:
                results = [self._one(connection, entry) for entry in entries]
        except SQLAlchemyError as error:
            logger.error("cannot write %s: %s", self._address.render_as_string(), error)
            self._rolled_back()
            return [(entry, None, error) for entry in entries]
        return results

    def _one(self, connection: Connection, entry: _Entry) -> tuple[_Entry, Any, BaseException | None]:
        savepoint = connection.begin_nested()
        try:
            result = entry.job(connection)
            savepoint.commit()
        except sa.exc.OperationalError:
            raise  # the card, not the job: nothing of this group can be kept
        except Exception as error:
            logger.exception("a write failed")
            savepoint.rollback()
            self._rolled_back()
            return entry, None, error
        return entry, result, None

    def _rolled_back(self) -> None:
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


def _is_damage(error: DBAPIError) -> bool:
    """Whether the file is no database; an operational error says so little of it that nothing is put aside."""
    return isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.OperationalError)


def _engine(address: URL, begin: str) -> Engine:
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, pool_pre_ping=True, pool_size=READERS, max_overflow=0)
    engine = sa.create_engine(
        address, connect_args={"timeout": 10, "check_same_thread": False}, pool_size=READERS, max_overflow=0
    )

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine
