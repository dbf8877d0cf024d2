"""Nodes that somebody took out of the lists, until they come back: what the hub keeps of them, over restarts.

The broker still holds their retained messages, and gives them again after each start: they are kept aside here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.reports import Status
from edge_agent.contract.topics import Parsed
from hub.messages import Message
from hub.node import Node
from hub.store import Store, StoreFull
from hub.tables import metadata, upsert

MOST_KEPT = 1002
"""Messages kept aside per node: status, about, and as many states as are remembered."""

rows = sa.Table(
    "forgotten_nodes",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("by_whom", sa.Text, nullable=False),
    sa.Column("back", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Gone:
    """A node that was forgotten. `area`: as addresses write it. `back`: when it was heard of again."""

    address: str
    area: str
    title: str
    session: str
    connection: str
    at: datetime
    by: str
    back: datetime | None = None

    def is_back(self, status: Status) -> bool:
        """Whether a status tells of more than the absence in which it was forgotten."""
        return status.online or (self.session, self.connection) != (status.session, iso(status.since))


class Forgotten:
    """All of them. What the store does not take is true until the next start, and found out anew then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Gone] = {}
        self._aside: dict[str, dict[Parsed, Message]] = {}
        self.changes = 0
        """Rises whenever a node is hidden, or is no longer."""

    async def load(self) -> None:
        """Read what was known. Raises SQLAlchemyError."""
        for row in await self._store.read(lambda c: c.execute(sa.select(rows)).fetchall()):
            back = datetime.fromisoformat(row.back) if row.back else None
            at = datetime.fromisoformat(row.at)
            gone = Gone(row.address, row.area, row.title, row.session, row.connection, at, row.by_whom, back)
            self._known[row.address] = gone

    def get(self, address: str) -> Gone | None:
        """What is known of it, also after it came back; None: it was never forgotten."""
        return self._known.get(address)

    def hides(self, address: str) -> bool:
        """Whether it is kept out of everything now."""
        gone = self._known.get(address)
        return gone is not None and gone.back is None

    def all(self) -> list[Gone]:
        """Those that are hidden now, the last one first."""
        return sorted((g for g in self._known.values() if g.back is None), key=lambda g: g.at, reverse=True)

    async def hide(self, node: Node, now: datetime, by: str) -> None:
        """From now on. Raises SQLAlchemyError, StoreFull; then it is not hidden."""
        status = node.status
        session, connection = (status.session, iso(status.since)) if status else ("", "")
        gone = Gone(node.address, node.area, node.title[:200], session[:200], connection, now, by[:100])
        self._known[node.address] = gone
        self.changes += 1
        self._aside[node.address] = {message.topic: message for message in _messages(node)}
        try:
            await self._store.call(partial(_put, gone=gone))
        except BaseException:
            self._known.pop(node.address, None)
            self.changes += 1
            raise

    def keep(self, message: Message) -> bool:
        """Keep a message of a hidden node aside; False: with it the node is back, and nothing was kept."""
        gone, body = self._known[message.address], message.body
        if isinstance(body, Status) and gone.is_back(body):
            return False
        aside = self._aside.setdefault(message.address, {})
        if body is None:
            aside.pop(message.topic, None)
        elif message.topic in aside or len(aside) < MOST_KEPT:
            aside[message.topic] = message
        return True

    def taken(self, address: str) -> list[Message]:
        """What was kept aside of a node, which is kept no more."""
        return list(self._aside.pop(address, {}).values())

    def came_back(self, address: str, now: datetime) -> None:
        """It was heard of again; that it had been forgotten stays known."""
        gone = self._known[address] = replace(self._known[address], back=now)
        self.changes += 1
        self._offer(partial(_put, gone=gone))

    async def remember(self, address: str) -> None:
        """Somebody wants it back: as if it had never been forgotten. Raises SQLAlchemyError, StoreFull."""
        await self._store.call(partial(_delete, address=address))
        self._known.pop(address, None)
        self.changes += 1

    def _offer(self, job: partial[None]) -> None:
        try:
            self._store.offer(job)
        except StoreFull:
            return


def _messages(node: Node) -> Iterator[Message]:
    """What a node said last, as the broker would give it again."""
    commune, name = node.commune, node.name
    if node.status is not None:
        yield Message(node.address, Parsed(commune, name, "status"), node.status, True)
    if node.about is not None:
        yield Message(node.address, Parsed(commune, name, "about"), node.about, True)
    for (kind, id_), state in node.states.items():
        yield Message(node.address, Parsed(commune, name, "state", kind, id_), state, True)


def _put(connection: Connection, gone: Gone) -> None:
    row = {"address": gone.address, "area": gone.area, "title": gone.title, "session": gone.session}
    row |= {"connection": gone.connection, "at": iso(gone.at), "by_whom": gone.by}
    upsert(connection, rows, {**row, "back": iso(gone.back) if gone.back else ""})


def _delete(connection: Connection, address: str) -> None:
    connection.execute(rows.delete().where(rows.c.address == address))
