"""Airs bulletins at their instant: sound ready ahead, never twice, and every miss told with its reason."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drivers.contract import PlayReport
from edge_agent.announcer import Announcer, heard
from edge_agent.backoff import Backoff
from edge_agent.bulletins import table
from edge_agent.bulletins.calendar import next_after
from edge_agent.bulletins.table import Planned
from edge_agent.clock import Alarms, Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import CancelBulletin, Command, PlanBulletin
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import BulletinState
from edge_agent.desk.act import Act
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry, Outbox
from tts.model import Speech

log = logging.getLogger(__name__)
_LEAD = timedelta(seconds=3)
_ON_TIME = timedelta(seconds=2)
_LIMIT = 500
_TOLD_AT_MOST = 50


class BulletinService:
    """The calendar of the node."""

    def __init__(
        self,
        announcer: Announcer,
        zone: ZoneInfo,
        clock: Clock,
        alarms: Alarms,
        database: Database,
        outbox: Outbox,
        *,
        post: Callable[[BulletinState], None],
        on_record: Callable[[], None],
    ) -> None:
        """`post` publishes a state; `on_record` hears that the outbox has news."""
        self._announcer = announcer
        self._zone = zone
        self._clock = clock
        self._alarms = alarms
        self._database = database
        self._outbox = outbox
        self._post = post
        self._on_record = on_record
        self._planned: dict[str, Planned] = {}
        self._states: dict[str, BulletinState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._voice_turn = asyncio.Lock()
        self._stopping = False

    async def load(self) -> None:
        """Read the calendar; report what a power cut interrupted, and what passed while the node was off."""
        planned, cut = await self._database.read(table.load)
        for bulletin, at in cut:
            await self._settle(bulletin, at, "missed", {"code": "bulletin.interrupted", "seconds": 0})
        for each in planned:
            self._planned[each.bulletin.id] = each
            self._show(each, "preparing")
        await self._database.write(table.trim)

    async def run(self) -> None:
        """Start the calendar, then look once a minute that nothing fell through."""
        for each in list(self._planned.values()):
            self._begin(each)
        while True:
            await self._clock.sleep(60)
            for each in list(self._planned.values()):
                if each.bulletin.id not in self._tasks:
                    await self._plan_next(each)

    async def stop(self) -> None:
        """Cancel what is being prepared or on air."""
        self._stopping = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def plan(self, asked: Command, args: PlanBulletin) -> Act:
        """Handle `bulletin.plan`: on the calendar in the same transaction as the command."""
        bulletin = args.bulletin
        self._announcer.horn(bulletin.speaker)
        if bulletin.id not in self._planned and len(self._planned) >= _LIMIT:
            raise Refusal("bulletin.too_many", limit=_LIMIT)
        now = self._clock.now()
        planned = Planned(bulletin, asked.by, handled=now)
        coming = next_after(bulletin, now, self._zone)
        if coming is None:
            raise (
                Refusal("bulletin.past", at=iso(bulletin.at))
                if bulletin.recurrence is None
                else Refusal("bulletin.never")
            )
        about = f"bulletin/{bulletin.id}"
        entry = Entry.event(now, "bulletin", about, {"state": "planned", "next": iso(coming), "by": asked.by})

        def record(db: sqlite3.Connection) -> None:
            table.save(db, planned)

        self._cancel_task(bulletin.id)
        self._planned[bulletin.id] = planned
        self._show(planned, "preparing", coming)
        self._begin(planned)
        return Act(record, (entry,), result={"next": iso(coming)})

    async def cancel(self, asked: Command, args: CancelBulletin) -> Act:
        """Handle `bulletin.cancel`; one that is on air stops."""
        planned = self._planned.pop(args.bulletin, None)
        if planned is None:
            known = ", ".join(self._planned) or "-"
            raise Refusal("command.unknown_thing", kind="bulletin", id=args.bulletin, known=known)
        self._cancel_task(args.bulletin)
        self._alarms.cancel(f"bulletin/{args.bulletin}")
        self._show(planned, "cancelled")
        entry = Entry.event(
            self._clock.now(), "bulletin", f"bulletin/{args.bulletin}", {"state": "cancelled", "by": asked.by}
        )
        return Act(lambda db: table.remove(db, args.bulletin), (entry,))

    def _cancel_task(self, bulletin: str) -> None:
        task = self._tasks.pop(bulletin, None)
        if task is not None:
            task.cancel()

    def _begin(self, planned: Planned) -> None:
        """Make the sound ready, and set the alarm for the next instant."""
        name = planned.bulletin.id
        task = asyncio.create_task(self._prepare(planned), name=f"bulletin-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    async def _prepare(self, planned: Planned) -> None:
        await self._plan_next(planned)
        backoff = Backoff(first=5, most=300)
        while True:
            try:
                async with self._voice_turn:  # far-off bulletins leave the voice free for who speaks now
                    speech = await self._announcer.render(planned.bulletin.text)
            except Refusal as refusal:
                log.warning("bulletin %s is not ready: %s", planned.bulletin.id, refusal)
                self._show(planned, "preparing", fault=refusal.fault)
                await self._clock.sleep(backoff.after(0))
                continue
            self._show(planned, "ready", voice=speech.voice)
            return

    async def _plan_next(self, planned: Planned) -> None:
        """Deal with what is past, then set the alarm a little before the next instant."""
        bulletin = planned.bulletin
        now = self._clock.now()
        coming = next_after(bulletin, planned.handled, self._zone)
        missed = 0
        while coming is not None and coming < now - timedelta(seconds=bulletin.catch_up_s) - _ON_TIME:
            if missed < _TOLD_AT_MOST:
                await self._miss(planned, coming, "bulletin.missed_late", {"at": iso(coming)})
            planned.handled = coming
            missed += 1
            coming = next_after(bulletin, coming, self._zone)
        if coming is None:
            self._finish_if_over(planned)
            return
        shown = self._states[bulletin.id]
        self._show(planned, shown.actual if shown.actual != "on_air" else "ready", coming)
        self._alarms.at(f"bulletin/{bulletin.id}", coming - _LEAD, lambda: self._due(planned, coming))

    async def _due(self, planned: Planned, at: datetime) -> None:
        """The alarm: air in a task of its own, so that two bulletins can wait for their turn together."""
        self._cancel_task(planned.bulletin.id)
        name = planned.bulletin.id
        task = asyncio.create_task(self._air(planned, at), name=f"air-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    async def _air(self, planned: Planned, at: datetime) -> None:
        late = self._clock.now() - at
        planned.handled = at
        if late > timedelta(seconds=planned.bulletin.catch_up_s) + _ON_TIME:
            await self._miss(planned, at, "bulletin.missed_step", {"at": iso(at)})
        elif not self._clock.trusted:
            await self._miss(planned, at, "bulletin.missed_clock", {})
        else:
            await self._air_now(planned, at)
        if planned.bulletin.id in self._planned:
            await self._plan_next(planned)

    async def _air_now(self, planned: Planned, at: datetime) -> None:
        bulletin = planned.bulletin
        try:
            speech = await self._announcer.render(bulletin.text)
        except Refusal as refusal:
            await self._miss(planned, at, "bulletin.missed_voice", {"detail": refusal.fault.en})
            return
        try:
            if not await self._database.write(lambda db: table.claim(db, bulletin.id, at)):
                log.warning("bulletin %s at %s was aired before", bulletin.id, at)
                return
        except StoreError as error:  # better heard and not written down than silent
            log.error("the airing of %s could not be written: %s", bulletin.id, error)
        try:
            report = await self._announcer.play(
                bulletin.speaker,
                speech,
                title=bulletin.title,
                of=bulletin.id,
                volume=bulletin.volume,
                at=at,
                on_start=lambda _start: self._show(planned, "on_air", last=at, voice=speech.voice),
            )
        except Refusal as refusal:
            await self._miss(planned, at, "bulletin.missed_speaker", {"detail": refusal.fault.en})
            return
        except asyncio.CancelledError:
            if not self._stopping:  # stopped with the agent, it is told as interrupted at the next start
                await self._settle(bulletin.id, at, "missed", {"code": "bulletin.missed_cancelled"})
            raise
        await self._aired(planned, at, report, speech)

    async def _aired(self, planned: Planned, at: datetime, report: PlayReport, speech: Speech) -> None:
        self._show(planned, "aired", last=at, error_ms=report.start_error_ms, voice=speech.voice)
        await self._settle(planned.bulletin.id, at, "aired", {"title": planned.bulletin.title, **heard(report, speech)})

    async def _miss(self, planned: Planned, at: datetime, code: str, params: dict[str, str | int | float]) -> None:
        fault = Fault.of(code, **params)
        self._show(planned, "missed", last=at, fault=fault)
        detail: JsonObject = {"title": planned.bulletin.title, "code": code, "reason": fault.en, **params}
        await self._settle(planned.bulletin.id, at, "missed", {**detail, "at": iso(at)})

    async def _settle(self, bulletin: str, at: datetime, state: table.AiringState, detail: JsonObject) -> None:
        now = self._clock.now()
        try:
            await self._database.write(lambda db: table.settle(db, self._outbox, bulletin, at, state, now, detail))
        except StoreError as error:
            log.error("what became of bulletin %s at %s could not be written: %s", bulletin, at, error)
            return
        self._on_record()

    def _finish_if_over(self, planned: Planned) -> None:
        """A bulletin without further instants leaves the calendar; its last state stays to be seen."""
        self._planned.pop(planned.bulletin.id, None)
        state = self._states[planned.bulletin.id]
        self._states[planned.bulletin.id] = state.model_copy(update={"next": None})
        self._post(self._states[planned.bulletin.id])
        task = asyncio.create_task(self._forget(planned.bulletin.id), name="bulletin-over")
        self._tasks[f"over/{planned.bulletin.id}"] = task
        task.add_done_callback(lambda _: self._tasks.pop(f"over/{planned.bulletin.id}", None))

    async def _forget(self, bulletin: str) -> None:
        try:
            await self._database.write(lambda db: table.remove(db, bulletin))
        except StoreError as error:
            log.error("bulletin %s could not be taken off the calendar: %s", bulletin, error)

    def _show(
        self,
        planned: Planned,
        actual: str,
        coming: datetime | None = None,
        *,
        last: datetime | None = None,
        fault: Fault | None = None,
        error_ms: float | None = None,
        voice: str | None = None,
    ) -> None:
        bulletin = planned.bulletin
        before = self._states.get(bulletin.id)
        state = BulletinState(
            id=bulletin.id,
            at=self._clock.now(),
            actual=actual,
            title=bulletin.title,
            next=coming or (before.next if before and actual not in ("cancelled",) else None),
            last=last or (before.last if before else None),
            fault=fault,
            start_error_ms=error_ms if error_ms is not None else (before.start_error_ms if before else None),
            voice=voice or (before.voice if before else None),
        )
        self._states[bulletin.id] = state
        self._post(state)
