"""Makes the sounds of all bulletins ready ahead of air: what is due sooner goes first, what fails is tried again."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from drivers.contract import Piece
from edge_agent.broadcast.item import Prepared
from edge_agent.bulletins.sounds import MOST_WAIT_S, NEVER, Preparer, Sounds, owner_of, wanted
from edge_agent.calendar import Occurrence
from edge_agent.clock import Clock
from edge_agent.clock.waiting import either
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Refusal
from edge_agent.prepare.readiness import Readiness

log = logging.getLogger(__name__)
_LANES = 2
"""A recording that comes slowly must not hold up what could be made meanwhile."""
_BETTER_EVERY_S = 900.0
_URGENT = timedelta(minutes=15)


class Readying:
    """The sounds of all bulletins. Few are made at a time; what is needed within minutes has a lane of its own."""

    def __init__(self, preparer: Preparer, clock: Clock, tell: Callable[[str], None]) -> None:
        """`tell` hears of which bulletin the readiness has changed."""
        self._preparer = preparer
        self._clock = clock
        self._tell = tell
        self._sounds: dict[str, dict[str, Sounds]] = {}
        self._news = asyncio.Event()
        self._left: list[str] = []
        """Owners to be released."""

    def put(self, bulletin: Bulletin, languages: tuple[str, ...], now: datetime) -> None:
        """Want what a bulletin needs; sounds of another bulletin with the same id are forgotten."""
        needs = {each.owner: each for each in wanted(bulletin, languages, now)}
        for owner, old in self._sounds.get(bulletin.id, {}).items():
            old.end()
            new = needs.get(owner)
            if new is None:
                self._left.append(owner)
            elif old.prepared is not None and (old.segments, old.manner) == (new.segments, new.manner):
                new.readiness, new.prepared = old.readiness, old.prepared
                new.done.set()
        self._sounds[bulletin.id] = needs
        self._news.set()

    def owners(self) -> set[str]:
        """Whose sounds are needed."""
        return {each.owner for each in self._all()}

    async def drop(self, bulletin: str) -> None:
        """Nothing of a bulletin is needed any more."""
        for each in self._sounds.pop(bulletin, {}).values():
            each.end()
            await self._release(each.owner)

    def of(self, occurrence: Occurrence) -> Sounds | None:
        """What an instance needs."""
        known = self._sounds.get(occurrence.bulletin, {})
        return known.get(owner_of(occurrence.bulletin, occurrence.planned_as)) or known.get(occurrence.bulletin)

    def seconds(self, bulletin: str) -> float | None:
        """How long a bulletin lasts, if that is known."""
        sounds = self._sounds.get(bulletin, {}).get(bulletin)
        return None if sounds is None else sounds.seconds

    def readiness(self, bulletin: str) -> Readiness:
        """How far all sounds of a bulletin are."""
        each = [sounds.readiness for sounds in self._sounds.get(bulletin, {}).values()]
        fault = next((one.fault for one in each if one.fault is not None), None)
        made = [sounds.prepared for sounds in self._sounds.get(bulletin, {}).values() if sounds.prepared is not None]
        said = next((one.said for one in made if one.said is not None), None)
        return Readiness(sum(one.prepared for one in each), sum(one.needed for one in each), fault, said)

    async def needed(self, occurrence: Occurrence) -> None:
        """Give the instance that comes next its place among the others; words that were for earlier ones may go."""
        known = self._sounds.get(occurrence.bulletin, {})
        for owner, each in list(known.items()):
            if owner != occurrence.bulletin and each.due < occurrence.at:
                known.pop(owner).end()
                await self._release(owner)
        sounds = self.of(occurrence)
        if sounds is not None:
            sounds.due = occurrence.at
            self._news.set()

    async def wait(self, sounds: Sounds, seconds: float) -> Prepared | None:
        """The sounds, waiting for them so long at most; what failed before is tried again at once."""
        if not sounds.done.is_set():
            sounds.retry_at, sounds.due = 0.0, self._clock.now()
            self._news.set()
            await either(self._clock, sounds.done, seconds)
        return await self._fresh(sounds)

    async def run(self) -> None:
        """Make what is missing, for ever."""
        async with asyncio.TaskGroup() as lanes:
            for lane in range(_LANES):
                lanes.create_task(self._lane(None), name=f"prepare-{lane}")
            lanes.create_task(self._lane(_URGENT), name="prepare-urgent")

    async def _lane(self, within: timedelta | None) -> None:
        while True:
            while self._left:
                await self._release(self._left.pop())
            sounds = self._next(within)
            if sounds is not None:
                await self._make(sounds)
                continue
            self._news.clear()
            await either(self._clock, self._news, self._rest())

    def _next(self, within: timedelta | None) -> Sounds | None:
        now, until = self._clock.monotonic(), NEVER if within is None else self._clock.now() + within
        ripe = [each for each in self._all() if each.lacking and each.retry_at <= now and each.due <= until]
        return min(ripe, key=lambda each: each.due, default=None)

    def _rest(self) -> float:
        """Seconds until something is tried again; what becomes urgent meanwhile is seen within five minutes."""
        waits = [each.retry_at - self._clock.monotonic() for each in self._all() if each.lacking]
        return min([wait for wait in waits if wait > 0], default=MOST_WAIT_S)

    def _all(self) -> Iterable[Sounds]:
        return (each for known in self._sounds.values() for each in known.values())

    async def _make(self, sounds: Sounds) -> None:
        def progress(prepared: int, needed: int) -> None:
            if (
                not sounds.gone and sounds.prepared is None and prepared < needed
            ):  # the last one is told when it is here
                sounds.readiness = sounds.readiness.counted(prepared, needed)
                self._tell(sounds.bulletin)

        better = sounds.prepared is not None
        work = self._preparer.prepare(sounds.owner, sounds.segments, sounds.manner, progress, better=better)
        sounds.task = asyncio.ensure_future(work)
        try:
            prepared = await sounds.task
        except asyncio.CancelledError:
            if not sounds.gone:
                sounds.task.cancel()
                raise
        except Refusal as refusal:
            self._failed(sounds, refusal)
        except Exception as error:  # voices and decoders are foreign code: this one is tried again, the others go on
            log.exception("the sounds of %s could not be made", sounds.owner)
            self._failed(sounds, Refusal("bulletin.missed_sound", detail=type(error).__name__))
        else:
            self._made(sounds, prepared)
        finally:
            sounds.task = None

    def _made(self, sounds: Sounds, prepared: Prepared) -> None:
        sounds.prepared = prepared
        count = max(sounds.readiness.needed, len(sounds.segments))
        sounds.readiness = Readiness(count, count)
        sounds.retry_at = self._clock.monotonic() + _BETTER_EVERY_S
        sounds.done.set()
        if not sounds.gone:
            self._tell(sounds.bulletin)

    def _failed(self, sounds: Sounds, refusal: Refusal) -> None:
        sounds.retry_at = self._clock.monotonic() + sounds.backoff.after(0)
        if sounds.prepared is not None or sounds.gone:
            return  # what is there stays
        log.warning("%s is not ready: %s", sounds.owner, refusal)
        sounds.readiness = sounds.readiness.failed(refusal)
        self._tell(sounds.bulletin)

    async def _fresh(self, sounds: Sounds) -> Prepared | None:
        """A stream is opened once: another airing gets another one, from what is prepared."""
        prepared = sounds.prepared
        if prepared is None or all(isinstance(source, Piece) for source in prepared.sources):
            return prepared
        try:
            return await self._preparer.prepare(sounds.owner, sounds.segments, sounds.manner, lambda _k, _n: None)
        except Refusal as refusal:
            log.warning("the streams of %s could not be made anew: %s", sounds.owner, refusal)
            return prepared

    async def _release(self, owner: str) -> None:
        try:
            await self._preparer.release(owner)
        except (OSError, Refusal) as error:
            log.warning("the sounds of %s could not be released: %s", owner, error)
