"""Changes the sample rate with a windowed sinc, block by block. Only for the playing process: it needs numpy.

32 taps and a Kaiser window with beta 8 (Kaiser 1974: about 80 dB of attenuation) pass 0.87 of the lower of the two
bandwidths, which is beyond what a horn loudspeaker sends out.
"""

from math import gcd
from typing import Any

_TAPS = 32
_BETA = 8.0


class Resampler:
    """Float frames of `rate` in, of `to_rate` out. `feed` all blocks in order, then `flush` once."""

    def __init__(self, rate: int, to_rate: int, channels: int) -> None:
        import numpy as np

        self._np = np
        common = gcd(rate, to_rate)
        self._up, self._down = to_rate // common, rate // common
        cutoff = min(1.0, to_rate / rate) * 0.93
        phases = np.arange(self._up)[:, None] / self._up
        offsets = np.arange(_TAPS)[None, :] - (_TAPS // 2 - 1)
        distance = offsets - phases
        window = np.i0(_BETA * np.sqrt(np.clip(1 - (distance / (_TAPS / 2)) ** 2, 0, 1))) / np.i0(_BETA)
        table = cutoff * np.sinc(cutoff * distance) * window
        self._table = table / table.sum(axis=1, keepdims=True)
        self._held = np.zeros((_TAPS // 2 - 1, channels))
        self._next = 0  # of the next output frame: position in the held input, in 1/up of an input frame
        self._in = 0
        self._out = 0

    def feed(self, block: Any) -> Any:
        """Return the frames that can be computed after this block of shape (frames, channels)."""
        self._in += len(block)
        return self._compute(block)

    def flush(self) -> Any:
        """Return the rest, so that in all frames * to_rate / rate (rounded up) came out."""
        np = self._np
        total = -(-self._in * self._up // self._down)
        rest = self._compute(np.zeros((_TAPS // 2, self._held.shape[1])))
        surplus = self._out - total
        return rest[: len(rest) - surplus] if surplus > 0 else rest

    def _compute(self, block: Any) -> Any:
        np = self._np
        held = np.concatenate([self._held, block])
        last = (len(held) - _TAPS) * self._up + self._up - 1
        count = max(0, (last - self._next) // self._down + 1)
        ticks = self._next + np.arange(count) * self._down
        first, phase = ticks // self._up, ticks % self._up
        taken = held[first[:, None] + np.arange(_TAPS)[None, :]]
        out = np.einsum("nt,ntc->nc", self._table[phase], taken)
        after = self._next + count * self._down
        drop = min(after // self._up, len(held))
        self._held, self._next = held[drop:], after - drop * self._up
        self._out += count
        return out
