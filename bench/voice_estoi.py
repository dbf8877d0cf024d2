"""ESTOI in numpy, many degraded versions of one clean signal at little cost. Samples at 10 kHz in.

Jensen and Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers",
IEEE/ACM Trans. Audio Speech Lang. Process. 24, 2016. `bench.voice` checks it against pystoi's.
"""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

RATE = 10_000
_FRAME, _HOP, _FFT = 256, 128, 512
_SEGMENT = 30  # frames, 384 ms
_DYNAMIC_DB = 40.0
_WINDOW = np.hanning(_FRAME + 2)[1:-1]


class Estoi:
    """`Estoi(clean)(degraded)`: 0 to about 1, both (n,) at 10 kHz and aligned."""

    def __init__(self, clean: Doubles) -> None:
        frames = _frames(clean)
        energy = 20 * np.log10(np.linalg.norm(frames, axis=1) + np.finfo(float).eps)
        self._spoken = energy > energy.max() - _DYNAMIC_DB
        self._bands = _third_octaves()
        self._clean = self._segments(frames)

    def __call__(self, degraded: Doubles) -> float:
        segments = self._segments(_frames(degraded))
        return float(np.sum(segments * self._clean) / _SEGMENT / len(segments))

    def _segments(self, frames: Doubles) -> Doubles:
        """(segments, bands, frames), without silence, each row and then each column of mean 0 and norm 1."""
        spectra = np.fft.rfft(_frames(_joined(frames[self._spoken])), _FFT, axis=1)
        envelopes = np.sqrt((spectra.real**2 + spectra.imag**2) @ self._bands)
        segments = np.lib.stride_tricks.sliding_window_view(envelopes, _SEGMENT, axis=0)
        return _normal(_normal(segments, -1), 1)


def _normal(values: Doubles, axis: int) -> Doubles:
    centred = values - values.mean(axis, keepdims=True)
    return centred / (np.sqrt((centred**2).sum(axis, keepdims=True)) + 1e-30)


def _frames(samples: Doubles) -> Doubles:
    count = len(range(0, len(samples) - _FRAME, _HOP))
    return np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP][:count] * _WINDOW


def _joined(frames: Doubles) -> Doubles:
    out = np.zeros((len(frames) + 1) * _HOP)
    out[:-_HOP] += frames[:, :_HOP].ravel()
    out[_HOP:] += frames[:, _HOP:].ravel()
    return out


def _third_octaves() -> Doubles:
    """(bins, 15): third octaves from 150 Hz, edges at the nearest bins."""
    hz = np.linspace(0, RATE, _FFT + 1)[: _FFT // 2 + 1]
    bands = np.zeros((len(hz), 15))
    for k in range(15):
        low, high = (int(np.argmin(np.abs(hz - 150 * 2 ** ((2 * k + side) / 6)))) for side in (-1, 1))
        bands[low:high, k] = 1
    return bands
