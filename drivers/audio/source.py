"""Pieces as samples: mono, float32 in units of 16 bits, at the card's rate. Runs in the playing process.

A source gives its samples in order by `read`; None is its end. Stereo becomes the mean of both sides: behind the card
is one amplifier, whichever side it hangs on.
"""

import os
import select
import time
from pathlib import Path
from typing import Any, Protocol

from drivers.audio.resample import Resampler
from drivers.audio.wav import WavInfo, read_info
from drivers.contract import DriverFault

LIVE_RATE = 48_000
_LIVE_WAIT_S = 0.02
_LATE_S = 0.25  # a live piece whose data stay away is filled with silence that long before its end


class Source(Protocol):
    """One piece."""

    length: int | None
    """Samples in all at the card's rate, None when nobody knows."""

    def read(self, count: int, played: int) -> Any:
        """Return up to about `count` samples, none yet (an empty block), or None at the end.

        `played`: how many of this piece are past already (below 0: it has not begun).
        """

    def close(self) -> None: ...


class Silence:
    """So many samples of nothing."""

    def __init__(self, length: int, skip: int = 0) -> None:
        self.length: int | None = length
        self._left = max(0, length - skip)

    def read(self, count: int, played: int) -> Any:
        import numpy as np

        if self._left == 0:
            return None
        count = min(count, self._left)
        self._left -= count
        return np.zeros(count, dtype=np.float32)

    def close(self) -> None:
        """Nothing is open."""


class Wav:
    """A WAV file, from sample `skip` (at the card's rate) on. Raises DriverFault `speaker.bad_audio`."""

    def __init__(self, path: Path, rate: int, skip: int = 0) -> None:
        self._info = info = read_info(path)
        self._name = path.name
        self.length: int | None = wav_length(info, rate)
        self._resampler = Resampler(info.rate, rate) if info.rate != rate else None
        start, self._drop = self._entry(skip)
        self._left = max(0, info.frames - start)
        self._over = skip >= (self.length or 0)
        try:
            self._file = path.open("rb")
            self._file.seek(info.offset + min(start, info.frames) * info.frame_bytes)
        except OSError as error:
            raise self._bad(error) from error

    def _entry(self, skip: int) -> tuple[int, int]:
        """Return from which frame of the file to read, and how many samples to leave out then."""
        resampler = self._resampler
        if resampler is None:
            return skip, 0
        # Places repeat every `up` samples; two rounds earlier, so that the filter has all its neighbours.
        rounds = max(0, skip // resampler.up - 1 - 32 // resampler.down)
        return rounds * resampler.down, skip - rounds * resampler.up

    def read(self, count: int, played: int) -> Any:
        while not self._over:
            block = self._more(max(count, 64))
            if self._drop:
                cut = min(self._drop, len(block))
                block, self._drop = block[cut:], self._drop - cut
            if len(block):
                return block
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _more(self, count: int) -> Any:
        resampler = self._resampler
        if self._left == 0:
            self._over = True
            return resampler.flush() if resampler else b""
        if resampler:
            count = max(1, count * resampler.down // resampler.up)
        count = min(count, self._left)
        try:
            data = self._file.read(count * self._info.frame_bytes)
        except OSError as error:
            raise self._bad(error) from error
        if len(data) < count * self._info.frame_bytes:
            raise self._bad("it became shorter while it was played")
        self._left -= count
        block = mono(data, self._info.width, self._info.channels)
        return resampler.feed(block) if resampler else block

    def _bad(self, why: object) -> DriverFault:
        return DriverFault("speaker.bad_audio", f"{self._name} cannot be played on: {why}")


class Live:
    """A FIFO. Its writer may come late, pause, go and come back: nothing of it ever waits."""

    def __init__(self, path: Path, rate: int, seconds: float | None, skip: int = 0, *, at_most: bool = False) -> None:
        """`at_most`: it is over when its writer closes, too."""
        self._most = None if seconds is None else round(seconds * rate)
        self.length = None if at_most else self._most
        self._rate = rate
        self._resampler = Resampler(LIVE_RATE, rate) if rate != LIVE_RATE else None
        self._came = 0  # samples that came or were left out
        self._rest = b""
        self._drop = skip  # what is due before the play begins
        self._began = False
        try:
            # Reading from a FIFO that nobody writes into does not block when it was opened so.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise DriverFault("speaker.bad_audio", f"{path.name} cannot be played: {error}") from error
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def read(self, count: int, played: int) -> Any:
        import numpy as np

        if self._most is not None:
            left = self._most - self._came
            if left <= 0:
                return None
            if played >= self._came and played > self._most - int(_LATE_S * self._rate):
                return self._counted(np.zeros(left, dtype=np.float32))
            count = min(count, left)
        data, ended = self._receive(count)
        if ended:
            if self.length is None:
                return None
            time.sleep(_LIVE_WAIT_S)  # another writer may come
        block = mono(data, 2, 1)
        return self._counted(self._resampler.feed(block) if self._resampler else block)

    def close(self) -> None:
        """Close our end."""
        os.close(self._fd)

    def _receive(self, count: int) -> tuple[bytes, bool]:
        """Return what is there, and whether the writer has closed."""
        if not self._poll.poll(_LIVE_WAIT_S * 1000):
            return b"", False
        try:
            data = os.read(self._fd, count * 2 - len(self._rest))
        except BlockingIOError:
            return b"", False
        if not data:
            return b"", True
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return data[:whole], False

    def _counted(self, block: Any) -> Any:
        self._came += len(block)
        cut = min(self._drop, len(block))
        self._drop -= cut
        return block[cut:]


def wav_length(info: WavInfo, rate: int) -> int:
    """Return how many samples a file is at that rate."""
    return -(-info.frames * rate // info.rate)


def mono(data: bytes, width: int, channels: int) -> Any:
    """Turn little-endian PCM bytes into float32 samples in units of 16 bits."""
    import numpy as np

    if width == 3:
        wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0].astype(np.float32) * np.float32(2.0**-16)
    elif width == 4:
        samples = np.frombuffer(data, dtype="<i4").astype(np.float32) * np.float32(2.0**-16)
    else:
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32)
    if channels == 1:
        return samples
    both = samples.reshape(-1, channels)
    return (both[:, 0] + both[:, 1]) * np.float32(0.5)
