"""Which files must stay in the media store: those that a bulletin, a prepared message or a draft still needs."""

import logging
import re
from collections.abc import Iterator, Set
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.base import iso
from hub.air import tables as air
from hub.bulletins.table import OPEN, bulletins
from hub.clock import Clock
from hub.store import Store
from hub.writing.drafts import copies, drafts

logger = logging.getLogger(__name__)

_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class MediaNeeds:
    """Asks the database, each time anew: what was written a moment ago counts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self) -> Set[str] | None:
        """The SHA-256 of each file that must stay; None where the database does not tell."""
        now = self._clock.now()
        try:
            return await self._store.read(lambda connection: needed(connection, now))
        except SQLAlchemyError as error:
            logger.error("nobody can say which sounds are needed, so all stay: %s", error)
            return None


def needed(connection: Connection, now: datetime) -> frozenset[str]:
    """What bulletins that are not over, drafts of these or of none yet, prepared and running emergencies name."""
    return frozenset(name for text in _texts(connection, now) for name in _NAME.findall(text))


def _texts(connection: Connection, now: datetime) -> Iterator[str]:
    running = sa.or_(bulletins.c.state.in_([str(state) for state in OPEN]), bulletins.c.released == 1)
    living = sa.or_(drafts.c.bulletin == "", drafts.c.bulletin.in_(sa.select(bulletins.c.id).where(running)))
    sounding = sa.and_(air.sounded.c.cleared == "", air.sounded.c.until > iso(now))
    for query in (
        sa.select(bulletins.c.body).where(running),
        sa.select(drafts.c.content).where(living),
        sa.select(copies.c.content).where(copies.c.draft.in_(sa.select(drafts.c.id).where(living))),
        sa.select(air.prepared.c.sound).where(air.prepared.c.removed == 0),
        sa.select(air.sounded.c.sound).where(sounding),
    ):
        yield from connection.execute(query).scalars()
