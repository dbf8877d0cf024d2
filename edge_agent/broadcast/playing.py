"""Plays one stretch of an item on the driver, with amplifier, volume, ears and the speaker's state around it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drivers.contract import Control, DriverFault, PlayReport, PlayStart
from drivers.contract import Speaker as Driver
from edge_agent.broadcast.board import SpeakerBoard
from edge_agent.broadcast.job import Job
from edge_agent.broadcast.listener import Ears
from edge_agent.broadcast.progress import Progress
from edge_agent.broadcast.sources import Stretch
from edge_agent.broadcast.volume import Volume
from edge_agent.clock import Clock
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault

log = logging.getLogger(__name__)
_STOPS_WITHIN_S = 0.15
_LOOK_AT_NOISE_S = 5.0
_LOOK_AT_HOURS_S = 300.0
_RAMP_S = 1.0
_RETRY = frozenset(
    {
        "speaker.no_device",
        "speaker.device_lost",
        "speaker.busy",
        "speaker.playout_failed",
        "driver.closed",
        "driver.io",
        "driver.no_device",
    }
)
"""Faults that may be over by themselves in a moment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a play ended. Neither `stopped` nor `fault`: it was heard to the end. `retry`: may work in a moment."""

    stopped: bool = False
    fault: Fault | None = None
    retry: bool = False


class Player:
    """The driver of one speaker."""

    def __init__(
        self,
        speaker: Speaker,
        clock: Clock,
        *,
        driver: Callable[[], Driver | None],
        volume: Volume,
        board: SpeakerBoard,
        ears: Ears,
        uncertainty_ms: Callable[[], float | None],
        fault: Callable[[Fault], None],
    ) -> None:
        """`driver` gives the open driver; `uncertainty_ms` is the system clock's; `fault` puts a fault on record."""
        self._speaker = speaker
        self._clock = clock
        self._driver = driver
        self._volume = volume
        self._board = board
        self._ears = ears
        self._uncertainty_ms = uncertainty_ms
        self._record = fault
        self._control: Control | None = None
        self._job: Job | None = None
        self._stretch = Stretch(())
        self._play: asyncio.Task[PlayReport] | None = None
        self.progress = Progress()
        self.chosen: float | None = None
        """The volume that a person set, per cent."""

    @property
    def position_s(self) -> float | None:
        """Where within the item the sound is now; None while nothing sounds."""
        if self._control is None or self._job is None or not self._job.begun:
            return None
        return self._stretch.base_s + self._control.position_s

    async def play(self, job: Job, stretch: Stretch, at: datetime | None) -> Outcome:
        """Play; what was heard is added to the job. Cancelling ends the sound."""
        driver = self._driver()
        if driver is None:
            detail = f"driver {self._speaker.driver} is not working"
            return self._failed(job, Fault.of("speaker.no_device", detail=detail), retry=True)
        self._control, self._job, self._stretch = Control(), job, stretch
        keeper = asyncio.get_running_loop().create_task(self._keep_volume(job), name="volume")
        try:
            return await self._through(driver, job, at)
        finally:
            keeper.cancel()
            self._control = self._job = None
            self._board.idle()

    def stop(self) -> None:
        """Fade out; a driver that does not obey is cancelled."""
        control, play = self._control, self._play
        if control is None or control.stopped:
            return
        control.stop()
        if play is not None:
            asyncio.get_running_loop().call_later(_STOPS_WITHIN_S, play.cancel)

    def adjust(self, ramp_s: float = 0.3) -> None:
        """Something that counts for the volume has changed: hear it at once."""
        if self._control is None or self._job is None or self._control.stopped:
            return
        level = self._level(self._job)
        if self._control.volume is None or abs(level - self._control.volume) > 0.004:
            self._control.set_volume(level, ramp_s)
            self._job.volume = level
            self._board.say(volume=round(level * 100, 1))

    def tell_noise(self) -> None:
        """Show how loud the surroundings are."""
        noise = self._ears.noise_db()
        self._board.say(noise_db=None if noise is None else round(noise, 1))

    async def _through(self, driver: Driver, job: Job, at: datetime | None) -> Outcome:
        control, stretch = self._control, self._stretch
        assert control is not None  # noqa: S101 - for the type checker
        level = self._level(job)
        control.set_volume(level, 0.0)
        sounding = False

        def started(start: PlayStart) -> None:
            nonlocal sounding
            sounding = True
            self._started(job, start)

        play = asyncio.get_running_loop().create_task(
            driver.play(stretch.pieces, at=at, skip_s=stretch.skip_s, volume=level, on_start=started, control=control),
            name="play",
        )
        self._play = play
        total = job.sources.seconds
        left = None if total is None else max(0.0, total - stretch.base_s - stretch.skip_s)
        ahead = 0.0 if at is None else max(0.0, (at - self._clock.now()).total_seconds())
        try:
            with self.progress.of(control, ahead, left):
                await _settled(play)
            return self._outcome(job, play, control)
        finally:
            self._play = None
            if sounding:
                self._ears.end(job.item.id, stretch.pieces, stretch.skip_s) if job.item.proof else None

    def _outcome(self, job: Job, play: "asyncio.Task[PlayReport]", control: Control) -> Outcome:
        stretch = self._stretch
        try:
            report = play.result()
        except DriverFault as fault:
            self._heard(job, control.position_s - stretch.skip_s, control.position_s)
            retry = fault.retry or fault.code in _RETRY
            return self._failed(job, Fault.of(fault.code, detail=fault.detail), retry=retry)
        except asyncio.CancelledError:  # it did not stop when it was told to
            self._heard(job, control.position_s - stretch.skip_s, control.position_s)
            return Outcome(stopped=True)
        except Exception as error:  # a driver is foreign code: whatever it raises is its own fault
            log.exception("the driver of speaker %s failed", self._speaker.id)
            self._heard(job, control.position_s - stretch.skip_s, control.position_s)
            return self._failed(job, Fault.of("driver.failed", detail=f"{type(error).__name__}: {error}"[:200]))
        self._heard(job, report.seconds, report.position_s or stretch.skip_s + report.seconds)
        job.volume, job.output = report.volume, report.output
        own = self._uncertainty_ms()
        job.uncertainty_ms = None if own is None else own + (report.uncertainty_ms or 0.0)
        job.failure = None
        if not report.stopped or report.seconds > 0:
            for part in ("device", "sound", "voice"):
                self._board.fault(part, None)
        return Outcome(stopped=report.stopped)

    def _started(self, job: Job, start: PlayStart) -> None:
        item, first = job.item, not job.begun
        if first:
            job.started, job.output = start.started_at, start.output
            if item.at is not None:
                wanted = item.at + timedelta(milliseconds=self._speaker.delay_ms)
                job.start_error_ms = (start.started_at - wanted) / timedelta(milliseconds=1)
        job.sounds()
        job.volume = self._level(job)
        total = job.sources.seconds
        since = start.started_at
        rest = None if total is None else total - self._stretch.base_s - self._stretch.skip_s
        self._board.say(
            actual="playing",
            playing=item.id,
            title=item.title,
            class_=item.class_,
            since=since,
            ends=None if rest is None else since + timedelta(seconds=rest),
            output=start.output,
            volume=round(job.volume * 100, 1),
            **({"voice": item.voice} if item.voice else {}),
        )
        if item.proof:
            self._ears.begin(item.id)
        if first and job.on_start is not None:
            job.on_start(start)

    def _heard(self, job: Job, seconds: float, position_s: float) -> None:
        job.seconds += max(0.0, seconds)
        job.position_s = self._stretch.base_s + position_s

    def _failed(self, job: Job, fault: Fault, *, retry: bool = False) -> Outcome:
        if job.failure != fault:  # once, not at each try
            self._record(fault)
        job.failure = fault
        self._board.fault("sound", fault)
        return Outcome(fault=fault, retry=retry)

    def _level(self, job: Job) -> float:
        item = job.item
        noise = self._ears.noise_db() if self._volume.follows_noise else None
        return self._volume.of(item.class_, item.volume, self._clock.now(), chosen=self.chosen, noise_db=noise)

    async def _keep_volume(self, job: Job) -> None:
        """At the hours' edges, and while the surroundings change; an emergency stays as loud as it is."""
        while job.item.class_ != "emergency":
            now = self._clock.now()
            edge = self._volume.changes_after(now)
            waits = [(edge - now).total_seconds() + 0.01, _LOOK_AT_HOURS_S] if edge is not None else []
            if self._volume.follows_noise:
                waits.append(_LOOK_AT_NOISE_S)
            if not waits:
                return
            await self._clock.sleep(min(waits))
            self.adjust(_RAMP_S)


async def _settled(play: "asyncio.Task[PlayReport]") -> None:
    """Wait for its end; when we are cancelled, the sound ends with us, within a bound."""
    try:
        await asyncio.wait({play})
    except asyncio.CancelledError:
        play.cancel()
        await asyncio.wait({play}, timeout=2)
        if play.done() and not play.cancelled():
            play.exception()
        raise
