"""A loudspeaker on a sound card, by PyAudio, which only ever runs in a process of its own.

PortAudio aborts its process when ALSA has nothing to offer, and a device that is pulled out may hold a write for
ever: here that is a fault of the speaker, and the next play starts anew.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.child import PlayoutChild, PlayoutGone
from drivers.audio.speaking import Turn, capability, require_sane
from drivers.audio.wav import read_info
from drivers.clock import wait_until
from drivers.contract import Capability, Check, DriverContext, DriverFault, PlayReport, PlayStart

_AHEAD_S = 3.0  # before the instant the process is started and the device opened: a Pi needs about one second
_OPEN_LIMIT_S = 10.0
_SILENT_LIMIT_S = 5.0  # it tells of its progress twice a second
_STOP_LIMIT_S = 0.5


class PyAudioSpeakerConfig(BaseModel):
    """A speaker on a sound card."""

    model_config = ConfigDict(extra="forbid")

    device: str | None = Field(
        default=None,
        title="Device",
        description="Part of the output's name, in any case (for example USB); the default output when left out.",
    )
    buffer_ms: int = Field(
        default=100,
        ge=20,
        le=2000,
        title="Buffer (ms)",
        description="A stop is heard within it; 0.6 of it waits in the device. More survives a busier machine, "
        "but where over 65 ms wait, a stop is a cut and not a fade.",
    )
    idle_s: float = Field(
        default=20.0,
        ge=0.5,
        le=3600,
        title="Idle (s)",
        description="Seconds after which the idle playing process ends.",
    )
    latency_ms: float = Field(
        default=0.0,
        ge=-500,
        le=2000,
        title="Latency (ms)",
        description="Calibrated delay from the sound card to the horn; sound is handed over that much earlier.",
    )


class PyAudioSpeaker:
    """Plays through PortAudio. Implements `Driver` and `Speaker`."""

    Config: ClassVar[type[BaseModel]] = PyAudioSpeakerConfig

    def __init__(self, config: PyAudioSpeakerConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._turn = Turn(context.id)
        self._child = PlayoutChild(context.logger, config.idle_s)

    @property
    def pid(self) -> int | None:
        """Id of the playing process while there is one, for diagnosis."""
        return self._child.pid

    async def check(self) -> Check:
        """Whether PyAudio is there and finds the output. In a process of its own; makes no sound."""
        child = PlayoutChild(self._context.logger, self._config.idle_s)
        try:
            await child.send({"do": "probe", "device": self._config.device})
            answer = await child.answer(_OPEN_LIMIT_S)
        except PlayoutGone as gone:
            return Check(ok=False, code="speaker.no_device", detail=gone.reason)
        except TimeoutError:
            return Check(ok=False, code="speaker.no_device", detail=f"no answer from PortAudio; {child.said()}")
        except DriverFault as fault:
            return Check(ok=False, code=fault.code, detail=fault.detail)
        finally:
            await child.close()
        if answer["event"] == "failed":
            return Check(ok=False, code=answer["code"], detail=answer["detail"])
        return Check(ok=True, detail=f"plays on {answer['output']}")

    def capabilities(self) -> Sequence[Capability]:
        """One speaker."""
        return [capability(self._config.device or "Loudspeaker")]

    async def __aenter__(self) -> Self:
        self._turn.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._turn.open = False
        await self._child.close()

    async def play(
        self,
        path: Path,
        *,
        at: datetime | None = None,
        volume: float = 1.0,
        on_start: Callable[[PlayStart], None] | None = None,
    ) -> PlayReport:
        """Play on the sound card; `output` of the report is the name of the device. See `Speaker.play`."""
        require_sane(at, volume)
        with self._turn.taken():
            await asyncio.to_thread(read_info, path)  # a bad file is known now, not at air time
            if at is not None:
                await wait_until(self._context.clock, at, early=_AHEAD_S)
            play = _Play(path, at, volume, on_start)
            try:
                return await self._follow(play)
            finally:
                if not play.over:  # cancelled, or the caller's on_start raised
                    await self._stop()

    async def _follow(self, play: "_Play") -> PlayReport:
        try:
            await self._child.send(self._command(play))
            while True:
                answer = await self._child.answer(_limit(play))
                if answer["event"] == "opened":
                    self._child.forget()
                elif answer["event"] == "started":
                    self._started(play, answer)
                elif answer["event"] in ("failed", "ended"):
                    play.over = True
                    return self._ended(play, answer)
        except TimeoutError as error:
            said = self._child.said()
            await self._child.kill()
            play.over = True
            code = "speaker.device_lost" if play.start else "speaker.no_device"
            raise DriverFault(code, f"the output does not go on; {said}", retry=True) from error
        except PlayoutGone as gone:
            play.over = True
            raise _fault_of(gone, play) from gone

    def _command(self, play: "_Play") -> dict[str, Any]:
        clock, config = self._context.clock, self._config
        target = None if play.at is None else time.monotonic() + (play.at - clock.now()).total_seconds()
        return {
            "do": "play",
            "path": str(play.path.absolute()),
            "target": target,
            "volume": play.volume,
            "device": config.device,
            "buffer_s": config.buffer_ms / 1000,
            "latency_s": config.latency_ms / 1000,
        }

    def _started(self, play: "_Play", answer: dict[str, Any]) -> None:
        heard = self._context.clock.now() + timedelta(seconds=answer["heard"] - time.monotonic())
        error_ms = None if play.at is None else (heard - play.at).total_seconds() * 1000
        play.start = PlayStart(heard, error_ms, answer["output"])
        if play.on_start is not None:
            play.on_start(play.start)

    def _ended(self, play: "_Play", answer: dict[str, Any]) -> PlayReport:
        if answer["event"] == "failed":
            detail, said = answer["detail"], self._child.said()
            raise DriverFault(answer["code"], f"{detail}; {said}" if said else detail, retry=answer["retry"])
        start = play.start
        if start is None or answer["stopped"]:
            raise DriverFault("driver.closed", f"{self._context.id} was closed while it played")
        if answer["underruns"]:
            self._context.logger.warning(
                "%s: the output ran dry %d times; raise buffer_ms", self._context.id, answer["underruns"]
            )
        return PlayReport(start.started_at, start.start_error_ms, answer["seconds"], play.volume, start.output)

    async def _stop(self) -> None:
        """Have the sound faded out; by force when that takes too long. Survives a second cancel."""
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self._stopped()
        except (TimeoutError, PlayoutGone):
            await self._child.kill()
        except asyncio.CancelledError:
            await self._child.kill()
            raise

    async def _stopped(self) -> None:
        await self._child.tell({"do": "stop"})
        while (await self._child.answer(_STOP_LIMIT_S))["event"] not in ("ended", "failed"):
            pass


@dataclass(slots=True)
class _Play:
    path: Path
    at: datetime | None
    volume: float
    on_start: Callable[[PlayStart], None] | None
    start: PlayStart | None = None
    over: bool = False


def _limit(play: _Play) -> float:
    return _SILENT_LIMIT_S if play.start else _AHEAD_S + _OPEN_LIMIT_S


def _fault_of(gone: PlayoutGone, play: _Play) -> DriverFault:
    # SIGABRT is PortAudio's own assertion: before the start it means no device, later that the device went away.
    if gone.status == -6:
        code = "speaker.device_lost" if play.start else "speaker.no_device"
    else:
        code = "speaker.playout_failed"
    return DriverFault(code, gone.reason, retry=True)
