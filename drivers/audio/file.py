"""A loudspeaker that plays into files: for desks, demonstrations and tests. Takes as long as the sound does."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.pieces import items_of, require_playable
from drivers.audio.recording import Recording, prune, sweep
from drivers.audio.reel import Gain, Reel
from drivers.audio.speaking import Order, Turn, capability, wait_or_stop
from drivers.clock import wait_until
from drivers.contract import (
    Capability,
    Check,
    Clock,
    Control,
    DriverContext,
    DriverFault,
    Piece,
    PlayReport,
    PlayStart,
)

_SLICE_S = 1.0  # of sound in memory at a time
_OPEN_S = 1.0  # before its instant; who writes into a FIFO begins when somebody reads
_LIVE_SLICE_S = 0.1  # a FIFO holds 0.7 s of it
_FADE_S = 0.03


class FileSpeakerConfig(BaseModel):
    """A speaker that writes WAV files."""

    model_config = ConfigDict(extra="forbid")

    directory: Path | None = Field(
        default=None,
        title="Directory",
        description="Where the files go; relative to the driver's own directory, which is also the default.",
    )
    keep: int = Field(default=50, ge=1, le=10_000, title="Keep", description="Files that stay; the oldest go first.")
    paced: bool = Field(
        default=True, title="Paced", description="Take as long as the sound lasts; false writes as fast as it can."
    )


class FileSpeaker:
    """Writes what it is given as `<UTC start>.wav`. Implements `Driver` and `Speaker`."""

    Config: ClassVar[type[BaseModel]] = FileSpeakerConfig

    def __init__(self, config: FileSpeakerConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._directory = context.directory / (config.directory or "")
        self._turn = Turn(context.id)

    async def check(self) -> Check:
        """Whether the directory can be made and written to."""
        try:
            await asyncio.to_thread(_probe, self._directory)
        except OSError as error:
            return Check(ok=False, code="speaker.storage", detail=f"{self._directory} cannot be used: {error}")
        return Check(ok=True, detail=f"plays into {self._directory}")

    def capabilities(self) -> Sequence[Capability]:
        """One speaker."""
        return [capability("File speaker")]

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(_probe, self._directory)
            await asyncio.to_thread(sweep, self._directory)
        except OSError as error:
            raise DriverFault("speaker.storage", f"{self._directory} cannot be used: {error}", retry=True) from error
        self._turn.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._turn.open = False

    async def play(
        self,
        sound: Path | Sequence[Piece],
        *,
        at: datetime | None = None,
        skip_s: float = 0.0,
        volume: float = 1.0,
        on_start: Callable[[PlayStart], None] | None = None,
        control: Control | None = None,
    ) -> PlayReport:
        """Play into a file. A cancelled play leaves a shorter, valid file. See `Speaker.play`."""
        order = Order(tuple(items_of(sound)), at, skip_s, volume, on_start, control)
        with self._turn.taken():
            play = _Play(order, self._context.clock)
            if control is not None:
                control.attach(play)
            try:
                return await self._play(play)
            except OSError as error:
                raise DriverFault("speaker.storage", f"cannot write the sound: {error}", retry=True) from error
            finally:
                if control is not None:
                    control.detach()

    async def _play(self, play: "_Play") -> PlayReport:
        order, clock = play.order, self._context.clock
        infos = await asyncio.to_thread(require_playable, order.items)
        skip_s = order.skip_s
        if order.at is not None:
            if order.items[0].kind == "live":  # its samples have their instants: the past ones are not heard
                skip_s += max(0.0, (clock.now() - order.at).total_seconds())
            await wait_or_stop(wait_until(clock, order.at, early=_OPEN_S), play.stopping)
        reel = await asyncio.to_thread(Reel, order.items, infos, skip_s)
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"file-speaker-{self._context.id}")
        try:
            if order.at is not None:
                await wait_or_stop(wait_until(clock, order.at), play.stopping)
            if play.stopping.is_set():
                return order.never_begun(clock.now(), play.volume, str(self._directory), stopped=True)
            if reel.length == 0:
                return order.never_begun(clock.now(), play.volume, str(self._directory), stopped=False)
            return await self._record(play, reel, thread)
        finally:
            thread.submit(reel.close)
            thread.shutdown(wait=False)

    async def _record(self, play: "_Play", reel: Reel, thread: ThreadPoolExecutor) -> PlayReport:
        loop, clock, order = asyncio.get_running_loop(), self._context.clock, play.order
        started_at = clock.now()
        play.begin(reel.form.rate)
        error_ms = None if order.at is None else (started_at - order.at).total_seconds() * 1000
        recording = await asyncio.to_thread(Recording, self._directory, started_at, reel.form)
        tape = _Tape(reel, recording, play.gain)
        try:
            if order.on_start is not None:
                order.on_start(PlayStart(started_at, error_ms, str(recording.path)))
            await self._pace(play, tape, thread)
        except asyncio.CancelledError:
            heard = play.frame() if self._config.paced else 0
            # Not awaited without a shield: a second cancel must not leave the file hidden.
            await asyncio.shield(loop.run_in_executor(thread, tape.end, heard))
            raise
        except BaseException:
            await asyncio.shield(loop.run_in_executor(thread, recording.discard))
            raise
        await loop.run_in_executor(thread, tape.end, 0)
        await loop.run_in_executor(thread, prune, self._directory, self._config.keep)
        seconds = reel.frames / reel.form.rate
        play.over_at = order.skip_s + seconds
        return PlayReport(
            *(started_at, error_ms, seconds, play.volume, str(recording.path)),
            stopped=play.stopping.is_set(),
            position_s=play.over_at,
        )

    async def _pace(self, play: "_Play", tape: "_Tape", thread: ThreadPoolExecutor) -> None:
        # What is heard is copied after it was heard, so that a cancelled play holds no more than that.
        loop, reel, frame = asyncio.get_running_loop(), tape.reel, 0
        while reel.length is None or frame < reel.length:
            frame += max(1, int(reel.form.rate * (_LIVE_SLICE_S if reel.live else _SLICE_S)))
            if reel.length is not None:
                frame = min(frame, reel.length)
            if self._config.paced:
                await play.heard(frame)
            if play.stopping.is_set():
                await loop.run_in_executor(thread, tape.up_to, play.last_frame())
                return
            await loop.run_in_executor(thread, tape.up_to, frame)


@dataclass(frozen=True, slots=True)
class _Tape:
    """What is copied, where to, and how loud. Blocking."""

    reel: Reel
    recording: Recording
    gain: Gain

    def up_to(self, frame: int) -> None:
        self.reel.up_to(frame, self.recording, self.gain)

    def end(self, frame: int) -> None:
        self.up_to(frame)
        self.recording.finish()


class _Play:
    """One play, as its `Control` sees it."""

    def __init__(self, order: Order, clock: Clock) -> None:
        self.order = order
        self.volume = order.volume
        self.gain = Gain(order.volume)
        self.stopping = asyncio.Event()
        self.over_at: float | None = None
        self._clock = clock
        self._rate = 0
        self._began = 0.0
        self._stopped_frame = 0

    def begin(self, rate: int) -> None:
        """Count from now."""
        self._rate, self._began = rate, self._clock.monotonic()
        self.gain = Gain(self.volume)

    def frame(self) -> int:
        """Return how many frames were heard until now."""
        return int((self._clock.monotonic() - self._began) * self._rate)

    async def heard(self, frame: int) -> None:
        """Wait until that frame is heard, or until it is to stop."""
        left = max(0.0, self._began + frame / self._rate - self._clock.monotonic())
        if self.order.control is None:
            await self._clock.sleep(left)
        else:
            await wait_or_stop(self._clock.sleep(left), self.stopping)

    def last_frame(self) -> int:
        """Return where the fade of a stop ends."""
        return self._stopped_frame + int(_FADE_S * self._rate)

    def set_volume(self, volume: float, ramp_s: float) -> None:
        self.volume = volume
        if self._rate:
            self.gain.turn(self.frame(), int(ramp_s * self._rate), volume)

    def stop(self) -> None:
        if self._rate and not self.stopping.is_set():
            self._stopped_frame = self.frame()
            self.gain.turn(self._stopped_frame, int(_FADE_S * self._rate), 0.0)
        self.stopping.set()

    def position_s(self) -> float:
        if self.over_at is not None:
            return self.over_at
        return self.order.skip_s + (self.frame() / self._rate if self._rate else 0.0)


def _probe(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".probe-"):
        pass
