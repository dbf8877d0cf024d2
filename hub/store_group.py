"""Jobs that become durable together, exactly once, also when nobody heard the answer to their commit."""

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from hub import database
from hub.tables import metadata, upsert

logger = logging.getLogger(__name__)

marks = sa.Table(
    "store_mark", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("last", sa.Text, nullable=False)
)
"""Its one row names the group that was committed last."""


class Entry:
    """A job on its way. Until it is begun it can be withdrawn."""

    __slots__ = ("_lock", "_state", "done", "job")

    def __init__(
        self, job: Callable[[Connection], Any], done: Callable[[Any, BaseException | None], None] | None
    ) -> None:
        self.job = job
        self.done = done
        self._lock = threading.Lock()
        self._state = "waits"

    def begin(self) -> bool:
        """Whether it is still wanted; it cannot be withdrawn now."""
        return self._turn("runs", ("waits", "runs"))

    def rest(self) -> None:
        """It was rolled back, and waits again."""
        self._turn("waits", ("runs",))

    def withdraw(self) -> bool:
        """Whether it will not be done."""
        return self._turn("withdrawn", ("waits", "withdrawn"))

    def _turn(self, into: str, out_of: tuple[str, ...]) -> bool:
        with self._lock:
            if self._state not in out_of:
                return False
            self._state = into
            return True


class NotKept(Exception):
    """Raised by a job that takes back on purpose what it wrote: an answer to who asked, not a fault of the database."""


class OneFailed(Exception):
    """A job failed. To be rolled back and run again, each job by itself."""


class Group:
    """Entries of one transaction."""

    def __init__(self, entries: list[Entry], *, marked: bool) -> None:
        """`marked`: the answer to a commit may get lost (a server), so the group leaves its name in the database."""
        self._entries = entries
        self._name = str(uuid.uuid4()) if marked else ""
        self._in_doubt = False
        self._each_by_itself = False
        self.results: list[tuple[Entry, Any, BaseException | None]] = []

    def run(self, connection: Connection) -> bool:
        """Run all jobs in the transaction. Whether one of them failed: its changes are undone, the others stay.

        At first all as one, for a savepoint costs as much as a job; raises OneFailed if that does not do.
        """
        if self._in_doubt and connection.execute(sa.select(marks.c.last)).scalar() == self._name:
            return False  # it was committed after all
        self._in_doubt = False
        self.results = [self._one(connection, entry) for entry in self._entries if entry.begin()]
        if self._name:
            upsert(connection, marks, {"id": 1, "last": self._name})
            self._in_doubt = True
        return any(error is not None for _, _, error in self.results)

    def rest(self) -> None:
        """The server went away: unless that was in the commit, nothing of it was done."""
        if not self._in_doubt:
            for entry in self._entries:
                entry.rest()

    def all_failed(self, error: BaseException) -> list[tuple[Entry, Any, BaseException | None]]:
        """The results when nothing of it could be kept."""
        return [(entry, None, error) for entry in self._entries]

    def _one(self, connection: Connection, entry: Entry) -> tuple[Entry, Any, BaseException | None]:
        if self._each_by_itself:
            connection.exec_driver_sql("SAVEPOINT job")
        try:
            result = entry.job(connection)
        except Exception as error:
            if isinstance(error, OperationalError) and (not self._name or database.is_away(error)):
                raise  # the card or the server, not the job: nothing of this group can be kept
            if not self._each_by_itself:
                self._each_by_itself = True
                raise OneFailed from error
            if not isinstance(error, NotKept):
                logger.exception("a write failed")
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
            return entry, None, error
        if self._each_by_itself:
            connection.exec_driver_sql("RELEASE SAVEPOINT job")
        return entry, result, None
