"""Since when a node is away, as the hub saw it. A last will is written before the loss, so it cannot carry the time."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.reports import Status
from hub.store import Store, StoreFull
from hub.tables import metadata, upsert

absences = sa.Table(
    "offline",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Offline:
    """A node's absence. `seen`: the hub was there when it began; otherwise it began before `at`."""

    session: str
    connection: str
    at: datetime
    seen: bool

    def is_same_absence(self, status: Status) -> bool:
        """Whether a report of being offline tells of this absence, not of a newer one."""
        return (self.session, self.connection) == (status.session, iso(status.since))


class Presence:
    """Absences, kept over restarts of the hub."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offline: dict[str, Offline] = {}

    async def load(self) -> None:
        """Read what was known. Raises SQLAlchemyError."""
        rows = await self._store.read(lambda c: c.execute(sa.select(absences)).fetchall())
        for address, session, connection, at, seen in rows:
            self._offline[address] = Offline(session, connection, datetime.fromisoformat(at), bool(seen))

    def note(self, address: str, status: Status | None, now: datetime, retained: bool) -> Offline | None:
        """Take a status (None: the node was removed) and say since when it is away; None while it is there."""
        known = self._offline.get(address)
        if status is None or status.online:
            if known:
                del self._offline[address]
                self._write(partial(_delete, address=address))
            return None
        if known and known.is_same_absence(status):
            return known
        offline = Offline(status.session, iso(status.since), now, not retained)
        self._offline[address] = offline
        self._write(partial(_insert, address=address, offline=offline))
        return offline

    def _write(self, job: partial[None]) -> None:
        try:
            self._store.offer(job)
        except StoreFull:
            return  # the page is right until the next start; then it says "before"


def _delete(connection: Connection, address: str) -> None:
    connection.execute(absences.delete().where(absences.c.address == address))


def _insert(connection: Connection, address: str, offline: Offline) -> None:
    row = {"address": address, "session": offline.session[:200], "connection": offline.connection}
    upsert(connection, absences, {**row, "at": iso(offline.at), "seen": int(offline.seen)})
