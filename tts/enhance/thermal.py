"""Keeps a driver cool: a model of its temperature turns the level down before the limit is reached."""

from math import exp

import numpy as np
from numpy.typing import NDArray

from tts.enhance.horn import Horn

Floats = NDArray[np.float32]

_UNIT_S = 0.01
_MEAN_S = 1.0  # the level is turned by what was spent in about a second, not by syllables
_MOST_EXTRA = 10.0  # a cold driver may take so many times more than its rated power, on top of it
_TURN_S = 0.5


class Guard:
    """Follows the driver's temperature through the samples it lets pass, and turns them down smoothly.

    The temperature rise (1 = what rated power ends in) is the sum of two first-order lags of the power, see `Thermal`.
    The power allowed falls in a straight line from many times the rated power when cold to `limit` times at the limit,
    where it could go on for ever. Nothing is delayed; equal samples give equal results, however they were cut.
    """

    def __init__(self, rate: int, horn: Horn) -> None:
        """Without a rated power nothing is done."""
        self.rise = 0.0
        self._active = horn.rated_w is not None
        rated = horn.rated_w or 1.0
        # mean of a full-scale sine's squares is 1/2
        self._relative = 2.0 * (horn.amplifier_w or rated) / rated
        self._limit = horn.thermal.limit
        self._share = (horn.thermal.coil_share, 1 - horn.thermal.coil_share)
        self._unit = round(rate * _UNIT_S)
        step = self._unit / rate
        self._lag = (1 - exp(-step / horn.thermal.coil_s), 1 - exp(-step / horn.thermal.body_s))
        self._mean_lag, self._turn_lag = 1 - exp(-step / _MEAN_S), 1 - exp(-step / _TURN_S)
        self._parts = [0.0, 0.0]
        self._asked = 0.0
        self._gain = self._next = 1.0
        self._done: Floats = np.zeros(0, np.float32)  # what the unit under way holds, before the gain

    def process(self, block: Floats) -> Floats:
        """Return `block`, (n,), turned down where it must be."""
        if not self._active:
            return block
        out = []
        while len(block):
            start = len(self._done)
            piece, block = block[: self._unit - start], block[self._unit - start :]
            if self._gain == 1.0 and self._next == 1.0:
                out.append(piece)
            else:
                place = (np.arange(start + 1, start + len(piece) + 1) / self._unit).astype(np.float32)
                out.append(piece * (np.float32(self._gain) + np.float32(self._next - self._gain) * place))
            self._done = np.concatenate((self._done, piece))
            if len(self._done) == self._unit:
                self._follow(float(np.mean(self._done.astype(np.float64) ** 2)) * self._relative)
                self._done = self._done[:0]
        return np.concatenate(out) if out else block

    def _follow(self, asked: float) -> None:
        """Account for one unit whose power was `asked` (against the rated one) before the gain; plan the next gain."""
        self._asked += self._mean_lag * (asked - self._asked)
        spent = asked * (self._gain**2 + self._gain * self._next + self._next**2) / 3
        for k, lag in enumerate(self._lag):
            self._parts[k] += lag * (spent - self._parts[k])
        self.rise = sum(share * part for share, part in zip(self._share, self._parts, strict=True))
        allowed = self._limit + _MOST_EXTRA * max(0.0, self._limit - self.rise)
        if self.rise > self._limit:
            allowed *= self._limit / self.rise
        wanted = min(1.0, (allowed / max(self._asked, 1e-9)) ** 0.5)
        self._gain = self._next
        self._next += self._turn_lag * (wanted - self._next)
        if self._next > 1 - 1e-6:
            self._next = 1.0
