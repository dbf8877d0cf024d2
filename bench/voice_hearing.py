"""What arrives of an amplifier's output, judged in torch so that a network can learn from it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, freqz, sosfreqz, welch
from torch import Tensor

from bench.voice_estoi import _WINDOW, _third_octaves
from bench.voice_measures import _CENTRES, _IMPORTANCE
from bench.voice_model import RATE, Place, _peak, active_rms, rms

Doubles = NDArray[np.float64]

_FRAME, _HOP, _SEGMENT = 256, 128, 30
_BASE_DB = np.array([1.0, 5, 9, 13, 17])
_win = torch.tensor(_WINDOW, dtype=torch.float32)
_bands = torch.tensor(_third_octaves(), dtype=torch.float32)
_importance = torch.tensor(_IMPORTANCE, dtype=torch.float32)
_waves = np.cos(np.pi * np.arange(1, 7)[:, None] * (np.arange(15) + 0.5) / 15) / np.sqrt(7.5)
_cepstrum = torch.tensor(_waves, dtype=torch.float32)


class Hearing:
    """One sentence, `clean` (n,) at 16 kHz, at one place in one noise.

    Calling it with what is played, (n,), and SNRs in dB gives three figures to be raised: ESTOI as decibels of
    untouched speech; the SII; and the likeness of the cepstra of the envelopes' logarithms, in time.
    """

    def __init__(self, clean: Doubles, like: Doubles, kind: str, place: Place, rng: np.random.Generator) -> None:
        count = len(clean)
        self._size = -(-(count + RATE // 2) // 1600) * 1600
        self._count = count * 5 // 8
        hz = np.fft.rfftfreq(self._size, 1 / RATE)
        self._response = torch.tensor(_response(place, hz).astype(np.complex64))
        self._low = torch.tensor(np.clip((5000 - hz[: self._size * 5 // 16 + 1]) / 250, 0, 1), dtype=torch.float32)
        edges = np.minimum(np.append(_CENTRES, 2 * _CENTRES[-3]) * 2 ** (-1 / 6), 7999)
        places = np.searchsorted(hz, edges)
        self._octaves = torch.zeros(18, len(hz))
        for k in range(18):
            self._octaves[k, places[k] : places[k + 1]] = 1
        spectrum = torch.fft.rfft(torch.tensor(clean, dtype=torch.float32), self._size)
        untouched = torch.fft.irfft(spectrum * self._response, self._size)[:count]
        samples = _noise(kind, like, hz, count, rng) * active_rms(untouched.double().numpy())
        noise = torch.fft.rfft(torch.tensor(samples, dtype=torch.float32), self._size)
        self._noise, self._masker = self._slow(noise), self._octaves @ noise.abs() ** 2 + 1e-9
        slow = self._slow(spectrum)
        frames = slow.unfold(-1, _FRAME, _HOP)[: len(range(0, len(slow) - _FRAME, _HOP))] * _win
        energy = 20 * torch.log10(torch.linalg.norm(frames, dim=1) + 1e-12)
        self._spoken = energy > energy.max() - 40
        self._clean = _figures(self._segments(slow))
        with torch.no_grad():
            self._base = self._alike(self._slow(spectrum * self._response), _BASE_DB)[0].numpy()

    def __call__(self, played: Tensor, snrs: Doubles) -> tuple[Tensor, Tensor, Tensor]:
        spectrum = torch.fft.rfft(played, self._size) * self._response
        estoi, cepstra = self._alike(self._slow(spectrum), snrs)
        low, high = (np.interp(snrs + more, _BASE_DB, self._base) for more in (4, 12))
        slope = torch.tensor(np.clip((high - low) / 8, 0.006, 0.03), dtype=torch.float32)
        level = (10 * torch.log10((self._octaves @ spectrum.abs() ** 2 + 1e-9) / self._masker) + 15) / 30
        # the slopes outside tell the network in which direction audible speech lies
        level = torch.where(level < 0, 0.1 * level, torch.where(level > 1, 1 + 0.05 * (level - 1), level))
        return (estoi / slope).mean(), level @ _importance, cepstra.mean()

    def _slow(self, spectrum: Tensor) -> Tensor:
        """Samples at 10 kHz."""
        cut = spectrum[: len(self._low)] * self._low
        return torch.fft.irfft(cut, self._size * 5 // 8)[: self._count] * (5 / 8)

    def _alike(self, heard: Tensor, snrs: Doubles) -> tuple[Tensor, Tensor]:
        quieter = torch.tensor(10 ** (-snrs / 20), dtype=torch.float32)[:, None]
        estoi, cepstra = _figures(self._segments(heard + self._noise * quieter))
        return (
            (estoi * self._clean[0]).sum((-1, -2)).mean(-1) / _SEGMENT,
            (cepstra * self._clean[1]).sum(-1).mean((-1, -2)),
        )

    def _segments(self, samples: Tensor) -> Tensor:
        """As `bench.voice_estoi` cuts them."""
        frames = (samples.unfold(-1, _FRAME, _HOP)[..., : len(self._spoken), :] * _win)[..., self._spoken, :]
        nothing = torch.zeros(*frames.shape[:-2], 1, _HOP)
        joined = torch.cat([frames[..., :_HOP], nothing], -2) + torch.cat([nothing, frames[..., _HOP:]], -2)
        spectra = torch.fft.rfft(joined.flatten(-2).unfold(-1, _FRAME, _HOP) * _win, 512)
        envelopes = torch.sqrt((spectra.real**2 + spectra.imag**2) @ _bands + 1e-10)
        return envelopes.unfold(-2, _SEGMENT, 1)


def _figures(segments: Tensor) -> tuple[Tensor, Tensor]:
    level = torch.log(segments + 0.02 * segments.mean((-1, -2), keepdim=True))
    return _normal(_normal(segments, -1), -2), _normal(_cepstrum @ level, -1)


def _normal(values: Tensor, axis: int) -> Tensor:
    centred = values - values.mean(axis, keepdim=True)
    return centred / torch.sqrt((centred**2).sum(axis, keepdim=True) + 1e-12)


def _response(place: Place, hz: Doubles) -> NDArray[np.complex128]:
    """Horn and echoes of `Place.heard` at each frequency."""
    out = np.ones(len(hz), complex)
    for edge, side in zip(place.band, ("high", "low"), strict=True):
        out *= sosfreqz(butter(4, edge, side, fs=RATE, output="sos"), hz, fs=RATE)[1]
    for resonance in place.resonances:
        out *= freqz(*_peak(*resonance), worN=hz, fs=RATE)[1]
    return out * sum(gain * np.exp(-2j * np.pi * hz * int(delay * RATE) / RATE) for delay, gain in place.echoes)


def _noise(kind: str, like: Doubles, hz: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """Noise of RMS 1: `ssn`, `traffic`, or `any` spectrum that falls; the last two swell slowly."""
    swell = 0.0
    if kind == "ssn":
        amplitude = np.sqrt(np.interp(hz, *welch(like, RATE, nperseg=1024)))
    else:
        points: Sequence[float] = (0, 60, 100, 500, 1000, 2000, 4000, 8000)
        level, swell = np.array([-20, 0, 0, -6, -9, -15, -24, -36.0]), 0.5
        if kind == "any":
            points, level = (0, 100, 300, 600, 1200, 2400, 4800, 8000), np.cumsum(rng.uniform(-9, 3, 8))
            swell = rng.uniform(0, 0.6)
        amplitude = 10 ** (np.interp(hz, points, level) / 20)
    spectrum = (rng.standard_normal(len(hz)) + 1j * rng.standard_normal(len(hz))) * amplitude
    out = np.fft.irfft(spectrum)[:count]
    turn = 2 * np.pi * (rng.uniform(0.1, 0.5) * np.arange(count) / RATE + rng.uniform())
    out = out * (1 + swell * np.sin(turn))
    return np.asarray(out / rms(out))
