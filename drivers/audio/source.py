"""Samples of a WAV file in the format that an output has taken. Runs in the playing process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.audio import pcm
from drivers.audio.resample import Resampler
from drivers.audio.wav import WavInfo
from drivers.contract import DriverFault


@dataclass(frozen=True, slots=True)
class Form:
    """What an output takes: Hz, channels, bytes per sample."""

    rate: int
    channels: int
    width: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.channels * self.width


class Source:
    """Reads, scales, converts. `read` raises DriverFault `speaker.bad_audio` when the file cannot be read on."""

    def __init__(self, path: Path, info: WavInfo, volume: float, form: Form) -> None:
        self._info, self._volume, self._form = info, volume, form
        self._left = info.frames
        self._name = path.name
        self._buffer = b""
        self._resampler = None if info.rate == form.rate else Resampler(info.rate, form.rate, form.channels)
        try:
            self._file = path.open("rb")
            self._file.seek(info.offset)
        except OSError as error:
            raise self._bad(error) from error

    def read(self, frames: int) -> bytes:
        """Return up to so many frames of the output's format; fewer only at the end, b"" after it."""
        wanted = frames * self._form.frame_bytes
        while len(self._buffer) < wanted and (self._left or self._resampler):
            self._buffer += self._more(max(1, frames))
        data, self._buffer = self._buffer[:wanted], self._buffer[wanted:]
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _more(self, frames: int) -> bytes:
        info, form = self._info, self._form
        if not self._left:
            resampler, self._resampler = self._resampler, None
            return self._to_bytes(resampler.flush()) if resampler else b""
        count = min(frames, self._left)
        try:
            data = self._file.read(count * info.frame_bytes)
        except OSError as error:
            raise self._bad(error) from error
        if len(data) < count * info.frame_bytes:
            raise self._bad("it became shorter while it was played")
        self._left -= count
        if self._resampler is None:
            data = pcm.convert(data, info.width, info.channels, form.width, form.channels)
            return pcm.scale(data, form.width, self._volume)
        return self._resampled(self._resampler, pcm.convert(data, info.width, info.channels, 4, form.channels))

    def _resampled(self, resampler: Resampler, data: bytes) -> bytes:
        import numpy as np

        block = np.frombuffer(data, dtype="<i4").reshape(-1, self._form.channels) / 2.0**31
        return self._to_bytes(resampler.feed(block * self._volume))

    def _to_bytes(self, block: Any) -> bytes:
        import numpy as np

        # Only 16 bits are ever asked for together with another rate, see `outputs.forms`.
        return bytes(np.clip(np.rint(block * 2.0**15), -(2**15), 2**15 - 1).astype("<i2").tobytes())

    def _bad(self, why: object) -> DriverFault:
        return DriverFault("speaker.bad_audio", f"{self._name} cannot be played on: {why}")
