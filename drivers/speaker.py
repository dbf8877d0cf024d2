"""What a loudspeaker is asked and what it answers: pieces, a control for what plays, reports.

`drivers.contract` shows all of it; nothing here imports a third-party library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a play: a WAV file; silence of `seconds` without a path; or a live stream.

    Live: `path` is a FIFO with raw mono samples (signed 16 bits little endian, 48 kHz). Its sample n is due n/48000 s
    after the piece began, so that all speakers play the same sample at the same instant: what is not there in time is
    silence and the position goes on, what comes too late is dropped. n counts everything written since the piece
    began, by whichever writer. It ends after `seconds`; without them, or before them with `at_most`, when
    the writer that came closes.
    """

    path: Path | None = None
    seconds: float | None = None
    live: bool = False
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class PlayStart:
    """Sound has begun. `start_error_ms`: how much after the wanted instant (negative: before); None without one."""

    started_at: datetime
    start_error_ms: float | None
    output: str


@dataclass(frozen=True, slots=True)
class PlayReport:
    """What was played: from when, for how many seconds, how loud (0..1, in the end), on which device or in which file.

    `stopped`: ended by `Control.stop`. `position_s`: where within the pieces it ended, counting what was skipped:
    a later play goes on from there. `underruns`: how often the output had nothing to play; `resyncs`: how often the
    position jumped to be in step again. `uncertainty_ms`: how well it is known when the output is heard; `drift_ppm`:
    by how much the output's clock is faster than the system's; both None where the output has no clock of its own.
    """

    started_at: datetime
    start_error_ms: float | None
    seconds: float
    volume: float
    output: str
    stopped: bool = False
    position_s: float = 0.0
    underruns: int = 0
    resyncs: int = 0
    uncertainty_ms: float | None = None
    drift_ppm: float | None = None


class Playing(Protocol):
    """The driver's side of a `Control`."""

    def set_volume(self, volume: float, ramp_s: float) -> None: ...

    def stop(self) -> None: ...

    def position_s(self) -> float: ...


class Control:
    """What may be changed while a play runs. Made by the caller, given to `play`; for one play, on one event loop.

    What is set before the sound begins holds from its beginning. After the play, however it ended, `position_s` stays
    where it was.
    """

    def __init__(self) -> None:
        self._playing: Playing | None = None
        self._volume: tuple[float, float] | None = None
        self._stopped = False
        self._position = 0.0

    def set_volume(self, volume: float, ramp_s: float = 0.05) -> None:
        """Change the volume (0..1) over `ramp_s` seconds. Raises ValueError for what is outside 0..1 or 0..60 s."""
        if not 0.0 <= volume <= 1.0:
            raise ValueError(f"volume must be within 0..1, not {volume}")
        if not 0.0 <= ramp_s <= 60.0:
            raise ValueError(f"ramp_s must be within 0..60, not {ramp_s}")
        self._volume = (volume, ramp_s)
        if self._playing is not None:
            self._playing.set_volume(volume, ramp_s)

    def stop(self) -> None:
        """Fade out over 30 ms; `play` returns its report with `stopped`. Before the sound began: nothing is heard."""
        self._stopped = True
        if self._playing is not None:
            self._playing.stop()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    @property
    def volume(self) -> float | None:
        """What was last set; None: what `play` was given."""
        return None if self._volume is None else self._volume[0]

    @property
    def position_s(self) -> float:
        """Seconds within the pieces that are heard now, counting what was skipped."""
        if self._playing is not None:
            self._position = self._playing.position_s()
        return self._position

    def attach(self, playing: Playing) -> None:
        """For drivers: from now on `playing` obeys; what was set already reaches it at once."""
        self._playing = playing
        if self._volume is not None:
            playing.set_volume(self._volume[0], 0.0)
        if self._stopped:
            playing.stop()

    def detach(self) -> None:
        """For drivers: it is over; the position stays."""
        if self._playing is not None:
            self._position = self._playing.position_s()
        self._playing = None


@runtime_checkable
class Speaker(Protocol):
    """Something that plays WAV files, silence and live streams, one play at a time."""

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
        """Play from the instant `at` (aware; None or past: now), without a gap between pieces; return when it ended.

        With an `at` that is still to come the play is in step: the sample n/48000 s behind `skip_s` is heard n/48000 s
        after `at`, throughout; where that could not be held (a process that stood still), the play jumps once to where
        it should be. An output that opens too late joins in there. A play whose first piece is live is in step with an
        `at` that is past, too. A speaker that is to be heard later than others gets a later `at`.
        `skip_s` leaves out the beginning; behind the end, nothing is played and the report says 0 seconds.

        Cancelling the task stops the sound within 100 ms. Raises ValueError for a naive `at`, a volume outside 0..1, a
        negative skip, or pieces that make no sense, and DriverFault `speaker.busy`, `speaker.bad_audio`,
        `speaker.no_device`, `speaker.device_lost`, `speaker.storage`, `speaker.playout_failed`, `driver.closed`.
        """
