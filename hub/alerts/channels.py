"""Channels in the database, and in memory."""

import asyncio
import logging
import secrets
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.alerts.model import Channel, Rule
from hub.alerts.tables import channels, items, messages
from hub.people.rights import Place
from hub.sealed import KeyLost, Seal, is_sealed
from hub.store import Store
from hub.tables import upsert

logger = logging.getLogger(__name__)

MOST = 100


class Channels:
    """All of them, by id, in the order in which they were made."""

    def __init__(self, store: Store, seal: Seal) -> None:
        """`seal`: closes addresses, which hold passwords, before they are written."""
        self._store = store
        self._seal = seal
        self._known: dict[str, Channel] = {}
        self._sealed: dict[str, str] = {}

    async def load(self) -> None:
        """Read what is kept; seal what earlier versions kept open. Raises SQLAlchemyError."""
        rows = await self._store.read(
            lambda c: c.execute(sa.select(channels).order_by(channels.c.since)).mappings().fetchall()
        )
        self._known, self._sealed = {}, {row["id"]: row["url"] for row in rows}
        for row in rows:
            self._known[row["id"]] = channel = _of(row, self._opened(row["id"]))
            if not is_sealed(row["url"]):
                await self.keep(channel)

    def _opened(self, id_: str) -> str:
        try:
            return self._seal.open(self._sealed[id_])
        except KeyLost as error:
            logger.error("the address of channel %s cannot be read, nothing goes out there: %s", id_, error)
            return ""

    def all(self) -> tuple[Channel, ...]:
        """In the order in which they were made."""
        return tuple(self._known.values())

    def get(self, id_: str) -> Channel | None:
        """The channel of this id."""
        return self._known.get(id_)

    @staticmethod
    def new_id() -> str:
        """An id that nobody has."""
        return secrets.token_hex(8)

    async def keep(self, channel: Channel) -> None:
        """Write a new or changed one; one that is off forgets what it was to be told.

        Raises KeyLost, SQLAlchemyError.
        """
        kept = await asyncio.to_thread(self._seal.seal, channel.url) or self._sealed[channel.id]

        def write(connection: Connection) -> None:
            upsert(connection, channels, _row(channel, kept))
            if not channel.on:
                _forget(connection, channel.id)

        await self._store.call(write)
        self._known[channel.id], self._sealed[channel.id] = channel, kept

    async def remove(self, channel: Channel) -> None:
        """Delete it; what was sent stays in the log. Raises SQLAlchemyError."""

        def write(connection: Connection) -> None:
            _forget(connection, channel.id)
            connection.execute(items.delete().where(items.c.channel == channel.id))
            connection.execute(channels.delete().where(channels.c.id == channel.id))

        await self._store.call(write)
        self._known.pop(channel.id, None)
        self._sealed.pop(channel.id, None)


def _forget(connection: Connection, id_: str) -> None:
    connection.execute(items.delete().where(items.c.channel == id_, items.c.message == 0))
    waiting = sa.and_(messages.c.channel == id_, messages.c.state == "waiting")
    connection.execute(messages.update().where(waiting).values(state="given_up", error="notify.error_off"))


def _row(channel: Channel, sealed: str) -> dict[str, object]:
    return {
        "id": channel.id,
        "name": channel.name,
        "url": sealed,
        "shown": channel.shown,
        "place": str(channel.place),
        "rules": " ".join(sorted(channel.rules)),
        "quiet_from": f"{channel.quiet_from:%H:%M}" if channel.quiet_from else "",
        "quiet_until": f"{channel.quiet_until:%H:%M}" if channel.quiet_until else "",
        "on": int(channel.on),
        "since": iso(channel.since),
    }


def _of(row: "sa.RowMapping", url: str) -> Channel:
    return Channel(
        id=row["id"],
        name=row["name"],
        url=url,
        shown=row["shown"],
        place=Place.parse(row["place"]),
        rules=frozenset(Rule(word) for word in row["rules"].split() if word in set(Rule)),
        quiet_from=time.fromisoformat(row["quiet_from"]) if row["quiet_from"] else None,
        quiet_until=time.fromisoformat(row["quiet_until"]) if row["quiet_until"] else None,
        on=bool(row["on"]),
        since=datetime.fromisoformat(row["since"]),
    )
