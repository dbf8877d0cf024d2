"""One instance of a bulletin on its way through the air: ready, lawful, claimed, heard, settled."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from drivers.contract import PlayStart
from edge_agent.broadcast.station import Station
from edge_agent.bulletins import airing as story
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.lawful import Lawful
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.ready import Readying
from edge_agent.bulletins.run import Run, item_of, occurrence_of, told
from edge_agent.bulletins.sounds import why_not_ready
from edge_agent.bulletins.table import Begun, Key, Planned
from edge_agent.calendar import Occurrence
from edge_agent.clock import Clock
from edge_agent.clock.waiting import either
from edge_agent.contract.airings import Airing
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault, Refusal

log = logging.getLogger(__name__)
ON_TIME = timedelta(seconds=2)
SAVE_EVERY_S = 5.0
"""How often the position is written, so that a power cut repeats no more than that."""
_CUT_LIMIT_S = 5.0
_QUEUE_AGAIN_S = 1.0
_SET_BACK = timedelta(seconds=60)
"""More than any lead: the clock was set back while an instance waited for its instant."""


class _TakenError(Exception):
    """Somebody has dealt with the instance before."""


class OnAir:
    """What the calendar does when an instant has come."""

    def __init__(
        self, station: Station, ledger: Ledger, ready: Readying, lawful: Lawful, board: BulletinBoard, clock: Clock
    ) -> None:
        self._station = station
        self._ledger = ledger
        self._ready = ready
        self._lawful = lawful
        self._board = board
        self._clock = clock
        self.stopping = False
        """The agent ends: what is on air goes on at its next start."""

    async def air(self, planned: Planned, occurrence: Occurrence, speaker: str) -> None:
        """Let an instance be heard at its instant, or as soon as it can within its time to catch up."""
        bulletin = planned.bulletin
        begun = Begun(Key.of(occurrence), occurrence.at, story.intended(bulletin, occurrence, speaker, planned.by))
        until = occurrence.at + timedelta(seconds=bulletin.catch_up_s) + ON_TIME
        try:
            await self._play(await self._run(planned, occurrence, begun, until))
        except Refusal as refusal:
            await self._missed(planned, begun, refusal.fault)

    async def go_on(self, planned: Planned, begun: Begun, until: datetime) -> None:
        """Go on with what the end of the agent interrupted, by its policy."""
        again = planned.bulletin.after_interruption == "restart"
        airing = story.interrupted(begun.airing, begun.seen or begun.due, begun.position_s, again=again)
        begun = replace(begun, airing=airing, position_s=0.0 if again else begun.position_s)
        try:
            run = await self._run(planned, occurrence_of(planned, begun), begun, until)
            run.item = replace(run.item, at=None, skip_s=begun.position_s)
            run.claimed, run.before_s = True, airing.seconds
            if run.left_s is not None:
                run.left_s -= begun.position_s
                if run.left_s <= 0:  # another voice has made it shorter meanwhile
                    raise Refusal("bulletin.interrupted", seconds=round(airing.seconds))
            await self._play(run)
        except Refusal as refusal:
            await self.settle(planned, begun, story.because(airing, refusal.fault))

    async def settle(self, planned: Planned, begun: Begun, airing: Airing) -> None:
        """Write down and show what became of it."""
        await self._ledger.settle(begun.key, begun.due, airing)
        self._show(planned, begun, airing)

    async def _missed(self, planned: Planned, begun: Begun, fault: Fault) -> None:
        airing = story.because(begun.airing, told(fault))
        sure = fault.code != "bulletin.missed_clock"
        if not sure:  # nobody knows whether its instant has come
            planned.passed, planned.handled = begun.due, min(planned.handled, begun.due - timedelta(milliseconds=1))
        await self._ledger.miss(begun.key, begun.due, airing, sure=sure)
        self._show(planned, begun, airing)

    async def _run(self, planned: Planned, occurrence: Occurrence, begun: Begun, until: datetime) -> Run:
        """Wait for its sounds. Raises Refusal."""
        bulletin = planned.bulletin
        air = self._station.air(bulletin.speaker)
        sounds = self._ready.of(occurrence)
        left = (until - self._clock.now()).total_seconds()
        prepared = await self._ready.wait(sounds, left) if sounds is not None else None
        if sounds is None or prepared is None:
            fault = why_not_ready(sounds.readiness.fault if sounds is not None else None)
            raise Refusal(fault.code, **fault.params)
        return Run(planned, begun, item_of(planned, occurrence, prepared, until), air, sounds.seconds)

    async def _play(self, run: Run) -> None:
        """Play it, and settle."""
        started = asyncio.Event()

        def on_start(start: PlayStart) -> None:
            self._started(run, start)
            started.set()

        asked_at = self._clock.now() - timedelta(seconds=self._clock.monotonic())
        play = asyncio.ensure_future(self._aired(run, on_start))
        follow = asyncio.ensure_future(self._follow(run, started))
        try:
            airing = await asyncio.shield(play)
        except asyncio.CancelledError:
            await self._cancelled(run, play)
            raise
        except _TakenError:
            log.warning("bulletin %s at %s was aired before", run.item.id, run.begun.due)
        except Refusal as refusal:
            await self._refused(run, self._or_stepped(run, refusal.fault, asked_at))
        except Exception as error:  # drivers are foreign code: this instant is lost, not the calendar
            log.exception("bulletin %s failed", run.item.id)
            await self._refused(run, Fault.of("bulletin.missed_speaker", detail=type(error).__name__))
        else:
            await self._settle(run, airing)
        finally:
            follow.cancel()

    async def _aired(self, run: Run, on_start: Callable[[PlayStart], None]) -> Airing:
        """On air; where the queue is full, asked again as long as it is not too late."""
        while True:
            try:
                return await run.air.air(run.item, lambda: self._begin(run), on_start)
            except Refusal as refusal:
                late = run.item.not_after is None or self._clock.now() + ON_TIME > run.item.not_after
                if refusal.fault.code != "command.busy" or late:
                    raise
            await self._clock.sleep(_QUEUE_AGAIN_S)

    def _or_stepped(self, run: Run, fault: Fault, asked_at: datetime) -> Fault:
        """Too late for its turn: or did the clock step over the instant? `asked_at`: its offset when it was asked."""
        until, now = run.item.not_after, asked_at + timedelta(seconds=self._clock.monotonic())
        if fault.code != "bulletin.missed_busy" or until is None or now > until:
            return fault
        return Fault.of("bulletin.missed_step", at=iso(run.begun.due))

    async def _begin(self, run: Run) -> None:
        """Right before it is heard: still at a time that is known, lawful, and not heard before. Raises Refusal."""
        if not self._clock.trusted and not run.claimed:
            raise Refusal("bulletin.missed_clock")
        at = max(self._clock.now(), run.item.at or run.begun.due)
        self._lawful.require(run.planned.bulletin, run.begun.airing.speaker, at, run.left_s)
        if not run.claimed and not await self._ledger.claim(run.begun):
            raise _TakenError
        run.claimed = True

    def _started(self, run: Run, start: PlayStart) -> None:
        airing = run.begun.airing
        if airing.started_us is None:
            news = {"started_us": story.micros(start.started_at), "start_error_ms": start.start_error_ms}
            item = {
                "voice": run.item.voice,
                "sha256": run.item.sha256,
                "volume": run.item.volume,
                "said": run.item.said,
            }
            airing = airing.model_copy(update={**news, **item, "output": start.output})
        run.begun = replace(run.begun, airing=airing, seen=self._clock.now())
        if not run.planned.gone:
            self._board.show(run.planned.bulletin, "on_air", last=run.begun.due, voice=run.item.voice)

    async def _follow(self, run: Run, started: asyncio.Event) -> None:
        """Write down how far it is; what was interrupted and goes on too late is ended where the law ends."""
        while not await either(self._clock, started, ON_TIME.total_seconds()):
            if run.item.at is not None and self._clock.now() < run.item.at - _SET_BACK:
                run.set_back = True
                run.air.cut(run.item.id, Fault.of("bulletin.missed_step", at=iso(run.begun.due)))
                return
        began, since = self._clock.now(), self._clock.monotonic()

        def elapsed() -> timedelta:  # a clock that is set meanwhile changes nothing about what is on air
            return timedelta(seconds=self._clock.monotonic() - since)

        while True:
            await self._ledger.keep(run.begun)
            await self._clock.sleep(SAVE_EVERY_S)
            self._note(run)
            verdict = self._lawful.verdict(run.planned.bulletin, run.begun.airing.speaker, began + elapsed(), None)
            if verdict.fault is not None and verdict.rule in ("hours.window", "hours.weekday"):
                run.air.cut(run.item.id, verdict.fault)

    def _note(self, run: Run) -> None:
        position = run.air.position_s(run.item.id)
        if position is None:
            return
        seconds = round(run.before_s + max(0.0, position - run.item.skip_s), 3)
        airing = run.begun.airing.model_copy(update={"seconds": seconds})
        run.begun = replace(run.begun, airing=airing, position_s=round(position, 3), seen=self._clock.now())

    async def _cancelled(self, run: Run, play: "asyncio.Future[Airing]") -> None:
        """The agent ends, or a person has taken the bulletin off the calendar or put another one in its place."""
        self._note(run)
        if self.stopping:
            play.cancel()
            await asyncio.gather(play, return_exceptions=True)
            if run.begun.seen is not None:
                await self._ledger.keep(run.begun)
            return
        fault = Fault.of("bulletin.missed_cancelled" if run.begun.seen is None else "bulletin.cancelled")
        if not run.air.cut(run.item.id, fault):
            play.cancel()
        done, _ = await asyncio.wait([play], timeout=_CUT_LIMIT_S)
        heard = play.result() if done and not play.cancelled() and play.exception() is None else None
        if heard is not None:
            await self._settle(run, heard)
        elif run.begun.due > self._clock.now():
            if run.claimed:
                await self._ledger.unclaim(run.begun)
        else:
            await self._refused(run, fault)

    async def _refused(self, run: Run, fault: Fault) -> None:
        if run.set_back:  # the instant is still to come: it is planned again, and nobody waits for it on the air
            run.planned.handled = min(run.planned.handled, run.begun.due - timedelta(milliseconds=1))
            await self._ledger.unclaim(run.begun)
            return
        if not run.claimed:
            await self._missed(run.planned, run.begun, fault)
            return
        airing = run.begun.airing.model_copy(update={"seconds": run.before_s})
        await self.settle(run.planned, run.begun, story.because(airing, fault if run.before_s else told(fault)))

    async def _settle(self, run: Run, heard: Airing) -> None:
        before = run.begun.airing.model_copy(update={"seconds": run.before_s})
        if not before.interruptions:
            before = before.model_copy(update={"started_us": None})  # the report knows it better than the start did
        await self.settle(run.planned, run.begun, story.joined(before, heard))

    def _show(self, planned: Planned, begun: Begun, airing: Airing) -> None:
        if planned.gone:
            return
        last = begun.due
        if airing.started_us is not None and story.instant(airing.started_us) - last > ON_TIME:
            last = story.instant(airing.started_us)
        fault = Fault.of(airing.code, **airing.params) if airing.code else None
        self._board.show(
            planned.bulletin, airing.state, last=last, fault=fault, error_ms=airing.start_error_ms, voice=airing.voice
        )
