"""A look-ahead limiter that holds the true peak of audio under a ceiling, without clicks. Streaming, vectorised.

The gain falls before a peak arrives (at most 5 ms ahead) and recovers in a straight line of decibels.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Samples = NDArray[np.float32]

CEILING_DBTP = -1.0
LOOKAHEAD_S = 0.005
RELEASE_DB_PER_S = 60.0  # slow enough to leave the periods of a deep voice alone, quick enough between two words
# The interpolation that finds peaks ends after 24 samples, the gain moves while it looks: both need a little room.
_MARGIN_DB = 0.05
_REACH = 12  # samples that the interpolation looks ahead, and back
_ROW = 16_384


class Limiter:
    """Limits a stream of mono samples (full scale 1.0), block after block of any length.

    `process` holds the last `latency` samples back; `flush` gives them, and the next stream may begin. The first sample
    out is the first one in, so nothing is shifted.
    The result does not depend on how the stream was cut into blocks. `most_db` is the deepest reduction so far.
    """

    def __init__(self, rate: int, ceiling_dbtp: float = CEILING_DBTP, lookahead_s: float = LOOKAHEAD_S) -> None:
        self._ceiling = 10 ** ((ceiling_dbtp - _MARGIN_DB) / 20)
        self._window = max(8, int(min(lookahead_s, LOOKAHEAD_S) * rate) - _REACH)
        self._slope = RELEASE_DB_PER_S / rate
        self.latency = _REACH + self._window
        self.most_db = 0.0
        self._reset()

    def _reset(self) -> None:
        self._near = np.zeros(_REACH - 1, np.float32)
        self._delayed = np.zeros(0, np.float32)
        self._held = np.zeros(self._window)
        self._top = np.zeros(0)
        self._last = 0.0

    def process(self, block: "Samples") -> "Samples":
        """Return the limited samples that are ready, float32 (m,), for the next samples of the stream, (n,)."""
        block = np.asarray(block, np.float32)
        near = np.concatenate((self._near, block))
        self._near = near[-(2 * _REACH - 1) :]
        held = self._release(self._needed(near))
        held = np.concatenate((self._held, held))
        self._held = held[len(held) - self._window :]
        top = np.concatenate((self._top, _sliding_max(held, self._window + 1)))
        self._top = top[max(0, len(top) - self._window) :]
        reduction = _smooth(top, self._window + 1)
        delayed = np.concatenate((self._delayed, block))
        ready, self._delayed = delayed[: len(reduction)], delayed[len(reduction) :]
        if not len(reduction) or not reduction.any():
            return ready
        self.most_db = max(self.most_db, float(reduction.max()))
        return np.asarray(ready * 10 ** (-reduction / 20), np.float32)

    def flush(self) -> "Samples":
        """Return the samples that are still inside."""
        rest = self.process(np.zeros(self.latency, np.float32))
        self._reset()
        return rest

    def _needed(self, near: "Samples") -> "Floats":
        """Reduction in dB that each sample needs by itself."""
        count = max(0, len(near) - (2 * _REACH - 1))
        if not count or float(np.abs(near).max()) * overshoot() <= self._ceiling:
            return np.zeros(count)
        return np.asarray(20 * np.log10(np.maximum(peaks(near).astype(np.float64) / self._ceiling, 1.0)))

    def _release(self, needed: "Floats") -> "Floats":
        """Let the reduction fall in a straight line: r[n] = max over k of needed[n - k] - k * slope."""
        if not len(needed) or (self._last == 0 and not needed.any()):
            return needed
        fall = self._slope * np.arange(1, len(needed) + 1)
        highest: Floats = np.maximum(np.maximum.accumulate(needed + fall), self._last)
        held: Floats = np.maximum(highest - fall, 0.0)
        self._last = float(held[-1])
        return held


def limit(samples: "Samples", rate: int, ceiling_dbtp: float = CEILING_DBTP) -> "Samples":
    """Return mono `samples`, (n,), with their true peak at or under the ceiling; same length, not shifted."""
    limiter = Limiter(rate, ceiling_dbtp)
    return np.concatenate((limiter.process(samples), limiter.flush()))


def peaks(samples: "Samples") -> "Samples":
    """Return the largest absolute value between each sample and the next, four times oversampled (BS.1770-5 annex 2).

    The first 11 and the last 12 of `samples` are context: (n,) gives (n - 23,), of sample 11 and those after it.
    """
    samples = np.asarray(samples, np.float32)
    count = max(0, len(samples) - 2 * _REACH + 1)
    starts = range(0, count, _ROW)
    parts = [_peaks(samples[start : start + min(_ROW, count - start) + 2 * _REACH - 1]) for start in starts]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _peaks(near: "Samples") -> "Samples":
    """`peaks` of so few samples that all of it stays in the processor's cache.

    The kernels of 1/4 and 3/4 mirror each other: with their even part e and odd part o, |e + o| and |e - o| are to be
    found, and the larger of both is |e| + |o|. That of 1/2 is even.
    """
    count = len(near) - 2 * _REACH + 1
    even, odd, middle = np.zeros((3, count), np.float32)
    both, scaled = np.empty((2, count), np.float32)
    for tap, weights in enumerate(_weights()):
        left, right = near[tap : tap + count], near[2 * _REACH - 1 - tap :][:count]
        np.add(left, right, out=both)
        even += np.multiply(both, weights[0], out=scaled)
        middle += np.multiply(both, weights[2], out=scaled)
        np.subtract(left, right, out=both)
        odd += np.multiply(both, weights[1], out=scaled)
    quarters = np.abs(even, out=even) + np.abs(odd, out=odd)
    highest: Samples = np.maximum(np.maximum(quarters, np.abs(middle, out=middle)), np.abs(near[_REACH - 1 :][:count]))
    return highest


def context() -> tuple[int, int]:
    """Return how many samples `peaks` needs before and after those that it answers for."""
    return _REACH - 1, _REACH


@cache
def overshoot() -> float:
    """Return by how much, at worst, the true peak can exceed the largest sample."""
    return max(float(np.abs(kernel).sum()) for kernel in _kernels())


@cache
def _kernels() -> "tuple[Samples, ...]":
    """Windowed sinc functions that give the values at 1/4, 1/2 and 3/4 of the way to the next sample."""
    places = np.arange(-_REACH + 1, _REACH + 1)
    made = []
    for fraction in (0.25, 0.5, 0.75):
        distance = fraction - places
        window = np.i0(6.0 * np.sqrt(1 - (distance / _REACH) ** 2)) / np.i0(6.0)
        kernel = np.sinc(distance) * window
        made.append((kernel / kernel.sum()).astype(np.float32))
    return tuple(made)


@cache
def _weights() -> "Samples":
    """Per tap of the kernels' first half: even part, odd part, and the kernel of 1/2."""
    first, middle, last = _kernels()
    half = slice(0, _REACH)
    return np.stack(((first + last)[half] / 2, (first - last)[half] / 2, middle[half]), axis=1)


def _sliding_max(values: "Floats", width: int) -> "Floats":
    """Return the maximum of each `width` neighbours: (n,) gives (n - width + 1,). Doubles its reach in each step."""
    if len(values) < width:
        return values[:0]
    if not values.any():
        return values[: len(values) - width + 1]
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        values = np.maximum(values[:-step], values[step:])
        reach += step
    return values


def _smooth(values: "Floats", width: int) -> "Floats":
    """Return a weighted mean of each `width` neighbours (a triangle, two boxes): (n,) gives (n - width + 1,)."""
    if len(values) < width:
        return values[:0]
    if not values.any():
        return values[: len(values) - width + 1]
    first = width // 2 + 1
    return np.maximum(_box(_box(values, first), width - first + 1), 0.0)


def _box(values: "Floats", width: int) -> "Floats":
    total = np.concatenate(((0.0,), np.cumsum(values)))
    return (total[width:] - total[:-width]) / width
