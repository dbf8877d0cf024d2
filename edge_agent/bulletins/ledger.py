"""What became of each instance: written with its event in one transaction, and never twice."""

import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from edge_agent.bulletins import table
from edge_agent.bulletins.airing import instant
from edge_agent.bulletins.table import Begun, Key, Planned
from edge_agent.calendar import Aired
from edge_agent.clock import Clock
from edge_agent.contract.airings import Airing, Hearing
from edge_agent.contract.base import JsonObject
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry, Outbox

log = logging.getLogger(__name__)
_REMEMBER = timedelta(days=3)
"""Sessions are counted by the day; an instance may have been moved from another one."""


class Ledger:
    """The table of airings. While the disk refuses, its events are kept by `keep_events` and nothing raises."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        clock: Clock,
        on_record: Callable[[], None],
        keep_events: Callable[[tuple[Entry, ...]], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._on_record = on_record
        self._keep_events = keep_events
        self._recent: dict[Key, Airing] = {}

    async def load(self) -> tuple[list[Planned], list[Begun]]:
        """The calendar, and the airings that the end of the agent cut off."""
        planned = await self._database.read(table.load)
        begun = await self._database.read(table.begun)
        since = self._clock.now() - _REMEMBER
        self._recent = dict(await self._database.read(lambda db: table.settled_since(db, since)))
        await self._try("old airings could not be removed", table.trim)
        return planned, begun

    def aired(self, speaker: str) -> list[Aired]:
        """What was heard from a speaker in the last days, for the lawful hours."""
        since = self._clock.now() - _REMEMBER
        self._recent = {key: each for key, each in self._recent.items() if key.planned_as > since}
        return [
            Aired(instant(each.started_us), each.seconds, each.class_)
            for each in self._recent.values()
            if each.speaker == speaker and each.started_us is not None
        ]

    async def claim(self, begun: Begun) -> bool:
        """Take an instance for airing; False when it was taken before."""
        try:
            return await self._database.write(lambda db: table.claim(db, begun))
        except StoreError as error:  # better heard and not written down than silent
            log.error("the airing of %s could not be written: %s", begun.key.bulletin, error)
            return True

    async def keep(self, begun: Begun) -> None:
        """How far a claimed one has come."""
        await self._try("the position of an airing could not be written", lambda db: table.keep(db, begun))

    async def unclaim(self, begun: Begun) -> None:
        """Give back an instance of which nothing was heard: it is still to come."""
        await self._try("an airing could not be given back", lambda db: table.unclaim(db, begun))

    async def settle(self, key: Key, due: datetime, airing: Airing) -> None:
        """What became of an instance that was claimed."""
        entry = self._entry(airing)
        if airing.state != "missed":
            self._recent[key] = airing

        def work(db: sqlite3.Connection) -> None:
            table.settle(db, key, due, airing)
            self._outbox.append_in(db, entry)

        await self._write(work, entry)

    def settle_in(self, db: sqlite3.Connection, key: Key, due: datetime, airing: Airing) -> None:
        """The same for what somebody else tells, inside their transaction."""
        table.settle(db, key, due, airing)

    async def settle_open(self, key: Key, due: datetime, airing: Airing) -> None:
        """The same for one that was claimed, unless somebody else has told what became of it."""
        entry = self._entry(airing)

        def work(db: sqlite3.Connection) -> None:
            if table.is_on_air(db, key):
                table.settle(db, key, due, airing)
                self._outbox.append_in(db, entry)

        await self._write(work, entry)

    async def miss(self, key: Key, due: datetime, airing: Airing, *, sure: bool = True) -> None:
        """An instance was missed; nothing is told of one that is settled already."""
        entry = self._entry(airing)

        def work(db: sqlite3.Connection) -> None:
            if table.miss(db, key, due, airing, sure=sure):
                self._outbox.append_in(db, entry)

        await self._write(work, entry)

    async def miss_many(self, planned: Planned, last: Key, due: datetime, airing: Airing, data: JsonObject) -> None:
        """Many instances share an event; the last of them stands for all."""
        entry = Entry.event(self._clock.now(), "bulletin", f"bulletin/{planned.bulletin.id}", data)

        def work(db: sqlite3.Connection) -> None:
            if table.miss(db, last, due, airing, sure=True):
                self._outbox.append_in(db, entry)

        await self._write(work, entry)

    async def heard(self, bulletin: str, heard: bool, score: float) -> Airing | None:
        """Add what the microphone said of the last airing of a bulletin; the airing as it is now, if there is one."""
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Airing | None:
            found = table.last_heard(db, bulletin)
            if found is None or found[1].heard is not None:
                return None
            key, airing = found
            airing = airing.model_copy(update={"heard": heard, "heard_score": round(score, 2)})
            table.amend(db, key, airing)
            data = Hearing(
                id=airing.id,
                speaker=airing.speaker,
                started_us=airing.started_us,
                heard=heard,
                heard_score=airing.heard_score,
            )
            body = data.model_dump(mode="json", exclude_none=True)
            self._outbox.append_in(db, Entry.event(now, "heard", f"bulletin/{bulletin}", body))
            return airing

        try:
            airing = await self._database.write(work)
        except StoreError as error:
            log.error("what the microphone heard of %s could not be written: %s", bulletin, error)
            return None
        self._on_record()
        return airing

    async def tell(self, bulletin: str, data: JsonObject) -> None:
        """An event about a bulletin."""
        entry = Entry.event(self._clock.now(), "bulletin", f"bulletin/{bulletin}", data)
        await self._write(lambda db: self._outbox.append_in(db, entry), entry)

    async def forget(self, planned: Planned) -> None:
        """Take a bulletin that is over off the calendar."""
        await self._try("a bulletin could not be taken off the calendar", lambda db: table.forget(db, planned))

    def _entry(self, airing: Airing) -> Entry:
        return Entry.event(self._clock.now(), "aired", f"bulletin/{airing.id}", table.plain(airing))

    async def _write(self, work: Callable[[sqlite3.Connection], object], entry: Entry) -> None:
        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("what became of a bulletin could not be written: %s", error)
            self._keep_events((entry,))
        self._on_record()

    async def _try(self, complaint: str, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("%s: %s", complaint, error)
