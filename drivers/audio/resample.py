"""Changes sample rates, and places samples between samples. Only for the playing process: it needs numpy.

Both with a windowed sinc of 32 taps and a Kaiser window with beta 8 (Kaiser 1974: about 80 dB of attenuation), which
passes 0.87 of the band: beyond what a horn loudspeaker sends out.
"""

import functools
from math import gcd
from typing import Any

TAPS = 32
BEFORE = TAPS // 2 - 1  # taps that lie before the wanted place
_BETA = 8.0
_PLACES = 512


class Resampler:
    """Float samples of `rate` in, of `to_rate` out. `feed` all blocks in order, then `flush` once."""

    def __init__(self, rate: int, to_rate: int) -> None:
        import numpy as np

        self._np = np
        common = gcd(rate, to_rate)
        self.up, self.down = to_rate // common, rate // common
        table = _table(self.up, min(1.0, to_rate / rate) * 0.93)
        self._table = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
        self._reach = np.arange(TAPS)
        self._held = np.zeros(BEFORE, dtype=np.float32)
        self._next = 0  # of the next output sample: position in the held input, in 1/up of an input sample
        self._in = 0
        self._out = 0

    def feed(self, block: Any) -> Any:
        """Return the samples that can be computed after this block."""
        self._in += len(block)
        return self._compute(block)

    def flush(self) -> Any:
        """Return the rest, so that in all samples * to_rate / rate (rounded up) came out."""
        total = -(-self._in * self.up // self.down)
        rest = self._compute(self._np.zeros(TAPS // 2, dtype=self._np.float32))
        surplus = self._out - total
        return rest[: len(rest) - surplus] if surplus > 0 else rest

    def _compute(self, block: Any) -> Any:
        np = self._np
        held = np.concatenate([self._held, block])
        last = (len(held) - TAPS) * self.up + self.up - 1
        count = max(0, (last - self._next) // self.down + 1)
        ticks = self._next + np.arange(count) * self.down
        first, phase = ticks // self.up, ticks % self.up
        out = np.einsum("nt,nt->n", self._table[phase], held[first[:, None] + self._reach])
        after = self._next + count * self.down
        drop = min(after // self.up, len(held))
        self._held, self._next = held[drop:], after - drop * self.up
        self._out += count
        return out


class Placer:
    """Samples at places between samples, `frames` at a time, the places at a pace near one.

    Over one block the place within a sample hardly changes (40 ppm of 10 ms: 0.02 samples), so the block is filtered
    for the place at its beginning and for that at its end, and one is blended into the other. What is wrong by that
    is below -80 dB at 4 kHz (half the square of an eighth of the change times the angular frequency).
    """

    def __init__(self, frames: int) -> None:
        import numpy as np

        self._np = np
        self._frames = frames
        self._table = _places()
        self._taps = np.empty(TAPS, dtype=np.float32)
        self._more = np.empty(TAPS, dtype=np.float32)
        self._blend = (np.arange(frames, dtype=np.float32) / frames).astype(np.float32)
        self.room = frames + TAPS + 2  # samples that `place` needs: from BEFORE + 1 before the first place on

    def place(self, samples: Any, part: float, pace: float, out: Any) -> None:
        """Put into `out` the samples at `part` (0..1) behind `samples[BEFORE + 1]`, and on from there at `pace`."""
        np, frames = self._np, self._frames
        if part == 0.0 and pace == 1.0:
            out[:] = samples[BEFORE + 1 : BEFORE + 1 + frames]
            return
        end = part + frames * (pace - 1.0)
        whole = -1 if end < 0.0 else int(end)  # the end's place may lie behind the neighbouring sample
        first = self._filtered(samples, 1, part)
        last = self._filtered(samples, 1 + whole, end - whole)
        np.subtract(last, first, out=last)
        np.multiply(last, self._blend, out=last)
        np.add(first, last, out=out)

    def _filtered(self, samples: Any, start: int, part: float) -> Any:
        np = self._np
        place = part * _PLACES
        row = min(int(place), _PLACES - 1)
        rest = place - row
        np.multiply(self._table[row], 1.0 - rest, out=self._taps)
        np.multiply(self._table[row + 1], rest, out=self._more)
        np.add(self._taps, self._more, out=self._taps)
        return np.convolve(samples[start : start + self._frames + TAPS - 1], self._taps, "valid")


@functools.cache
def _places() -> Any:
    """The filters between two samples, turned round for a convolution. Made once: it takes a while on a Pi."""
    import numpy as np

    return _table(_PLACES, 1.0, rows=_PLACES + 1)[:, ::-1].astype(np.float32).copy()


def _table(phases: int, cutoff: float, rows: int | None = None) -> Any:
    """Return one filter of TAPS taps for each of so many places between two samples."""
    import numpy as np

    part = np.arange(rows or phases)[:, None] / phases
    distance = np.arange(TAPS)[None, :] - BEFORE - part
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (distance / (TAPS / 2)) ** 2, 0, 1))) / np.i0(_BETA)
    return cutoff * np.sinc(cutoff * distance) * window
