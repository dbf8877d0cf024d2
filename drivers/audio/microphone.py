"""A microphone on a sound card, by PyAudio, which only ever runs in a process of its own (see `portaudio`)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.microphone_child import RecorderChild, RecorderGone
from drivers.audio.microphone_turn import MicrophoneTurn, capability
from drivers.contract import Capability, Check, DriverContext, DriverFault, RecordReport

_OPEN_LIMIT_S = 10.0
_STUCK_S = 5.0
_STOP_LIMIT_S = 0.5


class PyAudioMicrophoneConfig(BaseModel):
    """A microphone on a sound card."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(
        default=None,
        title="Device",
        description="Part of the input's name, in any case (for example USB); the default input when left out.",
    )
    rate: int = Field(
        default=16_000,
        ge=8_000,
        le=48_000,
        title="Rate (Hz)",
        description="Sample rate that is asked for first; then the card's own is taken.",
    )
    latency_ms: float = Field(
        default=0.0,
        ge=-500,
        le=2000,
        title="Latency (ms)",
        description="Calibrated delay from the microphone to the card's report; recordings began that much earlier.",
    )
    idle_s: float = Field(
        default=60.0, ge=0.5, le=3600, title="Idle (s)", description="Seconds after which the idle process ends."
    )


class PyAudioMicrophone:
    """Records through PortAudio. Implements `Driver` and `Microphone`."""

    Config: ClassVar[type[BaseModel]] = PyAudioMicrophoneConfig

    def __init__(self, config: PyAudioMicrophoneConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._turn = MicrophoneTurn(context.id)
        self._child = RecorderChild(context.logger, config.idle_s)

    @property
    def pid(self) -> int | None:
        """Id of the recording process while there is one, for diagnosis."""
        return self._child.pid

    async def check(self) -> Check:
        """Whether PyAudio is there and finds the input. In a process of its own; records nothing."""
        child = RecorderChild(self._context.logger, self._config.idle_s)
        try:
            await child.tell({"do": "probe", "device": self._config.device})
            answer = await child.answer(_OPEN_LIMIT_S)
        except RecorderGone as gone:
            return Check(ok=False, code="microphone.no_device", detail=str(gone))
        except TimeoutError:
            return Check(ok=False, code="microphone.no_device", detail="no answer from PortAudio")
        except DriverFault as fault:
            return Check(ok=False, code=fault.code, detail=fault.detail)
        finally:
            await child.kill()
        if answer["event"] == "failed":
            return Check(ok=False, code=answer["code"], detail=answer["detail"])
        return Check(ok=True, detail=f"records from {answer['input']}")

    def capabilities(self) -> Sequence[Capability]:
        """One microphone."""
        return [capability(self._config.device or "Microphone")]

    async def __aenter__(self) -> Self:
        self._turn.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._turn.open = False
        await self._child.kill()

    async def record(
        self, path: Path, seconds: float, *, on_start: Callable[[datetime], None] | None = None
    ) -> RecordReport:
        """Record from the sound card. See `Microphone.record`."""
        with self._turn.taken(seconds):
            over = False
            try:
                report = await self._follow(path, seconds, on_start)
                over = True
                return report
            except DriverFault:
                over = True
                raise
            finally:
                if not over:  # cancelled, or on_start raised
                    await self._stop()

    async def _follow(self, path: Path, seconds: float, on_start: Callable[[datetime], None] | None) -> RecordReport:
        started_at: datetime | None = None
        config = self._config
        job = {"path": str(path), "seconds": seconds, "device": config.device, "rate": config.rate}
        try:
            await self._child.tell({"do": "record", **job})
            while True:
                answer = await self._child.answer(_OPEN_LIMIT_S if started_at is None else seconds + _STUCK_S)
                if answer["event"] == "started":
                    ago = time.monotonic() - answer["began"] + config.latency_ms / 1000
                    started_at = self._context.clock.now() - timedelta(seconds=ago)
                    if on_start is not None:
                        on_start(started_at)
                elif answer["event"] == "failed":
                    raise DriverFault(answer["code"], answer["detail"], retry=answer["retry"])
                elif started_at is not None:
                    return RecordReport(started_at, answer["seconds"], answer["rate"], answer["input"])
        except TimeoutError as error:
            await self._child.kill()
            code = "microphone.device_lost" if started_at else "microphone.no_device"
            raise DriverFault(code, "the input does not go on", retry=True) from error
        except RecorderGone as gone:
            # SIGABRT is PortAudio's own assertion: there is no device, or it went away.
            aborted = "microphone.device_lost" if started_at else "microphone.no_device"
            raise DriverFault(aborted if gone.status == -6 else "microphone.failed", str(gone), retry=True) from gone

    async def _stop(self) -> None:
        """Have the file closed as it is; by force when that takes too long, and then there is no file."""
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self._child.tell({"do": "stop"})
                while (await self._child.answer(_STOP_LIMIT_S))["event"] not in ("ended", "failed"):
                    pass
        except (TimeoutError, RecorderGone):
            await self._child.kill()
        except asyncio.CancelledError:
            await self._child.kill()
            raise
