"""A person's voice, recorded on whatever was at hand, cleaned for a loudspeaker.

Two passes over the file, each holding a second of it, so an hour needs no more memory than a sentence.
"""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tts.decode import RATE, Decoder
from tts.errors import AudioError
from tts.files import draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

LONGEST_S = 3600.0
CLEANING_VERSION = 1  # part of cache keys: raise it when the same recording gives other bytes

_SILENT_DB, _QUIET_DB = -65.0, -45.0
_NOISY_DB = 15.0  # speech above background, both in the recording
_NARROW_HZ = 16_000
_CLIPPED_AT, _CLIPPED_PART = 0.98, 0.001
_PEAK = 0.89  # -1 dBFS
_LEAD_FRAMES, _TAIL_FRAMES = 15, 25  # of 10 ms, kept before and after the voice
_FADE = RATE // 100
# The gate lowers pauses by so much at most; it opens before a word begins and closes some time after it has ended.
_GATE_DB, _OPEN_FRAMES, _HOLD_FRAMES = 10.0, 4, 20


@dataclass(frozen=True, slots=True)
class Recording:
    """A cleaned recording.

    `seconds` is its length, `peak` that of the file as it was given (full scale 1.0). `warnings` are codes:
    `recording.clipped` (too loud when recorded: it crackles), `recording.noisy`, `recording.quiet`,
    `recording.narrow` (telephone quality), `recording.cut` (its end seems to be missing).
    """

    seconds: float
    peak: float
    warnings: tuple[str, ...] = ()


def clean_recording(source: str | Path, target: str | Path, longest_s: float = LONGEST_S) -> Recording:
    """Write the voice in `source` (WAV, MP3, FLAC, Ogg, M4A) to `target` as 48 kHz mono 16-bit WAV, in one step.

    DC and rumble are removed, silence at both ends is cut, pauses are lowered gently where there is background noise,
    and the voice is brought to `levels.SPEECH_DBFS` while it speaks.

    Raises:
        AudioError: no file of those, damaged or cut off, longer than `longest_s` seconds, or silent.
        OSError: `source` cannot be read or `target` cannot be written, or is `source`.
    """
    source, target = Path(source), Path(target)
    with source.open("rb") as file:
        decoder = Decoder(file, longest_s)
        heard = _Heard.of(decoder)
        with draft(target, needed=(source,)) as temporary, temporary.open("wb") as out:
            samples = _write(out, decoder, heard)
    return Recording(samples / RATE, heard.peak, heard.warnings(decoder))


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the first pass has learnt: mean squares and peaks of frames of 10 ms, and of the whole file."""

    powers: "Doubles"
    peaks: "Doubles"
    peak: float
    clipped: float  # part of the samples at full scale
    active_db: float
    floor_db: float

    @classmethod
    def of(cls, decoder: Decoder) -> "_Heard":
        """Listen to the whole file once."""
        import numpy as np

        from tts.levels import FRAME, active_db, decibels, frame_powers, high_pass

        counted = _Counted()
        powers, peaks = [], []
        for block in high_pass(counted.through(decoder.blocks())):
            powers.append(frame_powers(block))
            peaks.append(np.abs(np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)).max(axis=1))
        all_powers = np.concatenate(powers)
        active = active_db(all_powers)
        if active < _SILENT_DB:
            raise AudioError("the recording is silent", "audio.silent")
        # Digital silence, from an editor or a telephone's gate, is no background.
        background = decibels(all_powers[all_powers > 1e-11])
        floor = float(np.percentile(background, 10))
        return cls(
            all_powers, np.concatenate(peaks), counted.peak, counted.full / max(counted.samples, 1), active, floor
        )

    def warnings(self, decoder: Decoder) -> tuple[str, ...]:
        found = {
            "recording.clipped": self.clipped > _CLIPPED_PART,
            "recording.noisy": self.active_db - self.floor_db < _NOISY_DB,
            "recording.quiet": self.active_db < _QUIET_DB,
            "recording.narrow": decoder.rate < _NARROW_HZ,
            "recording.cut": decoder.cut,
        }
        return tuple(code for code, holds in found.items() if holds)

    def span(self) -> tuple[int, int]:
        """Return the frames [first, end) that hold the voice, with a little room at both ends."""
        import numpy as np

        from tts.levels import decibels

        levels = decibels(self.powers)
        loud = levels > max(self.active_db - 30, min(self.floor_db + 9, self.active_db - 10))
        # A click, even with what the filter makes of it, is shorter than a syllable.
        lasting = np.flatnonzero(np.convolve(loud, np.ones(12), "same") >= 9)
        if not len(lasting):
            raise AudioError("the recording holds no voice", "audio.silent")
        return max(0, lasting[0] - _LEAD_FRAMES), min(len(levels), lasting[-1] + 1 + _TAIL_FRAMES)

    def gains(self, first: int, end: int) -> "Floats":
        """Return the gain at the middle of each frame: to speech level, times the gate."""
        import numpy as np

        from tts.levels import SPEECH_DBFS

        gain = 10 ** ((SPEECH_DBFS - self.active_db) / 20)
        gain = min(gain, _PEAK / max(float(self.peaks[first:end].max()), 1e-6))
        return (gain * self._gate()).astype(np.float32)

    def _gate(self) -> "Doubles":
        import numpy as np

        from tts.levels import decibels

        levels = decibels(self.powers)
        if self.active_db - self.floor_db < _NOISY_DB:
            return np.ones(len(levels))  # speech and background lie too close together to tell them apart
        threshold = self.floor_db + 6
        around = np.pad(levels, (_HOLD_FRAMES, _OPEN_FRAMES), constant_values=-120.0)
        held = np.lib.stride_tricks.sliding_window_view(around, _HOLD_FRAMES + _OPEN_FRAMES + 1).max(axis=1)
        closed = np.clip((threshold - held) / 4, 0, 1)
        window = np.hanning(9)
        smooth = np.convolve(np.pad(closed, 4, mode="edge"), window / window.sum(), "valid")
        return np.asarray(10 ** (-_GATE_DB * smooth / 20))


class _Counted:
    """Counts what flows through: samples, the largest, and those at full scale."""

    def __init__(self) -> None:
        self.samples = self.full = 0
        self.peak = 0.0

    def through(self, blocks: "Iterator[Floats]") -> "Iterator[Floats]":
        import numpy as np

        for block in blocks:
            size = np.abs(block)
            self.samples += len(block)
            self.full += int(np.count_nonzero(size >= _CLIPPED_AT))
            self.peak = max(self.peak, float(size.max(initial=0.0)))
            yield block


def _write(out: BinaryIO, decoder: Decoder, heard: _Heard) -> int:
    """Write the second pass; return the number of samples."""
    import numpy as np

    from tts.levels import FRAME, high_pass

    first, end = heard.span()
    gains = heard.gains(first, end)
    middles = np.arange(len(gains)) * FRAME + FRAME // 2
    begin, stop = first * FRAME, end * FRAME
    at = written = 0
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for block in high_pass(decoder.blocks()):
            places = np.arange(at, at + len(block))
            at += len(block)
            inside = (places >= begin) & (places < stop)
            if not inside.any():
                continue
            places = places[inside]
            edges = np.clip(np.minimum(places - begin, stop - 1 - places) / _FADE, 0, 1)
            shaped = block[inside] * np.interp(places, middles, gains) * (0.5 - 0.5 * np.cos(np.pi * edges))
            file.writeframes(np.rint(np.clip(shaped, -1, 1) * 32767).astype("<i2").tobytes())
            written += len(places)
    return written
