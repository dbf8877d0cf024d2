"""What became of each instant: written with its event in one transaction, and never twice."""

import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime

from edge_agent.bulletins import table
from edge_agent.bulletins.table import AiringState, Planned
from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry, Outbox

log = logging.getLogger(__name__)


class Ledger:
    """The table of airings. While the disk refuses, its events are kept by `keep` and nothing raises."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        on_record: Callable[[], None],
        keep: Callable[[tuple[Entry, ...]], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._on_record = on_record
        self._keep = keep

    async def load(self) -> tuple[list[Planned], list[tuple[str, datetime]]]:
        """The calendar, and the airings that the end of the agent cut off."""
        loaded = await self._database.read(table.load)
        await self._try("old airings could not be removed", table.trim)
        return loaded

    async def claim(self, bulletin: str, at: datetime) -> bool:
        """Take an instant for airing; False when it was taken before."""
        try:
            return await self._database.write(lambda db: table.claim(db, bulletin, at))
        except StoreError as error:  # better heard and not written down than silent
            log.error("the airing of %s could not be written: %s", bulletin, error)
            return True

    async def unclaim(self, bulletin: str, at: datetime) -> None:
        """Give back an instant whose time has not come."""
        await self._try("an airing could not be given back", lambda db: table.unclaim(db, bulletin, at))

    async def settle(self, bulletin: str, at: datetime, state: AiringState, detail: JsonObject) -> None:
        """What became of an instant that was claimed."""
        entry = self._entry(bulletin, at, state, detail)

        def work(db: sqlite3.Connection) -> None:
            table.settle(db, bulletin, at, state, detail)
            self._outbox.append_in(db, entry)

        await self._write(work, entry)

    async def miss(self, bulletin: str, at: datetime, detail: JsonObject, *, sure: bool = True) -> None:
        """An instant was missed; nothing is told of one that is settled already."""
        entry = self._entry(bulletin, at, "missed", detail)

        def work(db: sqlite3.Connection) -> None:
            if table.miss(db, bulletin, at, "missed" if sure else "unsure", detail):
                self._outbox.append_in(db, entry)

        await self._write(work, entry)

    async def forget(self, planned: Planned) -> None:
        """Take a bulletin that is over off the calendar."""
        await self._try("a bulletin could not be taken off the calendar", lambda db: table.forget(db, planned))

    def _entry(self, bulletin: str, at: datetime, state: str, detail: JsonObject) -> Entry:
        data = {**detail, "state": state, "at": iso(at)}
        return Entry.event(self._clock.now(), "bulletin", f"bulletin/{bulletin}", data)

    async def _write(self, work: Callable[[sqlite3.Connection], None], entry: Entry) -> None:
        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("what became of a bulletin could not be written: %s", error)
            self._keep((entry,))
        self._on_record()

    async def _try(self, complaint: str, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("%s: %s", complaint, error)
