"""What is remembered of the feeds, in the database: so that nothing is fetched twice, not even after a start."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.cap.fetch import Fetched
from hub.cap.tables import entries, feeds

KEPT = timedelta(days=60)
"""An entry that a list still names so long after it was fetched is fetched once more; the alert is known by itself."""


def goods(connection: Connection) -> dict[str, datetime]:
    """When each feed answered last."""
    found = connection.execute(sa.select(feeds.c.name, feeds.c.good))
    return {row.name: datetime.fromisoformat(row.good) for row in found if row.good}


def last(connection: Connection, name: str, url: str) -> Fetched | None:
    """What a feed gave last, by its tag and date; nothing where its address has changed."""
    row = connection.execute(sa.select(feeds).where(sa.and_(feeds.c.name == name, feeds.c.url == url))).first()
    return Fetched(None, row.etag, row.modified) if row is not None else None


def keep(connection: Connection, name: str, url: str, got: Fetched | None, now: datetime) -> None:
    """It answered."""
    values = {"url": url, "etag": got.etag if got else "", "modified": got.modified if got else "", "good": iso(now)}
    if connection.execute(feeds.update().where(feeds.c.name == name).values(**values)).rowcount == 0:
        connection.execute(feeds.insert().values(name=name, **values))
    old = sa.and_(entries.c.feed == name, entries.c.seen < iso(now - KEPT))
    connection.execute(entries.delete().where(old))


def tried(connection: Connection, name: str, keys: Sequence[str]) -> dict[str, int]:
    """How often entries were tried; those that are done as often as any may be."""
    here = sa.and_(entries.c.feed == name, entries.c.entry.in_(list(keys)))
    return {row.entry: row.tries for row in connection.execute(sa.select(entries).where(here))}


def mark(connection: Connection, name: str, key: str, tries: int, now: datetime) -> None:
    """An entry was tried so often."""
    here = sa.and_(entries.c.feed == name, entries.c.entry == key)
    if connection.execute(entries.update().where(here).values(tries=tries)).rowcount == 0:
        connection.execute(entries.insert().values(feed=name, entry=key, seen=iso(now), tries=tries))
