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

from drivers.audio.recording import Copying, Recording, prune, sweep
from drivers.audio.speaking import Turn, capability, require_sane
from drivers.audio.wav import WavInfo, read_info
from drivers.clock import wait_until
from drivers.contract import Capability, Check, DriverContext, DriverFault, PlayReport, PlayStart

_SLICE_S = 1.0  # of sound in memory at a time


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
        path: Path,
        *,
        at: datetime | None = None,
        volume: float = 1.0,
        on_start: Callable[[PlayStart], None] | None = None,
    ) -> PlayReport:
        """Play into a file. A cancelled play leaves a shorter, valid file. See `Speaker.play`."""
        require_sane(at, volume)
        with self._turn.taken():
            info = await asyncio.to_thread(read_info, path)
            if at is not None:
                await wait_until(self._context.clock, at)
            thread = ThreadPoolExecutor(1, thread_name_prefix=f"file-speaker-{self._context.id}")
            try:
                return await self._play(_Job(path, info, at, volume, on_start), thread)
            except OSError as error:
                raise DriverFault("speaker.storage", f"cannot write the sound: {error}", retry=True) from error
            finally:
                thread.shutdown(wait=False)

    async def _play(self, job: "_Job", thread: ThreadPoolExecutor) -> PlayReport:
        loop = asyncio.get_running_loop()
        clock = self._context.clock
        started_at, began = clock.now(), clock.monotonic()
        error_ms = None if job.at is None else (started_at - job.at).total_seconds() * 1000
        recording = await asyncio.to_thread(Recording, self._directory, started_at, job.info)
        copying = await asyncio.to_thread(Copying, job.path, job.info, job.volume, recording)
        try:
            if job.on_start is not None:
                job.on_start(PlayStart(started_at, error_ms, str(recording.path)))
            await self._pace(job.info, copying, began, thread)
        except asyncio.CancelledError:
            heard = int((clock.monotonic() - began) * job.info.rate) if self._config.paced else 0
            # Not awaited without a shield: a second cancel must not leave the file hidden.
            await asyncio.shield(loop.run_in_executor(thread, _end, copying, heard))
            raise
        except BaseException:
            await asyncio.shield(loop.run_in_executor(thread, copying.discard))
            raise
        await loop.run_in_executor(thread, _end, copying, job.info.frames)
        await loop.run_in_executor(thread, prune, self._directory, self._config.keep)
        return PlayReport(started_at, error_ms, job.info.seconds, job.volume, str(recording.path))

    async def _pace(self, info: WavInfo, copying: Copying, began: float, thread: ThreadPoolExecutor) -> None:
        # What is heard is copied after it was heard, so that a cancelled play holds no more than that.
        clock = self._context.clock
        step = max(1, int(info.rate * _SLICE_S))
        for end in range(step, info.frames + step, step):
            frame = min(end, info.frames)
            if self._config.paced:
                await clock.sleep(max(0.0, began + frame / info.rate - clock.monotonic()))
            await asyncio.get_running_loop().run_in_executor(thread, copying.up_to, frame)


@dataclass(frozen=True, slots=True)
class _Job:
    path: Path
    info: WavInfo
    at: datetime | None
    volume: float
    on_start: Callable[[PlayStart], None] | None


def _end(copying: Copying, frame: int) -> None:
    copying.up_to(frame)
    copying.finish()


def _probe(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".probe-"):
        pass
