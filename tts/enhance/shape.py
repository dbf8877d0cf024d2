"""Applies the gains of the law to samples: overlapped frames, a gain for each band and frame, put together again."""

import numpy as np
from numpy.typing import NDArray

from tts.enhance.horn import Horn
from tts.enhance.law import CENTRES, GainLaw
from tts.enhance.tuning import Tuning

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_HOP_S = 0.004
_OVERLAP = 4  # frames over each sample


class Shaper:
    """Blocks of any length in, as many samples out, `latency` samples later.

    A frame is computed the same way however the stream was cut into blocks.
    """

    def __init__(self, rate: int, tuning: Tuning, horn: Horn) -> None:
        self._hop = round(rate * _HOP_S)
        self._size = self._hop * _OVERLAP
        self.latency = self._size + tuning.ahead * self._hop
        # the square root of Hann's window twice, over frames that overlap four times, adds up to 2
        self._window = np.sqrt(np.hanning(self._size + 1)[:-1] / (_OVERLAP / 2)).astype(np.float32)
        hz = np.arange(self._size // 2 + 1) * rate / self._size
        self._spread = _spread(hz)
        self._pass = _inside(hz, horn, tuning)
        # Only what the horn passes counts. A full-scale sine has 0 dB in its band.
        self._collect = ((self._spread * self._pass) ** 2 / (self._size * self._size / 4)).T
        self._law = GainLaw(self._hop / rate, tuning, _levelled(horn, tuning.horn))
        self._pending: Floats = np.zeros(self._size - self._hop, np.float32)
        self._tail: Floats = np.zeros(self._size - self._hop, np.float32)
        self._spectra: NDArray[np.complex64] = np.zeros((tuning.ahead, len(hz)), np.complex64)
        self._ready: Floats = np.zeros(self._hop, np.float32)

    def process(self, block: Floats) -> Floats:
        """Return as many samples as came in, (n,)."""
        pending = np.concatenate([self._pending, block])
        count = (len(pending) - self._size) // self._hop + 1
        if count > 0:
            frames = np.lib.stride_tricks.sliding_window_view(pending, self._size)[:: self._hop][:count]
            self._ready = np.concatenate([self._ready, self._frames(frames)])
            pending = pending[count * self._hop :]
        self._pending = pending
        out, self._ready = self._ready[: len(block)], self._ready[len(block) :]
        return out

    def _frames(self, frames: Floats) -> Floats:
        spectra = np.fft.rfft(frames * self._window, axis=1).astype(np.complex64, copy=False)
        energies = (spectra.real**2 + spectra.imag**2) @ self._collect
        gains = 10 ** (self._law.gains(energies.astype(np.float64)) / 20)
        queue = np.concatenate([self._spectra, spectra])
        now, self._spectra = queue[: len(frames)], queue[len(frames) :]
        shaped = now * ((gains.astype(np.float32) @ self._spread) * self._pass)
        return self._add(np.fft.irfft(shaped, self._size, axis=1).astype(np.float32, copy=False) * self._window)

    def _add(self, frames: Floats) -> Floats:
        """Overlap the frames, (frames, size), and add them up."""
        count, hop = len(frames), self._hop
        out: Floats = np.zeros((count + _OVERLAP - 1) * hop, np.float32)
        for k in range(_OVERLAP):
            out[k * hop : (k + count) * hop] += frames[:, k * hop : (k + 1) * hop].reshape(-1)
        out[: len(self._tail)] += self._tail
        self._tail = out[count * hop :]
        return out[: count * hop]


def _spread(hz: Doubles) -> Floats:
    """(bands, bins): triangles over log frequency that add up to 1 in each bin."""
    place = np.clip(np.log2(np.maximum(hz, 1.0) / CENTRES[0]) * 3, 0, len(CENTRES) - 1)
    distance = np.abs(place[None, :] - np.arange(len(CENTRES))[:, None])
    return np.asarray(np.maximum(0, 1 - distance), np.float32)


def _inside(hz: Doubles, horn: Horn, tuning: Tuning) -> Floats:
    """What a horn cannot say, or is hurt by, gets nothing: a gain for each bin."""
    low = max(horn.band[0] * tuning.low, 1.0)
    rise = np.clip((hz / low - 0.7) / 0.3, 0, 1)
    fall = np.clip((1.6 - hz / horn.band[1]) / 0.4, 0, 1)
    return np.asarray(rise * fall, np.float32)


def _levelled(horn: Horn, part: float) -> Doubles:
    """Gain of each band that takes away a part of the horn's ups and downs, gently: at most 9 dB."""
    if not horn.response:
        return np.zeros(len(CENTRES))
    hz, db = np.array(horn.response).T
    response = np.interp(np.log2(CENTRES), np.log2(hz), db)
    inside = (horn.band[0] <= CENTRES) & (horn.band[1] >= CENTRES)
    return np.asarray(np.clip(-part * (response - response[inside].mean()), -9, 9))
