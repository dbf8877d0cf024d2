"""Writes into the log of airings, each minute, which emergencies and alerts never came to a cluster."""

import asyncio

from hub.air import emergency_missed
from hub.cap import missed as alerts_missed
from hub.clock import Clock
from hub.store import Store

LOOK_S = 60.0


class Unreached:
    """`run` it supervised. What was written once is not written again, so a restart forgets and doubles nothing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled. Raises SQLAlchemyError, StoreFull."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once. Raises SQLAlchemyError, StoreFull."""
        now = self._clock.now()
        for log in (emergency_missed.log_missed, alerts_missed.log_missed):
            await self._store.call(lambda connection, log=log: log(connection, now))  # type: ignore[misc]
