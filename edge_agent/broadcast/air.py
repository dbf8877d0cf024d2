"""The air of one speaker: who is on it, who waits, and who has to make room."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

from drivers.contract import PlayStart
from edge_agent.broadcast.amplifier import Amplifier
from edge_agent.broadcast.board import SpeakerBoard
from edge_agent.broadcast.clashes import Clashes
from edge_agent.broadcast.item import Item
from edge_agent.broadcast.job import Job
from edge_agent.broadcast.playing import Outcome, Player
from edge_agent.broadcast.ranks import Ranks
from edge_agent.broadcast.sources import Stretch
from edge_agent.broadcast.timing import Timing
from edge_agent.clock import Clock
from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.desk.act import Begin

_WAITING = 16


class Air:
    """One speaker. Reached as `station.air(speaker_id)`."""

    def __init__(  # noqa: PLR0913 - time, driver, ranks and state meet here
        self,
        speaker: str,
        clock: Clock,
        *,
        timing: Timing,
        player: Player,
        ranks: Ranks,
        board: SpeakerBoard,
        amplifier: Amplifier | None,
        clashes: Clashes,
        heard: Callable[[Job], None] = lambda _job: None,
    ) -> None:
        """`ranks` are those of the whole node; `heard` gets what was on air and is over."""
        self._speaker = speaker
        self._clock = clock
        self._clashes = clashes
        self._heard = heard
        self._timing = timing
        self.player = player
        self._ranks = ranks
        self._board = board
        self._amplifier = amplifier
        self._waiting: list[Job] = []
        self._current: Job | None = None
        self._closed_for: set[str] = set()
        self._kept_for: Item | None = None
        self._numbers = itertools.count()
        self.stopped_by = "-"
        """Who stopped the speaker last."""

    @property
    def lead_s(self) -> float:
        """How many seconds before an item's `at` to call `air`, so that streams and amplifier are ready."""
        return self._timing.lead_s

    async def air(
        self, item: Item, begin: Begin | None = None, on_start: Callable[[PlayStart], None] | None = None
    ) -> Airing:
        """Wait for its turn, play it, and return what was heard, when it is over.

        `begin` is awaited once, right before it is played for the first time; what it raises goes through.
        The Airing's state is `aired`, or `partly` with a code (`speaker.stopped`, `speaker.device_lost`,
        `bulletin.dropped` ...) when it was cut short. A cancelled call ends the sound.

        A planned item (`at` and `not_after`) whose speaker fails is tried again until `not_after`; one that had begun
        for `resume_within_s`, as its `after` says.

        Raises Refusal when nothing was heard: `command.busy` (queue full), `bulletin.missed_busy` (`not_after`),
        `speaker.stopped`, `speaker.no_device` and what the driver says.
        """
        if len(self._waiting) >= _WAITING and item.class_ != "emergency":
            raise Refusal("command.busy")
        job = Job(item, self._speaker, begin, on_start, self._clock.now(), next(self._numbers))
        try:
            over = False
            while not over:
                await self._turn(job)
                over = job.cut is not None or await self._play(job)
                self._give_back(job)
        finally:
            self._forget(job)
            await asyncio.shield(job.sources.close())
        if not job.begun:
            raise _refusal(job.cut or job.failure or job.sources.fault or Fault.of("audio.empty"))
        self._heard(job)
        return job.airing()

    def position_s(self, item_id: str) -> float | None:
        """Seconds of its sources that were heard so far, `skip_s` included; None while it has not begun, or is over.

        The planner asks every few seconds, so that after a power cut it goes on from there.
        """
        current = self._current
        if current is not None and current.item.id == item_id and current.begun:
            now = self.player.position_s
            return current.position_s if now is None else now
        return next((job.position_s for job in self._waiting if job.item.id == item_id and job.begun), None)

    def cut(self, item_id: str, fault: Fault) -> bool:
        """End an item that waits or plays, for this reason; False when there is none. Its `air` call then returns."""
        jobs = [job for job in self._jobs() if job.item.id == item_id]
        for job in jobs:
            self._cut(job, fault)
        return bool(jobs)

    def stop(self, by: str) -> bool:
        """Cut everything; True when something played."""
        self.stopped_by = by
        for job in self._jobs():
            self._cut(job, Fault.of("speaker.stopped", by=by))
        return self._current is not None

    def close_for(self, emergency: str) -> None:
        """An emergency goes on here: nothing of a lower class gets the air, also not between two repetitions."""
        self._closed_for.add(emergency)

    def open_again(self, emergency: str) -> None:
        """That emergency is over."""
        self._closed_for.discard(emergency)
        self.let_go(emergency)
        self.arrange()

    def keep_for(self, item: Item) -> None:
        """A siren sounds whose words follow: nobody gets in between but who could interrupt it."""
        self._kept_for = item

    def let_go(self, emergency: str) -> None:
        """Its words do not follow, or were heard."""
        if self._kept_for is not None and self._kept_for.id == emergency:
            self._kept_for = None
            self.arrange()

    def arrange(self) -> None:
        """Give the air to whom it belongs. Called whenever something has changed."""
        ripe = sorted((job for job in self._waiting if self._timing.ripe(job) and self._may(job.item)), key=self._key)
        if ripe:
            best, current = ripe[0], self._current
            if current is None:
                self._waiting.remove(best)
                self._current = best
                best.turn.set()
            elif self._ranks.interrupts(best.item, current.item) and current.made_way_for is None:
                current.made_way_for = best.item.id
                self._kick(current)
            self._clashes.look(self._current, ripe)
        self._board.say(queue=tuple(job.item.id for job in sorted(self._waiting, key=self._key)))

    def _may(self, item: Item) -> bool:
        """Whether emergencies leave it the air at all."""
        kept = self._kept_for
        if kept is not None and kept.id != item.id and not self._ranks.interrupts(item, kept):
            return False
        return item.class_ == "emergency" or not self._closed_for

    async def _turn(self, job: Job) -> None:
        """Until it has the air, or was cut."""
        job.turn.clear()
        job.kicked.clear()
        self._waiting.append(job)
        while job.cut is None and not job.turn.is_set():
            self._prepare(job)
            self.arrange()
            if job.turn.is_set():
                return
            if (fault := self._timing.too_late(job)) is not None:
                job.cut = fault
                return
            await _first(self._clock.sleep(self._timing.next_look(job)), job.turn.wait())

    async def _play(self, job: Job) -> bool:
        """With the air: play, until it is over (True) or has to wait once more (False)."""
        if (fault := self._timing.too_late(job)) is not None:
            job.cut = fault
            return True
        if self._amplifier is not None:
            self._amplifier.acquire(job)
        stretch = await self._stretch(job)
        if stretch is None:
            return True
        if not await self._begun(job):
            return self._ended(job, Outcome(stopped=True))
        return self._ended(job, await self.player.play(job, stretch, self._timing.instant(job, stretch.live_since_s)))

    async def _stretch(self, job: Job) -> Stretch | None:
        if job.position_s <= 0 or (job.is_live and job.item.at is not None and not job.begun):
            return job.sources.stretch(0.0)
        await job.sources.measured()
        return job.sources.stretch(
            job.position_s, 0.0 if job.left_at is None else self._clock.monotonic() - job.left_at
        )

    async def _begun(self, job: Job) -> bool:
        """Await its `begin`, once; False when it has to leave the air meanwhile."""
        if job.begin is not None and job.beginning is None:
            job.beginning = asyncio.get_running_loop().create_task(_call(job.begin), name="begin")
            job.beginning.add_done_callback(lambda task: task.cancelled() or task.exception())
        if job.beginning is not None:
            await _first(job.beginning, job.kicked.wait())
            if job.beginning.done():
                job.beginning.result()
        return not job.kicked.is_set()

    def _ended(self, job: Job, outcome: Outcome) -> bool:
        """What follows from how a play ended: True when the item is over."""
        by, job.made_way_for = job.made_way_for, None
        sounded = job.begun and not job.away
        if outcome.fault is None and outcome.stopped and job.cut is None and by is not None:
            if sounded:
                job.interrupted(by, self._clock.now())
                job.leave(self._clock.monotonic())
            return job.cut is not None
        if outcome.fault is not None and outcome.retry and self._tries_again(job):
            if sounded:
                job.leave(self._clock.monotonic())
            self._timing.try_again(job)
            return False
        if sounded:
            self._timing.free_at = self._clock.monotonic()
        return True

    @staticmethod
    def _tries_again(job: Job) -> bool:
        """The speaker failed: whether the item waits for it to come back."""
        if job.cut is not None or job.item.class_ == "emergency":  # an emergency begins anew by itself
            return False
        if job.begun:
            return job.item.after != "drop"
        return job.item.at is not None and job.item.not_after is not None

    def _prepare(self, job: Job) -> None:
        """What has to be done some seconds before its instant."""
        opens, warms = self._timing.prepare(job)
        if opens:
            job.sources.open(lambda: self._opened(job))
        if warms and self._amplifier is not None:
            self._amplifier.acquire(job)

    def _opened(self, job: Job) -> None:
        """Its streams run; without any piece there is nothing to be played."""
        if not job.sources.pieces:
            self._cut(job, job.sources.fault or Fault.of("audio.empty"))
        elif job in self._waiting:
            self.arrange()

    def _give_back(self, job: Job) -> None:
        if self._current is job:
            self._current = None
            self.arrange()

    def _forget(self, job: Job) -> None:
        with contextlib.suppress(ValueError):
            self._waiting.remove(job)
        if self._amplifier is not None:
            self._amplifier.release(job)
        self._clashes.forget(job)
        self._current = None if self._current is job else self._current
        self.arrange()

    def _cut(self, job: Job, fault: Fault) -> None:
        job.cut = job.cut or fault
        if job is self._current:
            self._kick(job)
        else:
            job.turn.set()

    def _kick(self, job: Job) -> None:
        """It leaves the air, whether it sounds or is about to."""
        job.kicked.set()
        self.player.stop()

    def _jobs(self) -> list[Job]:
        return [*([self._current] if self._current is not None else []), *self._waiting]

    def _key(self, job: Job) -> tuple[float, ...]:
        return self._ranks.key(job.item, job.came, job.number)


async def _first(*works: "Awaitable[object]") -> None:
    """Until one of them has happened; the others are given up, a task that came in is left alone."""
    tasks = [work if isinstance(work, asyncio.Task) else asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work, task in zip(works, tasks, strict=True):
            if work is not task:
                task.cancel()


async def _call(begin: Begin) -> None:
    await begin()


def _refusal(fault: Fault) -> Refusal:
    refusal = Refusal(fault.code, **fault.params)
    refusal.fault = fault
    return refusal
