"""Keeps samples inside the amplifier's rails: a quick look-ahead gain, then a clip with a knee for what is left."""

import numpy as np
from numpy.typing import NDArray

from tts.enhance.tuning import Tuning

Floats = NDArray[np.float32]

RAIL = 10 ** (-1 / 20)  # -1 dBFS
_PIECE_S = 0.0005
_REACH = 5  # pieces looked ahead, 2.5 ms


class Rails:
    """Drives samples up to `RAIL`. Blocks of any length in, as many samples out, `latency` samples later.

    The gain is planned for pieces of half a millisecond: the lowest that any piece nearby needs, smoothed over 2.5 ms,
    and a straight line from piece to piece, so that it has arrived when the peak does.
    """

    def __init__(self, rate: int, tuning: Tuning) -> None:
        self._piece = max(round(rate * _PIECE_S), 2)
        self.latency = (_REACH + 1) * self._piece
        self._drive = np.float32(10 ** (tuning.drive / 20) / RAIL)
        self._top = np.float32(10 ** (tuning.over / 20))
        self._knee = tuning.knee
        window = np.hanning(_REACH + 2)[1:-1]
        self._smooth = (window / window.sum()).astype(np.float32)
        self._ramp = np.arange(1, self._piece + 1, dtype=np.float32) / np.float32(self._piece)
        self._pending: Floats = np.zeros(0, np.float32)
        self._waiting: Floats = np.zeros(_REACH * self._piece, np.float32)  # samples whose gain is not known yet
        self._wanted: Floats = np.ones(2 * _REACH, np.float32)
        self._ready: Floats = np.zeros(self._piece, np.float32)

    def process(self, block: Floats) -> Floats:
        """Return as many samples as came in, (n,)."""
        pending = np.concatenate([self._pending, block * self._drive])
        count = len(pending) // self._piece
        if count:
            whole, pending = pending[: count * self._piece], pending[count * self._piece :]
            self._ready = np.concatenate([self._ready, self._pieces(whole, count)])
        self._pending = pending
        out, self._ready = self._ready[: len(block)], self._ready[len(block) :]
        return out

    def _pieces(self, whole: Floats, count: int) -> Floats:
        peaks = np.abs(whole).reshape(count, self._piece).max(axis=1)
        needed = np.minimum(1, self._top / np.maximum(peaks, np.float32(1e-9)))
        wanted = np.concatenate([self._wanted, needed])
        self._wanted = wanted[-2 * _REACH :]
        # both ends of a piece's line lie at or under what the piece needs
        lowest = np.lib.stride_tricks.sliding_window_view(wanted, _REACH + 1).min(axis=1)
        gain = np.lib.stride_tricks.sliding_window_view(lowest, len(self._smooth)) @ self._smooth
        curve = gain[:-1, None] + (gain[1:] - gain[:-1])[:, None] * self._ramp
        samples = np.concatenate([self._waiting, whole])
        now, self._waiting = samples[: len(whole)], samples[len(whole) :]
        return self._clip(now * curve.reshape(-1))

    def _clip(self, driven: Floats) -> Floats:
        # Over 3 the knee's curve is 1 to four digits; powers of more would overflow.
        size = np.minimum(np.abs(driven), np.float32(3.0))
        bent = driven / (1 + size**self._knee) ** (1 / self._knee)
        return np.asarray(np.clip(bent, -1, 1) * np.float32(RAIL), np.float32)
