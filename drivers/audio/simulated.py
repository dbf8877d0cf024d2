"""A loudspeaker that nobody hears: it takes the time that the sound would take, and can write down what it would play.

It goes by the clock that it is given, so that a month can be rehearsed in seconds.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.audio.speaking import Turn, capability, require_sane
from drivers.audio.wav import read_info
from drivers.contract import Capability, Check, Clock, Control, DriverContext, DriverFault, Piece, PlayReport, PlayStart

_LOOK_EVERY_S = 10.0
"""A clock that is set while an instant is awaited moves the start with it."""


class SimulatedSpeakerConfig(BaseModel):
    """A speaker that plays nothing."""

    model_config = ConfigDict(extra="forbid")

    record: Path | None = Field(
        default=None,
        title="Record",
        description="File of JSON lines: what would have been heard, from when, for how many seconds.",
    )


class SimulatedSpeaker:
    """Plays into nothing, in the time that it takes. Implements `Driver` and `Speaker`."""

    Config: ClassVar[type[BaseModel]] = SimulatedSpeakerConfig

    def __init__(self, config: SimulatedSpeakerConfig, context: DriverContext) -> None:
        self._record = config.record if config.record is None else context.directory / config.record
        self._clock = context.clock
        self._turn = Turn(context.id)
        self._name = context.id

    async def check(self) -> Check:
        """It works everywhere."""
        return Check(ok=True, detail="plays nothing, in real time")

    def capabilities(self) -> Sequence[Capability]:
        """One speaker."""
        return [capability("Simulated speaker")]

    async def __aenter__(self) -> Self:
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
        """Let the time of the sound pass. See `Speaker.play`; the volume has no ramp."""
        require_sane(at, volume)
        if skip_s < 0:
            raise ValueError(f"skip_s must not be negative, not {skip_s}")
        pieces = [Piece(sound)] if isinstance(sound, Path) else list(sound)
        with self._turn.taken():
            length = _seconds(pieces)
            playing = _Playing(self._clock, volume, skip_s)
            if control is not None:
                control.attach(playing)
            try:
                return await self._play(playing, None if length is None else max(0.0, length - skip_s), at, on_start)
            finally:
                if control is not None:
                    control.detach()

    async def _play(
        self,
        playing: "_Playing",
        seconds: float | None,
        at: datetime | None,
        on_start: Callable[[PlayStart], None] | None,
    ) -> PlayReport:
        while at is not None and not playing.stopped and (left := (at - self._clock.now()).total_seconds()) > 0:
            await playing.wait(min(left, _LOOK_EVERY_S))
        began = self._clock.now()
        error_ms = None if at is None else (began - at).total_seconds() * 1000
        if not playing.stopped:
            playing.begin()
            if on_start is not None:
                on_start(PlayStart(began, error_ms, self._name))
        try:
            await playing.wait(seconds)
        finally:
            heard = playing.end(seconds)
            self._note(began, heard, playing.volume)
        return PlayReport(
            began, error_ms, heard, playing.volume, self._name, stopped=playing.stopped, position_s=playing.position_s()
        )

    def _note(self, began: datetime, seconds: float, volume: float) -> None:
        if self._record is None or not seconds:
            return
        line = {"at": began.isoformat(timespec="milliseconds"), "seconds": round(seconds, 3), "volume": volume}
        try:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise DriverFault("speaker.storage", f"cannot write {self._record}: {error}", retry=True) from error


class _Playing:
    """One play, as a `Control` sees it."""

    def __init__(self, clock: Clock, volume: float, skip_s: float) -> None:
        self.volume = volume
        self._clock = clock
        self._skip_s = skip_s
        self._began: float | None = None
        self._heard: float | None = None
        self._stop = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def set_volume(self, volume: float, ramp_s: float) -> None:
        self.volume = volume

    def stop(self) -> None:
        self._stop.set()

    def position_s(self) -> float:
        if self._heard is not None:
            return self._skip_s + self._heard
        return self._skip_s + (0.0 if self._began is None else self._clock.monotonic() - self._began)

    def begin(self) -> None:
        self._began = self._clock.monotonic()

    def end(self, most_s: float | None) -> float:
        """Seconds that would have been heard."""
        heard = 0.0 if self._began is None else self._clock.monotonic() - self._began
        self._heard = heard if most_s is None else min(heard, most_s)
        return self._heard

    async def wait(self, seconds: float | None) -> None:
        """So long, or until stopped; None: until stopped."""
        if seconds is None:
            await self._stop.wait()
            return
        if self.stopped or seconds <= 0:
            return
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


def _seconds(pieces: Sequence[Piece]) -> float | None:
    """Of all pieces; None: until a live one is stopped. Raises DriverFault `speaker.bad_audio`."""
    total = 0.0
    for piece in pieces:
        if piece.path is not None and not piece.live:
            total += read_info(piece.path).seconds
        elif piece.seconds is None:
            return None
        else:
            total += piece.seconds
    return total
