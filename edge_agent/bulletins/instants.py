"""Which instant comes next, and what becomes of those that passed unheard."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.bulletins import airing as story
from edge_agent.bulletins.board import BulletinBoard
from edge_agent.bulletins.ledger import Ledger
from edge_agent.bulletins.onair import ON_TIME
from edge_agent.bulletins.passed import Watch
from edge_agent.bulletins.table import Key, Planned
from edge_agent.calendar import Occurrence, next_after, occurrences
from edge_agent.clock import Alarms, Clock
from edge_agent.contract.airings import Airing
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault

_SHOWN = timedelta(days=7)
_SHOWN_AT_MOST = 50
_TOLD_AT_MOST = 50
"""Misses of one bulletin that are told one by one; the rest of them shares one event."""


class Instants:
    """The time side of the calendar."""

    def __init__(
        self,
        ledger: Ledger,
        board: BulletinBoard,
        clock: Clock,
        alarms: Alarms,
        zone: ZoneInfo,
        speaker: Callable[[Bulletin], str],
    ) -> None:
        """`speaker` says where a bulletin is heard."""
        self.watch = Watch(clock)
        self._ledger = ledger
        self._board = board
        self._clock = clock
        self._alarms = alarms
        self._zone = zone
        self._speaker = speaker
        self._shown_on: date | None = None

    def wants_a_look(self, planned: Planned) -> bool:
        """Whether its alarm is not set, has not rung in time, or was set while the clock was not trusted."""
        if planned.coming is None or planned.coming.at <= self._clock.now():
            return True
        return planned.passed is not None and self._clock.trusted

    async def next(self, planned: Planned) -> Occurrence | None:
        """Tell what passed as missed; the instance that comes next."""
        bulletin = planned.bulletin
        too_late = self._clock.now() - timedelta(seconds=bulletin.catch_up_s) - ON_TIME
        if self.watch.trusted():
            planned.passed = None
            await self._sweep(planned, too_late)
            after = planned.handled
        elif bulletin.class_ == "emergency":  # by whatever clock there is: better heard
            after = max(planned.handled, too_late)
        else:  # what is past is judged when the time is known
            after = planned.passed = max(planned.handled, planned.passed or planned.handled, too_late)
        coming = next_after(bulletin, after, self._zone)
        self._show(planned, coming)
        return coming

    async def may_air(self, planned: Planned, occurrence: Occurrence) -> bool:
        """The alarm has rung. False: it was told as missed, by a clock that nobody vouches for or too late."""
        at = occurrence.at
        if not self.watch.trusted():
            planned.passed = at
            await self._miss(planned, occurrence, "bulletin.missed_clock", sure=False)
            return False
        await self._sweep(planned, at)
        planned.handled = max(planned.handled, at)
        late = self._clock.now() - at
        if late > timedelta(seconds=planned.bulletin.catch_up_s) + ON_TIME:
            await self._miss(planned, occurrence, self.watch.why(at))
            return False
        return True

    def ring(self, planned: Planned, at: datetime, call: Callable[[], Awaitable[None]]) -> None:
        """Set its alarm."""
        self._alarms.at(f"bulletin/{planned.bulletin.id}", at, call)

    def forget(self, bulletin: str) -> None:
        """No alarm any more."""
        self._alarms.cancel(f"bulletin/{bulletin}")

    def refresh(self, planned: Iterable[Planned]) -> None:
        """Once a day, show the instants of the week anew."""
        today = self._clock.now().astimezone(self._zone).date()
        if today != self._shown_on:
            self._shown_on = today
            for each in planned:
                if each.coming is not None:
                    self._show(each, each.coming)

    def _show(self, planned: Planned, coming: Occurrence | None) -> None:
        if planned.gone:
            return
        until = self._clock.now() + _SHOWN
        week: tuple[datetime, ...] = ()
        if coming is not None and coming.at < until:
            later = occurrences(planned.bulletin, coming.at, self._zone)
            shown = itertools.takewhile(lambda at: at < until, (each.at for each in later))
            week = (coming.at, *itertools.islice(shown, _SHOWN_AT_MOST - 1))
        self._board.coming(planned.bulletin, week, coming.at if coming else None)

    async def _sweep(self, planned: Planned, before: datetime) -> None:
        """Tell all instants as missed that nobody has dealt with and that are too late now."""
        rest: list[Occurrence] = []
        for told, occurrence in enumerate(occurrences(planned.bulletin, planned.handled, self._zone)):
            if occurrence.at >= before or planned.gone:
                break
            if told < _TOLD_AT_MOST:
                await self._miss(planned, occurrence, self.watch.why(occurrence.at))
            else:
                rest.append(occurrence)
                if told % 500 == 0:
                    await asyncio.sleep(0)
            planned.handled = occurrence.at
        if rest:
            await self._miss_many(planned, rest)

    async def _miss_many(self, planned: Planned, rest: list[Occurrence]) -> None:
        last = rest[-1]
        code = self.watch.why(last.at)
        data: JsonObject = {"state": "missed", "title": planned.bulletin.title, "code": code, "count": len(rest)}
        data |= {"first": iso(rest[0].at), "at": iso(last.at)}
        airing = story.because(self._intended(planned, last), Fault.of(code, at=iso(last.at)))
        await self._ledger.miss_many(planned, Key.of(last), last.at, airing, data)

    async def _miss(self, planned: Planned, occurrence: Occurrence, code: str, *, sure: bool = True) -> None:
        fault = Fault.of(code, at=iso(occurrence.at))
        if code == "bulletin.missed_late" and planned.stopped == occurrence.at:  # it worked then, but not for long
            fault = Fault.of("bulletin.interrupted", seconds=0)
        if not planned.gone:
            self._board.show(planned.bulletin, "missed", last=occurrence.at, fault=fault)
        airing = story.because(self._intended(planned, occurrence), fault)
        await self._ledger.miss(Key.of(occurrence), occurrence.at, airing, sure=sure)

    def _intended(self, planned: Planned, occurrence: Occurrence) -> Airing:
        return story.intended(planned.bulletin, occurrence, self._speaker(planned.bulletin), planned.by)
