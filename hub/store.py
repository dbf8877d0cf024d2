"""The hub's database: one named thread writes, jobs in order, many jobs in one durable commit; others only read.

A job may be run again: when its group was rolled back because another job of it failed, or the server went away. It
changes nothing but the database, or what `on_rollback` makes forgotten.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hub import database, private
from hub.database import READERS, address_of
from hub.onehub import OneHub
from hub.store_group import Entry, Group, OneFailed
from hub.tables import metadata

logger = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[Connection], Any]
Done = Callable[[Any, BaseException | None], None]

GROUP = 256
"""Jobs in one commit at most."""
CALL_S = 20.0
"""So long somebody waits for a write; then it is withdrawn."""
START_S = 30.0
"""So long a server may take to be there when the hub starts: after a power cut it may start later."""
LONGEST_PAUSE_S = 5.0


class StoreFull(Exception):
    """Too many writes wait for the card. The work was not taken."""


class StoreAway(StoreFull):
    """The database did not answer in time. The work was withdrawn, or nobody can say whether it was done."""


class Store:
    """Opens the database, creates what tables are missing, writes in its thread `hub-store`."""

    def __init__(self, address: URL, waiting: int = 5000) -> None:
        """`waiting`: jobs that may wait before `offer` refuses."""
        self.address = address
        self._path = database.file_of(address)
        self._alone = OneHub(self._path) if self._path is not None else None
        self._queue: queue.Queue[Entry | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, name="hub-store", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="hub-read")
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writing: Engine | None = None
        self._reading: Engine | None = None
        self.on_rollback: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Open the database; a file that is none is put aside.

        Raises Taken while another hub uses it, SQLAlchemyError, OSError.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread.start()

    def offer(self, job: Job, done: Done | None = None) -> None:
        """Hand over a job; `done` is called in the event loop after the commit. Raises StoreFull."""
        self._put(Entry(job, done))

    async def call(self, job: Callable[[Connection], T]) -> T:
        """Run a job and wait until it is committed. Raises what it raises, SQLAlchemyError, StoreFull, StoreAway."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        entry = Entry(job, done)
        self._put(entry)
        await asyncio.wait((future,), timeout=CALL_S)
        if not future.done() and not entry.withdraw():
            await asyncio.wait((future,), timeout=CALL_S)
        if not future.done():
            future.cancel()
            raise StoreAway
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
        self._stopping.set()
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                await asyncio.to_thread(self._queue.put, None, True, 5.0)
            await asyncio.to_thread(self._thread.join, 5.0)
        if left := self._queue.qsize():
            logger.error("%d writes were lost: %s did not take them", left, database.shown(self.address))
        self._readers.shutdown(wait=False, cancel_futures=True)
        for engine in (self._writing, self._reading):
            if engine is not None:
                engine.dispose()
        self._leave()

    def _put(self, entry: Entry) -> None:
        try:
            self._queue.put_nowait(entry)
        except queue.Full as error:
            raise StoreFull from error

    def _open(self) -> None:
        if self._path is not None:
            private.folder(self._path.parent)
        if self._alone is not None:
            self._alone.take()
        try:
            self._wait_for_it()
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        if self._alone is not None:
            self._alone.leave()

    def _wait_for_it(self) -> None:
        begun = time.monotonic()
        while True:
            try:
                return self._prepare()
            except DBAPIError as error:
                if database.is_away(error) and time.monotonic() - begun < START_S:
                    logger.warning("%s is not there yet: %s", database.shown(self.address), error.orig)
                    time.sleep(1)
                elif self._path is not None and database.is_damage(error):
                    self._put_aside(self._path, error)
                else:
                    raise  # locked, read-only, full, away: the database itself may be well

    def _put_aside(self, path: Path, error: DBAPIError) -> None:
        moved = path.with_name(f"{path.name}.corrupt-{int(time.time())}")
        logger.error("%s is damaged (%s), put aside as %s", path, error.orig, moved)
        path.rename(moved)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)

    def _prepare(self) -> None:
        if self._path is not None:
            private.file(self._path)
        self._writing, self._reading = database.writer(self.address), database.reader(self.address)
        try:
            with self._writing.begin() as connection:
                metadata.create_all(connection)
                if self._path is None and connection.exec_driver_sql("SHOW fsync").scalar_one() != "on":
                    logger.warning("THE POSTGRESQL SERVER RUNS WITH fsync OFF: A POWER CUT MAY COST THE DATABASE")
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
                self._report(self._write(self._writing, Group(entries, marked=self._path is None)))

    def _take(self) -> tuple[list[Entry], bool]:
        entries: list[Entry] = []
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

    def _write(self, engine: Engine, group: Group) -> list[tuple[Entry, Any, BaseException | None]]:
        """Commit the group; while the server is away, again and again, until the hub ends."""
        pause = 0.1
        while True:
            try:
                with engine.begin() as connection:
                    failed = group.run(connection)
            except OneFailed:
                self._rolled_back()
                continue
            except SQLAlchemyError as error:
                self._rolled_back()
                if database.is_away(error) and not self._stopping.is_set():
                    logger.error("%s is away: %s", database.shown(self.address), getattr(error, "orig", error))
                    group.rest()
                    self._stopping.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_S)
                    continue
                logger.error("cannot write %s: %s", database.shown(self.address), error)
                return group.all_failed(error)
            if failed:
                self._rolled_back()
            return group.results

    def _rolled_back(self) -> None:
        for forget in self.on_rollback:
            forget()

    def _report(self, results: list[tuple[Entry, Any, BaseException | None]]) -> None:
        def deliver() -> None:
            for entry, result, error in results:
                if entry.done:
                    entry.done(result, error)

        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(deliver)


__all__ = ["Store", "StoreAway", "StoreFull", "address_of"]
