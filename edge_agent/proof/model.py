"""What the listening process finds, as plain figures. Levels are dB relative to full scale unless the name says not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


class ProofError(Exception):
    """The listening process could not answer. `retry`: the same request may succeed later."""

    def __init__(self, code: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Heard:
    """Whether what was played was heard.

    `score`: strength of the match in standard deviations of what chance gives; heard from `match.THRESHOLD` up.
    `delay_s`: from the instant that was asked for to the microphone. `level_dbfs`: of the played sound in the
    recording, 300-3800 Hz; `snr_db`: against everything else in that band; `gain_db`: against the file that was
    played. The last three are None where nothing was heard. `seconds`: of sound that could be compared, in `takes`
    recordings, of which `takes_heard` hold it. Where `seconds` is 0 nothing could be said. `elsewhere`: it came later
    than from this loudspeaker at installation, so from another one that played the same; `heard` is False then.
    """

    heard: bool
    score: float
    seconds: float
    delay_s: float | None = None
    level_dbfs: float | None = None
    snr_db: float | None = None
    gain_db: float | None = None
    takes: int = 0
    takes_heard: int = 0
    elsewhere: bool = False
    by: Literal["microphone", "current"] = "microphone"


@dataclass(frozen=True, slots=True)
class Take:
    """A recording of something that was played: it began `offset_s` after the first sample of the play was due."""

    path: Path
    offset_s: float


@dataclass(frozen=True, slots=True)
class Played:
    """One piece of what was played, in order: a WAV file, or `seconds` of silence where path is None."""

    path: Path | None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What a sweep brought: level by third octave (Hz -> dB against the sweep), delay, and how clear it was."""

    bands: dict[int, float]
    noise: dict[int, float]
    level_db: float
    delay_s: float
    snr_db: float


Verdict = Literal["ok", "quiet", "deaf", "band_missing", "uncalibrated"]


@dataclass(frozen=True, slots=True)
class TestReport:
    """A self-test against the calibration: `change_db` is level now minus then, `missing` the lost bands in Hz."""

    verdict: Verdict
    response: Response
    change_db: float | None = None
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sounds:
    """What a few seconds of an idle speaker sound like.

    `ambient_dbfs`: A-weighted, in the quieter moments (the lower quartile of 256 ms). `pause_dbfs`: in the quietest
    twentieth, which between sentences is the noise alone. `horn_dbfs`: mean in 400-3150 Hz, where a horn sends.
    `low_dbfs`: in 63-200 Hz, where it cannot. `lines`: the mains' harmonics, Hz -> dBFS of that line alone.
    `line_over`: how many dB each stands out of its neighbourhood. `clicks`: per second. `voice`: 0..1, how much like
    speech or music.
    """

    level_dbfs: float
    ambient_dbfs: float
    pause_dbfs: float
    horn_dbfs: float
    low_dbfs: float
    lines: dict[int, float] = field(default_factory=dict)
    line_over: dict[int, float] = field(default_factory=dict)
    clicks: float = 0.0
    voice: float = 0.0
