"""What `edge-hub people` changes while the hub runs: it counts a number up, and the hub reads everything anew."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.store import Store
from hub.tables import Long, insert_new, metadata

logger = logging.getLogger(__name__)

EVERY_S = 2.0

beside = sa.Table(
    "people_beside",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", Long, nullable=False),
)


def count_up(connection: Connection) -> None:
    """Somebody else than the hub changed people."""
    insert_new(connection, beside, {"id": 1, "version": 0})
    connection.execute(beside.update().values(version=beside.c.version + 1))


class Beside:
    """Follows the number."""

    def __init__(self, store: Store, read_anew: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._read_anew = read_anew
        self._seen = 0

    async def start(self) -> None:
        """From now on. Raises SQLAlchemyError."""
        self._seen = await self._version()

    async def look(self) -> None:
        """Read anew if somebody changed something. Raises SQLAlchemyError."""
        version = await self._version()
        if version != self._seen:
            await self._read_anew()
            self._seen = version

    async def run(self) -> None:
        """Look every two seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except SQLAlchemyError as error:
                logger.warning("cannot see whether people were changed: %s", getattr(error, "orig", error))

    async def _version(self) -> int:
        return int(await self._store.read(lambda c: c.execute(sa.select(beside.c.version)).scalar()) or 0)
