"""Measures a few seconds of an idle loudspeaker's surroundings. Needs numpy; what they mean `watch` decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_agent.proof.model import ProofError, Sounds
from edge_agent.proof.samples import Floats, decibels, read

RATE = 16_000
HORN_HZ = (355.0, 3_550.0)  # the third octaves from 400 to 3150
LOW_HZ = (56.0, 224.0)  # from 63 to 200
SHORTEST_S = 1.0
_MAINS_HZ = 50.0
_HARMONICS = range(1, 17)
_CLICK_DB = 14.0


def sounds(recording: Path) -> Sounds:
    """Measure a recording. Raises ProofError `proof.failed` for less than a second, DriverFault for no WAV file."""
    return measure(read(recording, RATE))


def measure(samples: Floats) -> Sounds:
    """Measure samples at 16 kHz."""
    if len(samples) < SHORTEST_S * RATE:
        raise ProofError("proof.failed", f"{len(samples) / RATE:.2f} s are too short to be measured", retry=True)
    samples = samples - samples.mean()
    hz, power = _spectrum(samples)
    lines, over = _lines(hz, power)
    return Sounds(
        level_dbfs=round(decibels(float(np.mean(samples**2))), 1),
        ambient_dbfs=_quiet(samples, 0.25),
        pause_dbfs=_quiet(samples, 0.05),
        horn_dbfs=_within(hz, power, HORN_HZ),
        low_dbfs=_within(hz, power, LOW_HZ),
        lines=lines,
        line_over=over,
        clicks=_clicks(samples),
        voice=_voice(samples),
    )


def _spectrum(samples: Floats) -> tuple[Floats, Floats]:
    """Power (sum: mean square) at each frequency of a window over the whole recording."""
    window = np.hanning(len(samples))
    power = np.abs(np.fft.rfft(samples * window)) ** 2 * (2 / (len(samples) * float((window**2).sum())))
    return np.asarray(np.fft.rfftfreq(len(samples), 1 / RATE), float), np.asarray(power)


def _a_weight(hz: Floats) -> Floats:
    """A-weighting as power, IEC 61672-1 annex E."""
    square = hz**2
    weight = 12194**2 * square**2
    weight /= (square + 20.6**2) * (square + 12194**2) * np.sqrt((square + 107.7**2) * (square + 737.9**2)) + 1e-9
    return np.asarray((weight * 10 ** (2.0 / 20)) ** 2)


def _frames(samples: Floats, size: int, hop: int) -> Floats:
    index = np.arange(size)[None, :] + hop * np.arange(max(1, (len(samples) - size) // hop + 1))[:, None]
    window = np.hanning(size)
    spectra = np.abs(np.fft.rfft(samples[index] * window, axis=1)) ** 2
    return np.asarray(spectra * (2 / (size * float((window**2).sum()))))


def _quiet(samples: Floats, share: float) -> float:
    """A-weighted level of 256 ms that is not reached in that share of them: what stays, without what passes."""
    size = 4096
    weight = _a_weight(np.asarray(np.fft.rfftfreq(size, 1 / RATE), float))
    return round(decibels(float(np.quantile(_frames(samples, size, size // 2) @ weight, share))), 1)


def _within(hz: Floats, power: Floats, band: tuple[float, float]) -> float:
    return round(decibels(float(power[(hz >= band[0]) & (hz < band[1])].sum())), 1)


def _lines(hz: Floats, power: Floats) -> tuple[dict[int, float], dict[int, float]]:
    """Level of each harmonic of the mains, and how far each stands out of its surroundings (median), both dB."""
    levels, over = {}, {}
    for number in _HARMONICS:
        centre = number * _MAINS_HZ
        near = np.abs(hz - centre) <= 0.003 * centre + 1.5 * hz[1]  # grids stay within +-0.2 Hz nearly always
        around = (np.abs(hz - centre) <= 20) & (np.abs(hz - centre) > 0.003 * centre + 4 * hz[1])
        line = float(power[near].sum())
        floor = float(np.median(power[around])) * np.count_nonzero(near) / 0.69  # the median of an exponential one
        key = round(centre)
        levels[key], over[key] = round(decibels(line), 1), round(decibels(line) - decibels(floor), 1)
    return levels, over


def _clicks(samples: Floats) -> float:
    """Clicks per second: in the horn's upper band, for less than 8 ms, far above what is around them."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < 1000) | (hz > 5000)] = 0
    high = np.fft.irfft(spectrum, len(samples))
    step = RATE // 1000
    energy = (high[: len(high) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    around = _running_median(energy, 50)
    loud = energy > around * 10 ** (_CLICK_DB / 10) + 1e-11
    starts = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
    short = [at for at in starts if np.count_nonzero(loud[at : at + 16]) <= 8]
    return round(len(short) / (len(samples) / RATE), 2)


def _running_median(values: Floats, reach: int) -> Floats:
    index = np.clip(np.arange(len(values))[:, None] + np.arange(-reach, reach + 1, 5)[None, :], 0, len(values) - 1)
    return np.asarray(np.median(values[index], axis=1))


def _voice(samples: Floats) -> float:
    """How much like speech or music, 0..1: harmonic, and changing at the rate of syllables or notes.

    The product of the share of frames with a clear pitch (autocorrelation at 80-500 Hz) and of the modulation between
    2 and 8 Hz of the level in 300-4000 Hz.
    """
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < 250) | (hz > 4000)] = 0
    band = np.fft.irfft(spectrum, len(samples))
    pitched = _pitched(band)
    hop = RATE // 100
    level = np.sqrt((band[: len(band) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1))
    level = level / (level.mean() + 1e-12) - 1
    changes = np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2
    rates = np.fft.rfftfreq(len(level), 0.01)
    slow = float(changes[(rates >= 1.5) & (rates <= 10)].sum())
    depth = np.sqrt(slow * 2 / (len(level) * float((np.hanning(len(level)) ** 2).sum())))
    return round(float(min(1.0, pitched / 0.5) * min(1.0, depth / 0.35)), 2)


def _pitched(band: Floats) -> float:
    """Share of 40 ms frames, of those that are not pauses, with a pitch."""
    size = 640
    index = np.arange(size)[None, :] + 320 * np.arange((len(band) - size) // 320 + 1)[:, None]
    frames = band[index] * np.hanning(size)
    power = (frames**2).sum(axis=1)
    frames = frames[power > 0.05 * power.max()] if power.max() > 0 else frames[:0]
    if not len(frames):
        return 0.0
    spectra = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
    auto = np.fft.irfft(spectra, axis=1)
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)
    lags = slice(RATE // 500, RATE // 80 + 1)
    likeness = (auto[:, lags] / (auto[:, :1] + 1e-12)) / (window[lags] / window[0])
    return float(np.mean(likeness.max(axis=1) > 0.55))
