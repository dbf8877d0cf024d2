"""Loudness by ITU-R BS.1770-5 and levelling to it. Streaming: hours of audio need no more memory than a minute.

Samples are float, full scale 1.0, shape (n,) for mono or (n, 2) for left and right. A mono sine of 0 dBFS at 997 Hz
has -3.01 LUFS, as the recommendation says.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf, isfinite, log10, pi, tan
from typing import TYPE_CHECKING

import numpy as np

from tts import limiter
from tts.limiter import CEILING_DBTP, Limiter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Samples = NDArray[np.float32]
    Blocks = Callable[[], Iterable[Samples]]

TOLERANCE_LU = 0.1
# What the limiter may take away from the loudness that the gain gives; more is heard as pumping and distortion.
MOST_EATEN_LU = 2.0
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_HOP_S = 0.1  # 400 ms blocks overlap by 75 %
_PASSES = 8
_BLOCK_S = 5


class Meter:
    """Measures a stream; give it blocks of any length with `add`, then `close` it."""

    def __init__(self, rate: int, channels: int = 1) -> None:
        if rate < 8000 or channels not in (1, 2):
            raise ValueError(f"loudness of {channels} channels at {rate} Hz is not supported")
        self._hop = round(rate * _HOP_S)
        self._response, self._taps = _k_weighting(rate)
        self._step = 2 * (len(self._response) - 1) - self._taps + 1
        self._pending = np.zeros((channels, self._taps - 1))
        self._near = np.zeros((channels, limiter.context()[0]), np.float32)
        self._squares = np.zeros(0)
        self._hops: list[float] = []
        self._rest = (0.0, 0)
        self._peak = 0.0

    def add(self, samples: "Samples") -> None:
        """Measure the next samples, (n,) or (n, 2)."""
        block = np.asarray(samples).reshape(len(samples), -1).T
        self._pending = np.concatenate((self._pending, block), axis=1)
        while self._pending.shape[1] >= self._step + self._taps - 1:
            self._weigh(self._pending[:, : self._step + self._taps - 1], self._step)
            self._pending = self._pending[:, self._step :]
        self._look_for_peaks(block)

    def close(self) -> "Meter":
        """Measure what waits for its block. Nothing may be added after that."""
        left = self._pending.shape[1] - (self._taps - 1)
        self._weigh(self._pending, left)
        self._pending = self._pending[:, left:]
        if len(self._squares):
            self._rest = (float(self._squares.sum()), len(self._squares))
        self._look_for_peaks(np.zeros((len(self._near), limiter.context()[1])))
        return self

    def integrated(self, gain_db: float = 0.0) -> float:
        """Return the gated loudness in LUFS, as if the stream had been amplified by `gain_db`; -inf for silence.

        Audio shorter than 400 ms has no whole block: its mean level counts, not gated but by -70 LUFS.
        """
        power = self._windows(4) * 10 ** (gain_db / 10)
        power = power[power > _power(_ABSOLUTE_GATE)]
        if not len(power):
            return -inf
        gate = 10 * log10(power.mean()) + _RELATIVE_GATE
        return _lufs(float(power[power > 10 ** (gate / 10)].mean()))

    def momentary(self) -> "Floats":
        """Return the loudness of each 400 ms in LUFS, every 100 ms."""
        return _lufs_each(self._windows(4))

    def short_term(self) -> "Floats":
        """Return the loudness of each 3 s in LUFS, every 100 ms; of shorter audio, one value for the whole."""
        return _lufs_each(self._windows(30))

    def true_peak(self) -> float:
        """Return the largest value of the four times oversampled stream in dBTP; -inf for silence."""
        return 20 * log10(self._peak) if self._peak > 0 else -inf

    def _windows(self, hops: int) -> "Floats":
        """Mean power of each window of so many hops."""
        if len(self._hops) < hops:
            total, count = sum(self._hops) + self._rest[0], len(self._hops) * self._hop + self._rest[1]
            return np.array([total / count]) if count else np.zeros(0)
        sums = np.convolve(self._hops, np.ones(hops), "valid")
        return np.asarray(np.maximum(sums, 0.0) / (hops * self._hop))

    def _weigh(self, block: "Floats", count: int) -> None:
        """Take in the power of `count` K-weighted samples; `block` has the context of the filter before them."""
        size = 2 * (len(self._response) - 1)
        heard = np.fft.irfft(np.fft.rfft(block, size, axis=1) * self._response, size, axis=1)
        heard = heard[:, self._taps - 1 : self._taps - 1 + count]
        squares = np.concatenate((self._squares, np.einsum("cn,cn->n", heard, heard)))
        whole = len(squares) // self._hop * self._hop
        self._hops += squares[:whole].reshape(-1, self._hop).sum(axis=1).tolist()
        self._squares = squares[whole:]

    def _look_for_peaks(self, block: "Floats | Samples") -> None:
        near = np.concatenate((self._near, block.astype(np.float32)), axis=1)
        before, after = limiter.context()
        self._near = near[:, -(before + after) :]
        if near.shape[1] <= before + after or float(np.abs(near).max()) * limiter.overshoot() <= self._peak:
            return
        self._peak = max(self._peak, *(float(limiter.peaks(channel).max()) for channel in near))


@dataclass(frozen=True, slots=True)
class Level:
    """How a stream is brought to a loudness: `gain_db`, then the limiter, gives `lufs`.

    `reached` says whether that is the loudness asked for. It is not when the audio is silent (`lufs` is -inf), or when
    the limiter would have to take away more than `MOST_EATEN_LU`: `lufs` is then what is possible without damage.
    """

    gain_db: float
    lufs: float
    reached: bool
    ceiling_dbtp: float


def measure(blocks: "Iterable[Samples]", rate: int, channels: int = 1) -> Meter:
    """Return a closed meter that has measured `blocks`."""
    meter = Meter(rate, channels)
    for block in blocks:
        meter.add(block)
    return meter.close()


def integrated(samples: "Samples", rate: int) -> float:
    """Return the integrated loudness in LUFS, gated; -inf for silence. Shorter than 400 ms: its mean level."""
    return measure(_cut(samples, rate), rate, _channels(samples)).integrated()


def true_peak(samples: "Samples", rate: int) -> float:
    """Return the true peak in dBTP, four times oversampled; -inf for silence."""
    return measure(_cut(samples, rate), rate, _channels(samples)).true_peak()


def plan(source: "Blocks", rate: int, target_lufs: float, ceiling_dbtp: float = CEILING_DBTP) -> Level:
    """Return how to bring mono audio to `target_lufs`. `source()` gives its blocks, anew each time it is called.

    One pass over the audio; where the limiter has to work, another one for each trial (two or three are usual).
    """
    meter = measure(source(), rate)
    before = meter.integrated()
    if not isfinite(before):
        return Level(0.0, before, False, ceiling_dbtp)
    gain = target_lufs - before
    for _ in range(3):  # the absolute gate lets other blocks pass after a gain
        gain += target_lufs - meter.integrated(gain)
    untouched = ceiling_dbtp - meter.true_peak()
    if gain <= untouched:
        return Level(gain, meter.integrated(gain), True, ceiling_dbtp)
    return _search(source, rate, target_lufs, gain, Level(untouched, meter.integrated(untouched), False, ceiling_dbtp))


def _search(source: "Blocks", rate: int, target_lufs: float, gain: float, best: Level) -> Level:
    """Try gains through the limiter, `gain` first, until the loudness fits or the limiter eats too much.

    `best` is the gain at which the limiter has nothing to do; without the limiter `gain` would reach the target.
    """
    unlimited, low, high = target_lufs - gain, best.gain_db, inf
    for _ in range(_PASSES):
        tried = replace(best, gain_db=gain)
        lufs = measure(apply(source(), rate, tried), rate).integrated()
        missing = target_lufs - lufs
        if unlimited + gain - lufs > MOST_EATEN_LU:
            high = gain
            gain = (low + high) / 2
        else:
            low = gain
            if abs(missing) < abs(target_lufs - best.lufs):
                best = replace(tried, lufs=lufs, reached=abs(missing) <= TOLERANCE_LU)
            gain += 1.3 * missing  # the more gain, the more is eaten
            gain = gain if gain < high else (low + high) / 2
        if best.reached or high - low < TOLERANCE_LU:
            break
    return best


def apply(blocks: "Iterable[Samples]", rate: int, level: Level) -> "Iterator[Samples]":
    """Give the levelled audio: as many samples as went in, at their places, in blocks of other lengths."""
    keeper = Limiter(rate, level.ceiling_dbtp)
    gain = np.float32(10 ** (level.gain_db / 20))
    for block in blocks:
        yield keeper.process(np.asarray(block, np.float32) * gain)
    yield keeper.flush()


def level(
    samples: "Samples", rate: int, target_lufs: float, ceiling_dbtp: float = CEILING_DBTP
) -> "tuple[Samples, Level]":
    """Return mono samples (n,) at `target_lufs`, true peak under the ceiling, and how that was done (see `Level`)."""
    samples = np.asarray(samples, np.float32)
    how = plan(lambda: _cut(samples, rate), rate, target_lufs, ceiling_dbtp)
    return np.concatenate(list(apply(_cut(samples, rate), rate, how))), how


def _cut(samples: "Samples", rate: int) -> "Iterator[Samples]":
    step = rate * _BLOCK_S
    return (samples[start : start + step] for start in range(0, len(samples), step))


def _channels(samples: "Samples") -> int:
    return 1 if samples.ndim == 1 else int(samples.shape[1])


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(power: float) -> float:
    return -0.691 + 10 * log10(power) if power > 0 else -inf


def _lufs_each(power: "Floats") -> "Floats":
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def _k_weighting(rate: int) -> "tuple[NDArray[np.complex128], int]":
    """Return the K filter's frequency response for overlap-save, and how many samples its impulse response lasts.

    BS.1770 gives coefficients for 48 kHz; for other rates the two analogue filters behind them are transformed anew
    (parameters: B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018).
    After 100 ms the response is 200 dB down.
    """
    shelf = tan(pi * 1681.974450955533 / rate)
    high, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    middle = high**0.4996667741545416
    shelf_b = (high + middle * shelf / q + shelf**2, 2 * (shelf**2 - high), high - middle * shelf / q + shelf**2)
    shelf_a = (1 + shelf / q + shelf**2, 2 * (shelf**2 - 1), 1 - shelf / q + shelf**2)
    cut, q = tan(pi * 38.13547087602444 / rate), 0.5003270373238773
    cut_a = (1 + cut / q + cut**2, 2 * (cut**2 - 1), 1 - cut / q + cut**2)
    cut_b = tuple(value * cut_a[0] for value in (1.0, -2.0, 1.0))  # BS.1770 does not scale this numerator
    taps = rate // 10
    size = 1 << (4 * taps - 1).bit_length()
    z = np.exp(-2j * pi * np.arange(size // 2 + 1) / size)
    response = np.polyval(shelf_b[::-1], z) / np.polyval(shelf_a[::-1], z)
    response = response * np.polyval(cut_b[::-1], z) / np.polyval(cut_a[::-1], z)
    impulse = np.fft.irfft(response, size)
    impulse[taps:] = 0.0
    return np.fft.rfft(impulse, size), taps
