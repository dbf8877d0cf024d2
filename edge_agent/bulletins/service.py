"""The calendar: bulletins ready ahead, aired at their instant, never twice, and every miss told with its reason."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from edge_agent.broadcast.station import Station
from edge_agent.bulletins import table
from edge_agent.bulletins.alarm import BulletinAlarms
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.instants import Instants
from edge_agent.bulletins.lawful import Lawful
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.onair import OnAir
from edge_agent.bulletins.planning import CheckReading, Planning, handled
from edge_agent.bulletins.ready import Readying
from edge_agent.bulletins.resume import Resuming
from edge_agent.bulletins.sounds import Preparer
from edge_agent.bulletins.table import Begun, Planned
from edge_agent.bulletins.tasks import Tasks
from edge_agent.calendar import Occurrence, Policy
from edge_agent.clock import Alarms, Clock
from edge_agent.config.model import Speaker
from edge_agent.contract.base import iso
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import CancelBulletin, Command, PlanBulletin
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import BulletinState
from edge_agent.desk.act import Act
from edge_agent.proof.model import Heard
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox

_LIMIT = 500
_LOOK_EVERY_S = 60


class BulletinService:
    """The calendar of the node."""

    def __init__(  # noqa: PLR0913 - the calendar is where time, disk, law and speakers meet
        self,
        station: Station,
        preparer: Preparer,
        zone: ZoneInfo,
        clock: Clock,
        alarms: Alarms,
        database: Database,
        outbox: Outbox,
        *,
        speakers: Sequence[Speaker],
        policy: Policy,
        check_reading: CheckReading,
        post: Callable[[BulletinState], None],
        on_record: Callable[[], None],
        keep: Callable[[tuple[Entry, ...]], None] = lambda _entries: None,
    ) -> None:
        """`check_reading` refuses a text with open questions; `post` publishes a state; `on_record` hears that the
        outbox has news; `keep` gets events that the disk refused.
        """
        self._clock = clock
        self._ledger = Ledger(database, outbox, clock, on_record, keep)
        lawful = Lawful(policy, self._ledger, clock, zone)
        station.hours = lawful.require_class
        self._planning = Planning(station, speakers, lawful, check_reading, zone)
        self._board = BulletinBoard(clock, post)
        self._ready = Readying(preparer, clock, self._readiness)
        self._on_air = OnAir(station, self._ledger, self._ready, lawful, self._board, clock)
        self._emergencies = BulletinAlarms(station, self._ledger, self._board)
        self._instants = Instants(self._ledger, self._board, clock, alarms, zone, self._planning.speaker)
        self._resuming = Resuming(self._ledger, self._on_air, self._instants.watch, self._board, clock)
        self._planned: dict[str, Planned] = {}
        self._cut: dict[str, list[Begun]] = {}
        self._coming: set[str] = set()
        self._tasks = Tasks()
        self.turned: Callable[[float], None] = lambda _within_s: None
        """Hears that this loop turns, and within how many seconds it will again."""

    async def load(self) -> None:
        """Read the calendar; report what a power cut interrupted. After `station.emergencies.load`."""
        self._instants.watch.start()
        planned, begun = await self._ledger.load()
        for each in planned:
            self._planned[each.bulletin.id] = each
            self._board.show(each.bulletin, "preparing")
            self._ready.put(each.bulletin, self._planning.languages(each.bulletin), self._clock.now())
        for each_begun in begun:
            name = each_begun.key.bulletin
            if await self._resuming.loaded(
                each_begun, self._planned.get(name), sounding=self._emergencies.sounding(name)
            ):
                self._cut.setdefault(name, []).append(each_begun)

    def sound_owners(self) -> set[str]:
        """Whose prepared sounds the calendar needs."""
        return self._ready.owners()

    async def run(self) -> None:
        """Prepare, start the calendar, then look once a minute that nothing fell through."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ready.run(), name="readying")
            while True:
                for name, planned in list(self._planned.items()):
                    if name not in self._tasks and self._instants.wants_a_look(planned):
                        self._tasks.begin(name, self._go_on(planned))
                self._instants.refresh(self._planned.values())
                self.turned(3 * _LOOK_EVERY_S)
                await self._clock.sleep(_LOOK_EVERY_S)

    async def stop(self) -> None:
        """Cancel what waits or is on air; at the next start it goes on by its policy."""
        self._on_air.stopping = True
        await self._tasks.stop()

    async def plan(self, asked: Command, args: PlanBulletin) -> Act:
        """Handle `bulletin.plan`: on the calendar in the same transaction as the command, or not at all."""
        bulletin = args.bulletin
        if self._emergencies.goes_on(self._planned.get(bulletin.id), bulletin):
            return Act(result={"next": iso(bulletin.at)})
        await self._planning.texts(bulletin)
        if len({*self._planned, *self._coming, bulletin.id}) > _LIMIT:
            raise Refusal("bulletin.too_many", limit=_LIMIT)
        now = self._clock.now()
        planned = Planned(bulletin, asked.by, handled=handled(bulletin, now), fresh=True)
        coming = await self._planning.next(bulletin, planned.handled)
        await self._planning.lawful(bulletin, self._others(), self._ready)
        about = f"bulletin/{bulletin.id}"
        entry = Entry.event(now, "bulletin", about, {"state": "planned", "next": iso(coming.at), "by": asked.by})
        self._coming.add(bulletin.id)

        def record(db: sqlite3.Connection) -> None:
            table.save(db, planned)

        def settled(written: bool) -> None:
            self._coming.discard(bulletin.id)
            if written:
                self._put(planned, coming)

        return Act(record, (entry,), result={"next": iso(coming.at)}, settled=settled)

    async def cancel(self, asked: Command, args: CancelBulletin) -> Act:
        """Handle `bulletin.cancel`; one that is on air stops."""
        name = args.bulletin
        if name not in self._planned:
            known = ", ".join(self._planned) or "-"
            raise Refusal("command.unknown_thing", kind="bulletin", id=name, known=known[:500])
        entry = Entry.event(self._clock.now(), "bulletin", f"bulletin/{name}", {"state": "cancelled", "by": asked.by})

        def settled(written: bool) -> None:
            planned = self._planned.get(name) if written else None
            if planned is not None:
                self._remove(planned, asked.by)
                self._board.show(planned.bulletin, "cancelled")

        return Act(lambda db: table.remove(db, name), (entry,), settled=settled)

    async def heard(self, bulletin: str, heard: Heard) -> None:
        """The microphone's word on the last airing of a bulletin, which may come a minute after it."""
        if heard.seconds <= 0:
            return
        if await self._ledger.heard(bulletin, heard.heard, heard.score) is not None:
            self._board.heard(bulletin, heard.heard)

    def _others(self) -> list[Bulletin]:
        return [each.bulletin for each in self._planned.values()]

    def _put(self, planned: Planned, coming: Occurrence) -> None:
        bulletin = planned.bulletin
        before = self._planned.get(bulletin.id)
        if before is not None:
            self._remove(before, planned.by, replaced=True)
        self._planned[bulletin.id] = planned
        self._ready.put(bulletin, self._planning.languages(bulletin), self._clock.now())
        self._board.show(bulletin, "preparing")
        self._board.coming(bulletin, (), coming.at)
        self._readiness(bulletin.id)  # the sounds of the one before may do: nobody else would tell
        self._tasks.begin(bulletin.id, self._plan_next(planned))

    def _remove(self, planned: Planned, by: str, *, replaced: bool = False) -> None:
        name = planned.bulletin.id
        planned.gone = True
        del self._planned[name]
        self._cut.pop(name, None)
        self._emergencies.end(name, by)
        self._instants.forget(name)
        self._tasks.cancel(name)
        if not replaced:
            self._tasks.begin(name, self._ready.drop(name))

    def _is_current(self, planned: Planned) -> bool:
        return self._planned.get(planned.bulletin.id) is planned

    async def _go_on(self, planned: Planned) -> None:
        """After a start: first what was interrupted, then the calendar."""
        name = planned.bulletin.id
        for begun in self._cut.pop(name, ()):
            await self._resuming.go_on(planned, begun)
        if planned.bulletin.class_ == "emergency" and self._emergencies.sounding(name):
            await self._emergencies.follow(planned)
        await self._plan_next(planned)

    async def _plan_next(self, planned: Planned) -> None:
        """Deal with what is past, then set the alarm a little before the next instant."""
        coming = await self._instants.next(planned)
        if not self._is_current(planned):
            return
        planned.coming = coming
        if coming is not None:
            await self._ready.needed(coming)
            ahead = self._planning.lead(planned.bulletin)
            self._instants.ring(planned, coming.at - ahead, lambda: self._due(planned, coming))
        elif self._instants.watch.trusted():
            await self._finish(planned)

    async def _due(self, planned: Planned, coming: Occurrence) -> None:
        """The alarm: air in the bulletin's own task, so that two bulletins can wait for their turn together."""
        if self._is_current(planned):
            self._tasks.begin(planned.bulletin.id, self._air(planned, coming))

    async def _air(self, planned: Planned, coming: Occurrence) -> None:
        if planned.bulletin.class_ == "emergency":
            planned.handled = coming.at
            sounds = self._ready.of(coming)
            parts = self._planning.parts(planned.bulletin)
            await self._emergencies.sound(planned, coming, parts, sounds.owner if sounds is not None else None)
        elif await self._instants.may_air(planned, coming):
            await self._on_air.air(planned, coming, self._planning.speaker(planned.bulletin))
        if self._is_current(planned):
            await self._plan_next(planned)

    async def _finish(self, planned: Planned) -> None:
        """A bulletin without further instants leaves the calendar; its last state stays to be seen."""
        name = planned.bulletin.id
        del self._planned[name]
        self._instants.forget(name)
        self._board.over(name)
        await self._ledger.forget(planned)
        await self._ready.drop(name)

    def _readiness(self, bulletin: str) -> None:
        planned = self._planned.get(bulletin)
        if planned is None:
            return
        readiness = self._ready.readiness(bulletin)
        self._board.ready(planned.bulletin, readiness)
        if readiness.state == "ready" and planned.fresh:
            planned.fresh = False
            self._tasks.beside(bulletin, self._warn(planned))

    async def _warn(self, planned: Planned) -> None:
        """Its length is known now: say so ahead where the law will refuse it at the speaker."""
        bulletin = planned.bulletin
        fault = await self._planning.unlawful(bulletin, self._ready.seconds(bulletin.id), self._others(), self._ready)
        if fault is not None and self._is_current(planned):
            self._board.ready(bulletin, self._ready.readiness(bulletin.id), fault)
