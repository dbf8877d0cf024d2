"""A loudspeaker on a sound card, by PyAudio, which only ever runs in a process of its own.

PortAudio aborts its process when ALSA has nothing to offer, and a device that is pulled out may hold a write for
ever: here that is a fault of the speaker, and the next play starts anew.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.child import PlayoutChild, PlayoutGone
from drivers.audio.pieces import items_of, require_playable
from drivers.audio.playing import Playing, both_clocks
from drivers.audio.speaking import Order, Turn, capability, wait_or_stop
from drivers.clock import wait_until
from drivers.contract import (
    Capability,
    Check,
    Control,
    DriverContext,
    DriverFault,
    Piece,
    PlayReport,
    PlayStart,
)

_AHEAD_S = 3.0  # before the instant the process is started and the device opened: a Pi needs about one second
_OPEN_LIMIT_S = 10.0
_SILENT_LIMIT_S = 15.0  # it tells of its progress twice a second; stopped for 10 s it goes on where it should be
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
        self._drift_ppm: float | None = None  # of the card, as the last play found it

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
        sound: Path | Sequence[Piece],
        *,
        at: datetime | None = None,
        skip_s: float = 0.0,
        volume: float = 1.0,
        on_start: Callable[[PlayStart], None] | None = None,
        control: Control | None = None,
    ) -> PlayReport:
        """Play on the sound card; `output` of the report is the name of the device. See `Speaker.play`."""
        order = Order(tuple(items_of(sound)), at, skip_s, volume, on_start, control)
        with self._turn.taken():
            play = Playing(order, self._child)
            if control is not None:
                control.attach(play)
            try:
                return await self._play(play)
            finally:
                if control is not None:
                    control.detach()

    async def _play(self, play: Playing) -> PlayReport:
        order, clock = play.order, self._context.clock
        await asyncio.to_thread(require_playable, order.items)  # a bad file is known now, not at air time
        if order.at is not None:
            play.in_step = order.at > clock.now() or order.items[0].kind == "live"
            await wait_or_stop(wait_until(clock, order.at, early=_AHEAD_S), play.stopping)
        if play.stopping.is_set():
            play.over = True
            return order.never_begun(clock.now(), play.volume, self._config.device or "", stopped=True)
        try:
            return await self._follow(play)
        finally:
            if not play.over:  # cancelled, or the caller's on_start raised
                await self._stop(play)

    async def _follow(self, play: Playing) -> PlayReport:
        try:
            await self._child.send(self._command(play))
            play.accepted()
            while True:
                answer = await self._child.answer(_limit(play))
                if answer["event"] == "opened":
                    self._child.forget()
                elif answer["event"] == "started":
                    self._started(play, answer)
                elif answer["event"] == "progress":
                    play.mark = (answer["position"], answer["mono"])
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

    def _command(self, play: Playing) -> dict[str, Any]:
        order, config = play.order, self._config
        if order.at is not None and play.in_step:
            mono, now = both_clocks(self._context.clock)
            play.target = mono + (order.at - now).total_seconds()
        return {
            "do": "play",
            "items": [item.as_json() for item in order.items],
            "target": play.target,
            "skip_s": order.skip_s,
            "volume": play.volume,
            "device": config.device,
            "buffer_s": config.buffer_ms / 1000,
            "latency_s": config.latency_ms / 1000,
            "drift_ppm": self._drift_ppm,
        }

    def _started(self, play: Playing, answer: dict[str, Any]) -> None:
        play.start = self._start(play, answer)
        play.mark = (play.order.skip_s, answer["heard"])
        if play.order.on_start is not None:
            play.order.on_start(play.start)

    def _start(self, play: Playing, answer: dict[str, Any]) -> PlayStart:
        """When it began: in step by the play's own measure, otherwise by how long ago that is."""
        at, output = play.order.at, answer.get("output") or (play.start.output if play.start else "")
        if at is not None and answer["error_s"] is not None:
            return PlayStart(at + timedelta(seconds=answer["error_s"]), answer["error_s"] * 1000, output)
        if play.start is not None:
            return play.start
        mono, now = both_clocks(self._context.clock)
        heard = now + timedelta(seconds=answer["heard"] - mono)
        return PlayStart(heard, None if at is None else (heard - at).total_seconds() * 1000, output)

    def _ended(self, play: Playing, answer: dict[str, Any]) -> PlayReport:
        if answer["event"] == "failed":
            detail, said = answer["detail"], self._child.said()
            raise DriverFault(answer["code"], f"{detail}; {said}" if said else detail, retry=answer["retry"])
        play.mark = (answer["position"], None)
        if answer["drift_ppm"] is not None:
            self._drift_ppm = answer["drift_ppm"]
        if answer["stopped"] and not play.stopping.is_set():
            raise DriverFault("driver.closed", f"{self._context.id} was closed while it played")
        if play.start is None:
            now, output = self._context.clock.now(), self._config.device or ""
            return play.order.never_begun(now, answer["volume"], output, stopped=answer["stopped"])
        if answer["underruns"]:
            self._context.logger.warning(
                "%s: the output ran dry %d times; raise buffer_ms", self._context.id, answer["underruns"]
            )
        start, uncertainty_s = self._start(play, answer), answer["uncertainty_s"]
        return PlayReport(
            start.started_at,
            start.start_error_ms,
            answer["seconds"],
            answer["volume"],
            start.output,
            stopped=answer["stopped"],
            position_s=answer["position"],
            underruns=answer["underruns"],
            resyncs=answer["resyncs"],
            uncertainty_ms=None if uncertainty_s is None else uncertainty_s * 1000,
            drift_ppm=answer["drift_ppm"],
        )

    async def _stop(self, play: Playing) -> None:
        """Have the sound faded out; by force when that takes too long. Survives a second cancel."""
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self._stopped(play)
        except (TimeoutError, PlayoutGone):
            await self._child.kill()
        except asyncio.CancelledError:
            await self._child.kill()
            raise

    async def _stopped(self, play: Playing) -> None:
        await self._child.tell({"do": "stop"})
        while (answer := await self._child.answer(_STOP_LIMIT_S))["event"] != "failed":
            if answer["event"] == "ended":
                play.mark = (answer["position"], None)
                return


def _limit(play: Playing) -> float:
    return _SILENT_LIMIT_S if play.start else _AHEAD_S + _OPEN_LIMIT_S


def _fault_of(gone: PlayoutGone, play: Playing) -> DriverFault:
    # SIGABRT is PortAudio's own assertion: before the start it means no device, later that the device went away.
    if gone.status == -6:
        code = "speaker.device_lost" if play.start else "speaker.no_device"
    else:
        code = "speaker.playout_failed"
    return DriverFault(code, gone.reason, retry=True)
