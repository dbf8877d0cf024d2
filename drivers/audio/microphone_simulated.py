"""A microphone that hears what a `file-speaker` plays, through the air of a street: for desks and rehearsals."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.microphone_turn import MicrophoneTurn, capability
from drivers.contract import Capability, Check, DriverContext, DriverFault, RecordReport

RATE = 16_000
_BEHIND_S = 1.1  # a file speaker writes what it has played second by second
_RENDER_LIMIT_S = 30.0


class SimulatedMicrophoneConfig(BaseModel):
    """A microphone in front of a simulated horn."""

    model_config = ConfigDict(extra="forbid")

    hears: str = Field(
        title="Hears",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="Id of the file-speaker that it stands in front of.",
    )
    directory: Path | None = Field(
        default=None,
        title="Directory",
        description="Where that speaker writes, if it has a directory of its own in its configuration.",
    )
    delay_s: float = Field(default=0.02, ge=0, le=2, title="Delay (s)", description="Of air and cards together.")
    gain_db: float = Field(
        default=-12.0, ge=-80, le=20, title="Gain (dB)", description="From the speaker's file to the recording."
    )
    low_hz: float = Field(default=350.0, ge=20, le=2000, title="Low (Hz)", description="Where the horn begins.")
    high_hz: float = Field(default=4500.0, ge=2000, le=8000, title="High (Hz)", description="Where the horn ends.")
    noise: Literal["street", "traffic", "rain", "wind", "speech", "white"] = Field(
        default="street", title="Noise", description="What else is to be heard."
    )
    noise_dbfs: float = Field(default=-50.0, ge=-120, le=0, title="Noise (dBFS)", description="How loud that is.")
    fault: Literal["none", "dead", "quiet", "crackle", "hum", "foreign", "no_microphone"] = Field(
        default="none",
        title="Fault",
        description="What is broken: the horn is dead or 20 dB quiet, crackles, hums, plays what nobody sent, or the "
        "microphone's own cable is off. A file `fault` in the driver's folder with one of these words overrides it.",
    )
    fault_dbfs: float = Field(
        default=-30.0, ge=-120, le=0, title="Fault (dBFS)", description="How loud crackle, hum or foreign sound is."
    )


class SimulatedMicrophone:
    """Makes its recordings by arithmetic, in a process of their own. Implements `Driver` and `Microphone`."""

    Config: ClassVar[type[BaseModel]] = SimulatedMicrophoneConfig

    def __init__(self, config: SimulatedMicrophoneConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._turn = MicrophoneTurn(context.id)
        beside = context.directory.parent / config.hears
        self._speaker = beside / config.directory if config.directory else beside
        self._count = 0

    async def check(self) -> Check:
        """Always able to work; before the speaker's folder is there it hears the street alone."""
        return Check(ok=True, detail=f"hears {self._speaker}")

    def capabilities(self) -> Sequence[Capability]:
        """One microphone."""
        return [capability("Simulated microphone")]

    async def __aenter__(self) -> Self:
        self._turn.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._turn.open = False

    async def record(
        self, path: Path, seconds: float, *, on_start: Callable[[datetime], None] | None = None
    ) -> RecordReport:
        """Take as long as a real one, and a second more where the speaker plays. See `Microphone.record`."""
        clock = self._context.clock
        with self._turn.taken(seconds):
            started_at, began = clock.now(), clock.monotonic()
            if on_start is not None:
                on_start(started_at)
            try:
                await clock.sleep(seconds)
                if await asyncio.to_thread(_is_playing, self._speaker):
                    await clock.sleep(_BEHIND_S)
            except asyncio.CancelledError:
                heard = min(seconds, clock.monotonic() - began)
                if heard > 0:
                    await _finished(asyncio.create_task(self._render(path, started_at, heard), name="scene"))
                raise
            await self._render(path, started_at, seconds)
            return RecordReport(
                started_at, round(seconds * RATE) / RATE, RATE, f"simulated, hears {self._config.hears}"
            )

    async def _render(self, path: Path, started_at: datetime, seconds: float) -> None:
        self._count += 1
        scene: dict[str, Any] = {
            **self._config.model_dump(mode="json"),
            "path": str(path),
            "speaker": str(self._speaker),
            "started_at": started_at.isoformat(),
            "seconds": seconds,
            "rate": RATE,
            "seed": self._count,
            "fault_file": str(self._context.directory / "fault"),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "drivers.audio.microphone_scene", json.dumps(scene)),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_RENDER_LIMIT_S):
                _, said = await process.communicate()
        except TimeoutError as error:
            raise DriverFault("microphone.failed", "the scene took too long", retry=True) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise DriverFault("microphone.failed", f"the scene cannot be made: {last}", retry=True)


async def _finished(work: "asyncio.Task[None]") -> None:
    """Wait for it through further cancels: they must not leave a half written file."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({work})
    if (error := work.exception()) is not None:
        raise error


def _is_playing(folder: Path) -> bool:
    try:
        return any(file.name.startswith(".2") and file.suffix == ".part" for file in folder.iterdir())
    except OSError:
        return False
