"""Matches what a microphone recorded with what was played. Needs numpy.

Both are flattened in time and frequency (a mild form of the phase transform: C. Knapp, G. Carter, "The generalized
correlation method for estimation of time delay", IEEE Trans. ASSP 24, 1976), so that pitch and syllables, which all
speech has in common, count little, and the fine structure, which only this sound has, counts much. The recording is
correlated in short pieces; the pieces are added along straight lines, for two crystals that differ. Chance gives
magnitudes after Rayleigh, of which the highest counts, in standard deviations. Voices say the same words in many
sentences, and a chime opens all of them: so the weaker 60 % of the pieces must bear the match as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.proof.model import Heard, Played, Take
from edge_agent.proof.samples import Floats, decibels, read, timeline

RATE = 8_000
BAND_HZ = (300.0, 3_800.0)
THRESHOLD = 8.5
"""Heard from here up; `docs/proof.md` has the figures that it was chosen by."""
EARLIEST_S, LATEST_S = -0.3, 2.3
DRIFT = 300e-6
"""Two crystals of +-100 ppm, and the player's own correction."""
SHORTEST_S = 0.8
DEAF_POWER = 1e-9
_PIECE_S = 0.25
_WEAKER = 0.6
_WEAKER_COUNTS = 1.5
_FRAME, _HOP = 512, 128
_FLATTEN = 0.8
_FLOOR_DB = -35.0

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class _Peak:
    """Lag in samples after which the reference fits, turn of phase, and drift (shift in samples of each piece)."""

    score: float
    lag: int
    phase: complex
    shifts: NDArray[np.int64]
    slope: float

    @property
    def delay_s(self) -> float:
        return LATEST_S - self.lag / RATE


def heard(takes: Sequence[Take], played: Sequence[Played]) -> Heard:
    """Whether any of the recordings holds what was played. Raises DriverFault `speaker.bad_audio`."""
    found = [_one(take, played) for take in takes]
    best = max(found, key=lambda each: each.score, default=Heard(False, 0.0, 0.0))
    compared = [each for each in found if each.seconds]
    return replace(
        best,
        seconds=round(sum(each.seconds for each in found), 2),
        takes=len(compared),
        takes_heard=sum(each.heard for each in compared),
    )


def match(recording: Floats, reference: Floats) -> Heard:
    """Compare samples at `RATE`. `reference` is what was played, from LATEST_S before the recording on."""
    if not len(recording) or float(np.mean(recording**2)) < DEAF_POWER:
        return Heard(False, 0.0, 0.0)  # a microphone that hears nothing at all proves nothing
    active = _active_s(reference[round(LATEST_S * RATE) : round(LATEST_S * RATE) + len(recording)])
    if active < SHORTEST_S or len(recording) < SHORTEST_S * RATE:
        return Heard(False, 0.0, 0.0)
    peak = _peak(recording, reference)
    if peak.score < THRESHOLD:
        return Heard(False, round(peak.score, 2), active)
    level, snr, gain = _levels(recording, reference, peak)
    return Heard(True, round(peak.score, 2), active, round(peak.delay_s, 4), level, snr, gain)


def _one(take: Take, played: Sequence[Played]) -> Heard:
    recording = read(take.path, RATE)
    seconds = len(recording) / RATE + LATEST_S - EARLIEST_S
    return match(recording, timeline(played, RATE, take.offset_s - LATEST_S, seconds))


def _active_s(samples: Floats) -> float:
    """Seconds that are not pauses: within 30 dB of the loudest 20 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = (frames**2).mean(axis=1) if len(frames) else np.zeros(1)
    if power.max() < 1e-9:
        return 0.0
    return round(float(np.count_nonzero(power > power.max() * 1e-3)) * 0.02, 2)


def _peak(recording: Floats, reference: Floats) -> _Peak:
    heard_flat, played_flat = flatten(recording), flatten(reference)
    lags, length = round((LATEST_S - EARLIEST_S) * RATE), round(_PIECE_S * RATE)
    starts = np.arange(0, len(recording) - length + 1, length)
    rows = np.array(
        [_correlate(heard_flat[at : at + length], played_flat[at : at + length + lags], lags) for at in starts]
    )
    peak = _strongest(rows, starts)
    borne = _borne(rows, peak, _energy(played_flat, starts + peak.lag, length), played_flat, heard_flat)
    return replace(peak, score=min(peak.score, _WEAKER_COUNTS * borne))


def _correlate(piece: Floats, stretch: Floats, lags: int) -> Complex:
    """Analytic correlation of a piece with each place of the stretch, shape (lags,)."""
    size = 1 << (len(stretch) + len(piece)).bit_length()
    cross = np.conj(np.fft.fft(piece, size)) * np.fft.fft(stretch, size)
    cross[size // 2 :] = 0
    return np.asarray(np.fft.ifft(cross)[:lags])


def _strongest(rows: Complex, starts: NDArray[np.int64]) -> _Peak:
    """The highest sum of all rows along a line of drift."""
    middle = (starts - starts.mean()) / RATE
    farthest = max(abs(middle).max(), 1e-9)
    steps = max(1, int(np.ceil(DRIFT * farthest * RATE)))
    best = _Peak(0.0, 0, 1, np.zeros(len(rows), np.int64), 0.0)
    for step in range(-steps, steps + 1):
        shifts = np.rint(middle * step / farthest).astype(np.int64)
        total = np.zeros(rows.shape[1], complex)
        for shift in np.unique(shifts):
            total += np.roll(rows[shifts == shift].sum(axis=0), -shift)
        size = np.abs(total)
        lag = int(size.argmax())
        score = float(size[lag]) / _sigma(size)
        if score > best.score:
            best = _Peak(score, lag, total[lag] / max(size[lag], 1e-12), shifts, step / (farthest * RATE))
    return best


def _sigma(size: Floats) -> float:
    """Standard deviation of each part of complex noise, by the median of Rayleigh's distribution: sqrt(2 ln 2)."""
    return float(np.median(size)) / 1.1774 + 1e-12


def _borne(rows: Complex, peak: _Peak, energy: Floats, played_flat: Floats, heard_flat: Floats) -> float:
    """How much of the match its weaker pieces bear, in standard deviations."""
    length = round(_PIECE_S * RATE)
    count = len(rows)
    lags = np.clip(peak.lag + peak.shifts, 0, rows.shape[1] - 1)
    fits = (rows[np.arange(count), lags] * np.conj(peak.phase)).real
    # The floor: a piece that was correlated with pauses only has no scatter of its own to be measured by.
    usual = np.sqrt((heard_flat[: count * length].reshape(count, length) ** 2).sum(axis=1) * (played_flat**2).mean())
    sigmas = np.maximum([_sigma(np.abs(row)) for row in rows], 0.3 * usual) + 1e-12
    spoken = energy > 0.1 * max(float(np.median(energy)), 1e-12)
    figures = np.sort((fits / sigmas)[spoken])
    weaker = figures[: max(1, int(len(figures) * _WEAKER))]
    return float(weaker.sum() / np.sqrt(len(weaker))) if len(figures) else 0.0


def _energy(samples: Floats, starts: NDArray[np.int64], length: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    first, last = (np.clip(each, 0, len(samples)) for each in (starts, starts + length))
    return np.asarray(sums[last] - sums[first])


def flatten(samples: Floats) -> Floats:
    """Make every part of the band nearly as strong as every other, at every moment; silence stays silent."""
    window = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME)
    padded = np.concatenate([np.zeros(_FRAME), samples, np.zeros(_FRAME + _HOP)])
    count = (len(padded) - _FRAME) // _HOP + 1
    index = np.arange(_FRAME)[None, :] + _HOP * np.arange(count)[:, None]
    spectra = np.fft.rfft(padded[index] * window, axis=1)
    hz = np.fft.rfftfreq(_FRAME, 1 / RATE)
    spectra[:, (hz < BAND_HZ[0]) | (hz > BAND_HZ[1])] = 0
    size = np.abs(spectra)
    longterm = np.sqrt((size**2).mean(axis=0, keepdims=True)) + 1e-9
    level = np.sqrt((size**2).mean()) + 1e-9
    spectra /= longterm
    size /= longterm
    smooth = np.sqrt(_smooth(size**2)) + 10 ** (_FLOOR_DB / 20) * (level > 0)
    spectra /= smooth**_FLATTEN
    frames = np.fft.irfft(spectra, _FRAME, axis=1) * window
    out = np.zeros(len(padded))
    for number in range(count):
        out[number * _HOP : number * _HOP + _FRAME] += frames[number]
    return out[_FRAME : _FRAME + len(samples)]


def _smooth(power: Floats) -> Floats:
    """Mean over three neighbouring bins."""
    wide = np.pad(power, ((0, 0), (1, 1)), mode="edge")
    return np.asarray((wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]) / 3)


def _levels(recording: Floats, reference: Floats, peak: _Peak) -> tuple[float, float, float]:
    """Level of the played sound in the recording (dBFS), against the rest (dB), and against the file (dB).

    By the coherence of both, frame by frame at its own delay; the bias of an average over n frames, 1/n, is taken off.
    """
    size = 2048
    window = np.hanning(size)
    hz = np.fft.rfftfreq(size, 1 / RATE)
    band = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    middle = len(recording) / 2 / RATE
    starts = np.arange(0, max(1, len(recording) - size), size // 2)
    y, x = [], []
    for at in starts:
        place = at + (LATEST_S - peak.delay_s + (at / RATE - middle) * peak.slope) * RATE
        whole = int(np.floor(place))
        piece = reference[max(0, whole) : max(0, whole) + size]
        if len(piece) < size or at + size > len(recording):
            continue
        x.append(np.fft.rfft(piece * window) * np.exp(2j * np.pi * hz * (place - whole) / RATE))
        y.append(np.fft.rfft(recording[at : at + size] * window))
    if len(x) < 3:
        return -150.0, -150.0, -150.0
    heard_x, heard_y = np.array(x)[:, band], np.array(y)[:, band]
    xx, yy = (np.abs(heard_x) ** 2).mean(axis=0), (np.abs(heard_y) ** 2).mean(axis=0)
    xy = (np.conj(heard_x) * heard_y).mean(axis=0)
    coherence = np.abs(xy) ** 2 / (xx * yy + 1e-30)
    # Half-overlapping frames count as some 0.7 of independent ones.
    bias = 1 / (0.7 * len(x))
    coherence = np.clip((coherence - bias) / (1 - bias), 0, 1)
    signal, whole_power, source = float((coherence * yy).sum()), float(yy.sum()), float(xx.sum())
    scale = 2 / (size * float((window**2).sum()))
    level = decibels(signal * scale)
    snr = decibels(signal) - decibels(max(whole_power - signal, 1e-12))
    return round(level, 1), round(snr, 1), round(level - decibels(source * scale), 1)
