"""A clock that is moved by hand: a month of schedules in milliseconds, for tests and rehearsals."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """Clock and alarms in one. Time stands still until `advance` moves it; alarms ring in their order."""

    def __init__(self, start: datetime, *, trusted: bool = True) -> None:
        self.trusted = trusted
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self._alarms: dict[str, tuple[datetime, Callable[[], Awaitable[None]]]] = {}
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self.settled: Callable[[], Awaitable[None]] | None = None
        """Awaited after each thing that happened, for work that other threads do meanwhile (a database)."""

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._count), future))
        await future

    def at(self, name: str, instant: datetime, call: Callable[[], Awaitable[None]]) -> None:
        self._alarms[name] = (instant, call)

    def cancel(self, name: str) -> None:
        self._alarms.pop(name, None)

    def step(self, by: timedelta) -> None:
        """Step the wall clock as a person or NTP does; monotonic time does not move. Alarms ring at `advance`."""
        self._now += by

    async def advance(self, by: timedelta, settle: int = 20) -> None:
        """Let time pass, ringing alarms and waking sleepers on the way; `settle` turns of the loop after each."""
        end = self._now + by
        end_monotonic = self._monotonic + by.total_seconds()
        await self._settle(settle)
        while True:
            due = self._next(end, end_monotonic)
            if due is None:
                break
            self._move(due)
            await self._ring()
            await self._settle(settle)
        self._move((end - self._now).total_seconds())
        await self._settle(settle)

    async def _settle(self, turns: int) -> None:
        await _turns(turns)
        if self.settled is not None:
            await self.settled()

    def _next(self, end: datetime, end_monotonic: float) -> float | None:
        """Seconds to the next thing that is due before the end."""
        waits = []
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
        heapq.heapify(self._sleepers)
        if self._sleepers and self._sleepers[0][0] <= end_monotonic:
            waits.append(self._sleepers[0][0] - self._monotonic)
        if self._alarms:
            first = min(instant for instant, _ in self._alarms.values())
            if first <= end:
                waits.append((first - self._now).total_seconds())
        return max(0.0, min(waits)) if waits else None

    def _move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    async def _ring(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._monotonic + 1e-9:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
        due = sorted((instant, name) for name, (instant, _) in self._alarms.items() if instant <= self._now)
        for _, name in due:
            alarm = self._alarms.pop(name, None)
            if alarm is not None:
                await alarm[1]()


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
