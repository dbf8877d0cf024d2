"""What is kept through a power cut, written by and by: things that change together share one commit."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping

from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject
from edge_agent.store import kept
from edge_agent.store.database import Database, StoreError

log = logging.getLogger(__name__)
_RETRY_S = 10.0

Key = tuple[str, str]


class Keeping:
    """Kinds `override`, `thing` and `usage`, by the id of the thing. None: there is nothing to keep any more."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database
        self._waiting: dict[Key, JsonObject | None] = {}
        self._news = asyncio.Event()

    async def read(self, *kinds: str) -> dict[str, dict[str, JsonObject]]:
        """All that was kept, by kind and id."""

        def work(db: sqlite3.Connection) -> dict[str, dict[str, JsonObject]]:
            return {kind: kept.read(db, kind) for kind in kinds}

        return await self._database.read(work)

    def keep(self, kind: str, id_: str, body: JsonObject | None) -> None:
        """Write soon; only the newest word is written."""
        self._waiting[kind, id_] = body
        self._news.set()

    def taken(self, ids: Iterable[str]) -> Mapping[Key, JsonObject | None]:
        """What waits for these things, for somebody's own transaction. To be `returned` when that fails."""
        wanted = set(ids)
        mine = {key: body for key, body in self._waiting.items() if key[1] in wanted}
        for key in mine:
            del self._waiting[key]
        return mine

    def returned(self, bodies: Mapping[Key, JsonObject | None]) -> None:
        """They could not be written; a newer word wins."""
        self._waiting = {**bodies, **self._waiting}
        self._news.set()

    async def run(self) -> None:
        """Write what waits, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            if not await self.flush():
                await self._clock.sleep(_RETRY_S)
                self._news.set()

    async def flush(self) -> bool:
        """Write what waits, once; whether the disk took it."""
        bodies, self._waiting = self._waiting, {}
        if not bodies:
            return True
        try:
            await self._database.write(writing(bodies))
        except StoreError as error:
            log.warning("what is switched could not be written down: %s", error)
            self.returned(bodies)
            return False
        except BaseException:
            self.returned(bodies)
            raise
        return True


def writing(bodies: Mapping[Key, JsonObject | None]) -> Callable[[sqlite3.Connection], None]:
    """The work of a transaction that writes them."""

    def work(db: sqlite3.Connection) -> None:
        for (kind, id_), body in bodies.items():
            if body is None:
                kept.drop(db, kind, id_)
            else:
                kept.put(db, kind, id_, body)

    return work
