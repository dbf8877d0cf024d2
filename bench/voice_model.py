"""From an enhancer's output to what a listener hears: amplifier, horn, air, noise. Samples at 16 kHz.

Needs scipy, soxr, soundfile (`make bench-voice` installs them), espeak-ng, and ffmpeg for the two English voices.
"""

import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, firwin2, freqz, lfilter, resample_poly, sosfilt, welch

from bench.voice_estoi import RATE as ESTOI_RATE
from bench.voice_estoi import Estoi

Doubles = NDArray[np.float64]

RATE = 16_000
SNRS = (-5.0, 0.0, 5.0)
NOISES = ("ssn", "traffic")
GRID = np.arange(-20, 26, 1.0)  # dB, for reading a gain off the curve of untouched speech
_ACTIVE_RMS = 0.08
_PAUSE = np.zeros(RATE // 4)


@dataclass(frozen=True)
class Place:
    """A horn and the air behind it: resonances (Hz, dB, Q), echoes (seconds, gain), band in Hz."""

    resonances: tuple[tuple[float, float, float], ...] = ((850, 5, 4), (1900, 4, 5), (3400, -4, 4), (4500, 3, 5))
    echoes: tuple[tuple[float, float], ...] = ((0.0, 1.0), (0.085, 10 ** (-8 / 20)), (0.210, 10 ** (-11 / 20)))
    band: tuple[float, float] = (350.0, 6000.0)

    def heard(self, played: Doubles) -> Doubles:
        """What arrives of an amplifier's output, (n,)."""
        out = sosfilt(butter(4, self.band[0], "high", fs=RATE, output="sos"), played)
        out = sosfilt(butter(4, self.band[1], "low", fs=RATE, output="sos"), out)
        for resonance in self.resonances:
            out = lfilter(*_peak(*resonance), out)
        air = np.zeros(len(out) + RATE // 2)
        for delay_s, gain in self.echoes:
            start = int(delay_s * RATE)
            air[start : start + len(out)] += gain * out
        return air[: len(played)]

    def response_db(self, hz: Doubles) -> Doubles:
        """Ups and downs of the horn inside its band."""
        return sum((20 * np.log10(np.abs(freqz(*_peak(*r), worN=hz, fs=RATE)[1])) for r in self.resonances), 0 * hz)


@dataclass
class Sentence:
    """One spoken sentence at one place; `noises` are of the level of the untouched speech there."""

    clean: Doubles
    name: str
    like: Doubles  # speech whose spectrum the `ssn` noise takes
    seed: int
    place: Place = field(default_factory=Place)

    @cached_property
    def untouched(self) -> Doubles:
        return self.place.heard(self.clean)

    @cached_property
    def noises(self) -> dict[str, Doubles]:
        level = active_rms(self.untouched)
        return {kind: noise(kind, len(self.clean), self.like, self.seed) * level for kind in NOISES}

    @cached_property
    def _judge(self) -> Estoi:
        return Estoi(to_10k(self.clean))

    @cached_property
    def _slow_noises(self) -> dict[str, Doubles]:
        return {kind: to_10k(samples) for kind, samples in self.noises.items()}

    @cached_property
    def _curves(self) -> dict[str, Doubles]:
        heard = to_10k(self.untouched)
        return {kind: np.maximum.accumulate(self._at(heard, kind, GRID)) for kind in NOISES}

    def _at(self, heard: Doubles, kind: str, snrs: Doubles) -> Doubles:
        return np.array([self._judge(heard + self._slow_noises[kind] * 10 ** (-snr / 20)) for snr in snrs])

    def estoi(self, played: Doubles, kind: str | None, snrs: Doubles) -> Doubles:
        """ESTOI of an amplifier's output at each SNR; without noise if `kind` is None (one figure)."""
        heard = to_10k(self.place.heard(played))
        return np.array([self._judge(heard)]) if kind is None else self._at(heard, kind, snrs)

    def gains(self, played: Doubles, kind: str, snrs: Doubles) -> tuple[Doubles, Doubles]:
        """ESTOI at each SNR, and by how many dB untouched speech would have to be louder for the same."""
        values = self.estoi(played, kind, snrs)
        return values, np.interp(values, self._curves[kind], GRID) - snrs


def _peak(hz: float, gain_db: float, q: float) -> tuple[Doubles, Doubles]:
    """A peaking filter (R. Bristow-Johnson's cookbook): numerator, denominator."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / RATE
    s, c = np.sin(w) / (2 * q), np.cos(w)
    low = np.array([1 + s / a, -2 * c, 1 - s / a])
    return np.array([1 + s * a, -2 * c, 1 - s * a]) / low[0], low / low[0]


def noise(kind: str, count: int, like: Doubles, seed: int) -> Doubles:
    """Noise of RMS 1: `ssn` has the long-term spectrum of `like`, `traffic` a road's, swelling every four seconds."""
    rng = np.random.default_rng(seed)
    if kind == "ssn":
        hz, power = welch(like, RATE, nperseg=1024)
        taps, gain = 1025, np.sqrt(power / power.max())
    else:
        hz = np.array([0, 60, 100, 500, 1000, 2000, 4000, 8000.0])
        taps, gain = 2049, 10 ** (np.array([-20, 0, 0, -6, -9, -15, -24, -36]) / 20)
    pad = taps - 1
    out = fftconvolve(rng.standard_normal(count + 2 * pad), firwin2(taps, hz / (RATE / 2), gain), "same")
    out = out[pad : pad + count]
    if kind == "traffic":
        out = out * (1 + 0.5 * np.sin(2 * np.pi * 0.25 * np.arange(count) / RATE))
    return out / rms(out)


def amplified(samples: Doubles, clean: Doubles, limit: str) -> Doubles:
    """Same RMS as `clean` (`power`), or rails at its peak (`peak`)."""
    if limit == "power":
        return samples * rms(clean) / rms(samples)
    rail = np.abs(clean).max()
    return np.clip(samples * rail / np.quantile(np.abs(samples), 0.9999), -rail, rail)


def speak(text: str, voice: str = "vi", speed: int = 140) -> Doubles:
    """Speech with a quarter of a second of silence at both ends; a voice `flite:NAME` speaks English."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        if voice.startswith("flite:"):
            source = f"flite=text='{text}':voice={voice.removeprefix('flite:')}"
            command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, str(wav)]
        else:
            command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(wav), text]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(wav)
    samples = np.concatenate((_PAUSE, soxr.resample(samples, rate, RATE), _PAUSE))
    return samples * _ACTIVE_RMS / active_rms(samples)


def rms(samples: Doubles) -> float:
    return float(np.sqrt(np.mean(samples**2) + 1e-20))


def active_rms(samples: Doubles) -> float:
    """RMS of the 20 ms frames that are less than 35 dB softer than the loudest."""
    size = RATE // 50
    frames = np.array([rms(samples[k : k + size]) for k in range(0, len(samples) - size, size)])
    return float(np.sqrt(np.mean(frames[frames > frames.max() * 10 ** (-35 / 20)] ** 2)))


def to_10k(samples: Doubles) -> Doubles:
    """For ESTOI, by the filter that pystoi uses."""
    return np.asarray(resample_poly(samples, 5, 8, window=_window()))


def _window() -> Doubles:
    from pystoi.utils import _resample_window_oct

    window = _resample_window_oct(ESTOI_RATE // 2000, RATE // 2000)
    return np.asarray(window / window.sum())
