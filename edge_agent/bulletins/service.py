"""Airs bulletins at their instant: sound ready ahead, never twice, and every miss told with its reason."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drivers.contract import PlayReport
from edge_agent.announcer import Announcer, heard
from edge_agent.backoff import Backoff
from edge_agent.bulletins import table
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.calendar import next_after, occurrences
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.table import Planned
from edge_agent.clock import Alarms, Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import CancelBulletin, Command, PlanBulletin
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.reports import BulletinState
from edge_agent.desk.act import Act
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox
from tts.manner import Manner
from tts.speech import Speech

log = logging.getLogger(__name__)
_LEAD = timedelta(seconds=3)
_ON_TIME = timedelta(seconds=2)
_LIMIT = 500
_LOOK_EVERY_S = 60
_TOLD_AT_MOST = 50
"""Misses of one bulletin that are told one by one; the rest of them shares one event."""


class BulletinService:
    """The calendar of the node."""

    def __init__(  # noqa: PLR0913 - the calendar is where time, disk and speakers meet
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
        keep: Callable[[tuple[Entry, ...]], None] = lambda _entries: None,
    ) -> None:
        """`post` publishes a state; `on_record` hears that the outbox has news; `keep` gets events that the disk
        refused.
        """
        self._announcer = announcer
        self._zone = zone
        self._clock = clock
        self._alarms = alarms
        self._ledger = Ledger(database, outbox, clock, on_record, keep)
        self._board = BulletinBoard(clock, post)
        self._planned: dict[str, Planned] = {}
        self._coming: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._voice_turn = asyncio.Lock()
        self._began, self._started = clock.monotonic(), clock.now()
        self._doubted: float | None = None
        self._stopping = False

    async def load(self) -> None:
        """Read the calendar; report what a power cut interrupted."""
        self._began, self._started = self._clock.monotonic(), self._clock.now()
        planned, cut = await self._ledger.load()
        titles = {each.bulletin.id: each.bulletin.title for each in planned}
        for bulletin, at in cut:
            fault = Fault.of("bulletin.interrupted", seconds=0)
            detail = {"code": fault.code, "reason": fault.en, "seconds": 0, "title": titles.get(bulletin, bulletin)}
            await self._ledger.settle(bulletin, at, "missed", detail)
        for each in planned:
            self._planned[each.bulletin.id] = each
            self._board.show(each.bulletin, "preparing")

    async def run(self) -> None:
        """Start the calendar, then look once a minute that nothing fell through."""
        while True:
            for name, planned in list(self._planned.items()):
                if name not in self._tasks and self._wants_a_look(planned):
                    self._begin(planned, self._prepare(planned) if planned.fresh else self._plan_next(planned))
            await self._clock.sleep(_LOOK_EVERY_S)

    async def stop(self) -> None:
        """Cancel what is being prepared or on air."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def plan(self, asked: Command, args: PlanBulletin) -> Act:
        """Handle `bulletin.plan`: on the calendar in the same transaction as the command, or not at all."""
        bulletin = args.bulletin
        self._announcer.horn(bulletin.speaker)
        await self._announcer.check_reading(bulletin.text or "", _manner(bulletin))
        if len({*self._planned, *self._coming, bulletin.id}) > _LIMIT:
            raise Refusal("bulletin.too_many", limit=_LIMIT)
        now = self._clock.now()
        planned = Planned(bulletin, asked.by, handled=now)
        coming = await asyncio.to_thread(next_after, bulletin, now, self._zone)
        if coming is None:
            never = bulletin.recurrence is not None
            raise Refusal("bulletin.never") if never else Refusal("bulletin.past", at=iso(bulletin.at))
        about = f"bulletin/{bulletin.id}"
        entry = Entry.event(now, "bulletin", about, {"state": "planned", "next": iso(coming), "by": asked.by})
        self._coming.add(bulletin.id)

        def record(db: sqlite3.Connection) -> None:
            table.save(db, planned)

        def settled(written: bool) -> None:
            self._coming.discard(bulletin.id)
            if written:
                self._cancel_task(bulletin.id)
                self._planned[bulletin.id] = planned
                self._board.show(bulletin, "preparing", coming=coming)
                self._begin(planned, self._prepare(planned))

        return Act(record, (entry,), result={"next": iso(coming)}, settled=settled)

    async def cancel(self, asked: Command, args: CancelBulletin) -> Act:
        """Handle `bulletin.cancel`; one that is on air stops."""
        name = args.bulletin
        if name not in self._planned:
            known = ", ".join(self._planned) or "-"
            raise Refusal("command.unknown_thing", kind="bulletin", id=name, known=known[:500])
        entry = Entry.event(self._clock.now(), "bulletin", f"bulletin/{name}", {"state": "cancelled", "by": asked.by})

        def settled(written: bool) -> None:
            planned = self._planned.pop(name, None) if written else None
            if planned is not None:
                self._cancel_task(name)
                self._alarms.cancel(f"bulletin/{name}")
                self._board.show(planned.bulletin, "cancelled")

        return Act(lambda db: table.remove(db, name), (entry,), settled=settled)

    def _wants_a_look(self, planned: Planned) -> bool:
        if planned.fresh or planned.coming is None or planned.coming <= self._clock.now():
            return True
        return planned.passed is not None and self._clock.trusted

    def _is_current(self, planned: Planned) -> bool:
        return self._planned.get(planned.bulletin.id) is planned

    def _cancel_task(self, bulletin: str) -> None:
        task = self._tasks.pop(bulletin, None)
        if task is not None:
            task.cancel()

    def _begin(self, planned: Planned, work: Coroutine[Any, Any, None]) -> None:
        """One task a bulletin: it prepares, or waits for its turn on air."""
        name = planned.bulletin.id
        task = asyncio.get_running_loop().create_task(_guarded(name, work), name=f"bulletin-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    async def _prepare(self, planned: Planned) -> None:
        planned.fresh = False
        await self._plan_next(planned)
        backoff = Backoff(first=5, most=300)
        while self._is_current(planned):
            try:
                async with self._voice_turn:  # far-off bulletins leave the voice free for who speaks now
                    speech = await self._announcer.render(planned.bulletin.text or "", _manner(planned.bulletin))
            except Refusal as refusal:
                log.warning("bulletin %s is not ready: %s", planned.bulletin.id, refusal)
                self._board.show(planned.bulletin, "preparing", fault=refusal.fault)
                await self._clock.sleep(backoff.after(0))
                continue
            self._board.show(planned.bulletin, "ready", voice=speech.voice)
            return

    async def _plan_next(self, planned: Planned) -> None:
        """Deal with what is past, then set the alarm a little before the next instant."""
        bulletin = planned.bulletin
        too_late = self._clock.now() - timedelta(seconds=bulletin.catch_up_s) - _ON_TIME
        if self._trusted():
            planned.passed = None
            await self._sweep(planned, too_late)
            after = planned.handled
        else:  # what is past is judged when the time is known
            after = planned.passed = max(planned.handled, planned.passed or planned.handled, too_late)
        coming = next_after(bulletin, after, self._zone)
        if not self._is_current(planned):
            return
        planned.coming = coming
        if coming is not None:
            self._board.show(bulletin, coming=coming)
            self._alarms.at(f"bulletin/{bulletin.id}", coming - _LEAD, lambda: self._due(planned, coming))
        elif self._trusted():
            await self._finish(planned)

    async def _sweep(self, planned: Planned, before: datetime) -> None:
        """Tell all instants as missed that nobody has dealt with and that are too late now."""
        rest: list[datetime] = []
        for told, at in enumerate(occurrences(planned.bulletin, planned.handled, self._zone)):
            if at >= before or not self._is_current(planned):
                break
            if told < _TOLD_AT_MOST:
                await self._miss(planned, at, self._why_passed(at), {"at": iso(at)})
            else:
                rest.append(at)
                if told % 500 == 0:
                    await asyncio.sleep(0)
            planned.handled = at
        if rest:
            detail: JsonObject = {"code": self._why_passed(rest[-1]), "count": len(rest), "first": iso(rest[0])}
            await self._ledger.miss(planned.bulletin.id, rest[-1], {"title": planned.bulletin.title, **detail})

    def _trusted(self) -> bool:
        trusted = self._clock.trusted
        if not trusted:
            self._doubted = self._clock.monotonic()
        return trusted

    def _why_passed(self, at: datetime) -> str:
        """The code: the node was off then, nobody vouched for its clock, or the clock stepped over the instant."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        if self._doubted is None:
            return "bulletin.missed_late" if at < self._started else "bulletin.missed_step"
        if at < now - timedelta(seconds=elapsed - self._began):
            return "bulletin.missed_late"
        doubtful = at <= now - timedelta(seconds=elapsed - self._doubted)
        return "bulletin.missed_clock" if doubtful else "bulletin.missed_step"

    async def _due(self, planned: Planned, at: datetime) -> None:
        """The alarm: air in a task of its own, so that two bulletins can wait for their turn together."""
        if self._is_current(planned):
            self._cancel_task(planned.bulletin.id)
            self._begin(planned, self._air(planned, at))

    async def _air(self, planned: Planned, at: datetime) -> None:
        if not self._trusted():
            planned.passed = at
            await self._miss(planned, at, "bulletin.missed_clock", {}, sure=False)
        else:
            await self._sweep(planned, at)
            planned.handled = at
            late = self._clock.now() - at
            if late > timedelta(seconds=planned.bulletin.catch_up_s) + _ON_TIME:
                await self._miss(planned, at, self._why_passed(at), {"at": iso(at)})
            else:
                await self._air_now(planned, at)
        if self._is_current(planned):
            await self._plan_next(planned)

    async def _air_now(self, planned: Planned, at: datetime) -> None:
        bulletin = planned.bulletin
        stage = "bulletin.missed_voice"

        async def in_time() -> None:
            if self._clock.now() - at > timedelta(seconds=bulletin.catch_up_s) + _ON_TIME:
                raise Refusal("bulletin.missed_busy")

        try:
            speech = await self._announcer.render(bulletin.text or "", _manner(bulletin))
            stage = "bulletin.missed_speaker"
            if not await self._ledger.claim(bulletin.id, at):
                log.warning("bulletin %s at %s was aired before", bulletin.id, at)
                return
            report = await self._announcer.play(
                bulletin.speaker,
                speech,
                title=bulletin.title,
                of=bulletin.id,
                volume=bulletin.volume,
                at=at,
                begin=in_time,
                on_start=lambda _start: self._board.show(bulletin, "on_air", last=at, voice=speech.voice),
            )
        except Refusal as refusal:
            busy = refusal.fault.code == "bulletin.missed_busy"
            await self._fail(planned, at, refusal.fault.code if busy else stage, refusal.fault.en)
        except asyncio.CancelledError:
            if not self._stopping:  # stopped with the agent, it is told as interrupted at the next start
                await self._called_off(planned, at)
            raise
        except Exception as error:  # voices and drivers are foreign code: this instant is lost, not the calendar
            log.exception("bulletin %s failed", bulletin.id)
            await self._fail(planned, at, stage, type(error).__name__)
        else:
            await self._aired(planned, at, report, speech)

    async def _aired(self, planned: Planned, at: datetime, report: PlayReport, speech: Speech) -> None:
        bulletin = planned.bulletin
        if self._is_current(planned):
            heard_at = report.started_at if report.started_at - at > _ON_TIME else at
            self._board.show(bulletin, "aired", last=heard_at, error_ms=report.start_error_ms, voice=speech.voice)
        await self._ledger.settle(bulletin.id, at, "aired", {"title": bulletin.title, **heard(report, speech)})

    async def _called_off(self, planned: Planned, at: datetime) -> None:
        """Cancelled or replaced while it waited for its instant, or on air."""
        if at > self._clock.now():
            await self._ledger.unclaim(planned.bulletin.id, at)
            return
        detail = self._detail(planned, Fault.of("bulletin.missed_cancelled"))
        await self._ledger.settle(planned.bulletin.id, at, "missed", detail)

    async def _fail(self, planned: Planned, at: datetime, code: str, detail: str) -> None:
        fault = Fault.of(code, detail=detail)
        self._board.show(planned.bulletin, "missed", last=at, fault=fault)
        await self._ledger.settle(planned.bulletin.id, at, "missed", self._detail(planned, fault))

    async def _miss(
        self, planned: Planned, at: datetime, code: str, params: dict[str, str], *, sure: bool = True
    ) -> None:
        fault = Fault.of(code, **params)
        self._board.show(planned.bulletin, "missed", last=at, fault=fault)
        await self._ledger.miss(planned.bulletin.id, at, self._detail(planned, fault), sure=sure)

    @staticmethod
    def _detail(planned: Planned, fault: Fault) -> JsonObject:
        return {**fault.params, "title": planned.bulletin.title, "code": fault.code, "reason": fault.en}

    async def _finish(self, planned: Planned) -> None:
        """A bulletin without further instants leaves the calendar; its last state stays to be seen."""
        del self._planned[planned.bulletin.id]
        self._board.over(planned.bulletin.id)
        await self._ledger.forget(planned)


def _manner(bulletin: Bulletin) -> Manner:
    """How it is read: strictly, but an emergency is never silent for the sake of an acronym."""
    return Manner(bulletin.readings, bulletin.strict_reading and bulletin.class_ != "emergency")


async def _guarded(name: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:  # the minute's look begins it again; the other bulletins go on
        log.exception("bulletin %s failed", name)
