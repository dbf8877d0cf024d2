"""Signals and music beds made from nothing but sines: chimes, sirens, pads. 48 kHz mono, float32.

A horn passes about 350 Hz to 6 kHz, so the fundamentals of signals lie between 440 and 1600 Hz.
"""

from typing import TYPE_CHECKING

import numpy as np

from tts.audio import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

CHIMES_VERSION = 1  # part of cache keys: raise it when a sound changes

# Notes as (start in seconds, semitones over A4 = 440 Hz), and the seconds that the last one rings.
_BELLS: dict[str, tuple[tuple[tuple[float, int], ...], float]] = {
    "two-tone": (((0.0, 7), (0.55, 3)), 1.6),
    "three-tone": (((0.0, 3), (0.45, 7), (0.9, 10)), 1.6),
    # Pentatonic, rising and falling: G A C D E, the steps of many Vietnamese folk songs.
    "morning": (((0.0, 10), (0.35, 12), (0.7, 15), (1.05, 17), (1.4, 19), (1.95, 15), (2.5, 17), (3.05, 22)), 1.9),
    "closing": (((0.0, 19), (0.45, 15), (0.9, 12), (1.35, 10)), 2.0),
}
# Partials of a struck bar, softened: ratio, amplitude, and how much sooner than the fundamental it dies away.
_PARTIALS = ((1.0, 1.0, 1.0), (2.0, 0.45, 1.6), (3.0, 0.22, 2.4), (4.07, 0.08, 4.0))
_RING_S = 0.9
_RISE = RATE // 200

_CHORD_S = 8.0
_PADS: dict[str, tuple[tuple[int, ...], ...]] = {
    # Semitones over A3 = 220 Hz; the last chord leads back to the first.
    "calm": ((-5, 2, 7, 10), (-7, 0, 5, 9), (-2, 3, 7, 10), (-5, 0, 5, 9)),
    "bright": ((3, 7, 10, 15), (0, 5, 8, 12), (-2, 3, 8, 12), (-2, 5, 10, 14)),
}


def chime(name: str) -> "Samples":
    """Return a signal: a name of the chimes, `alert` (two tones in turn) or `siren` (a rising and falling tone)."""
    if name == "siren":
        return _siren()
    if name == "alert":
        return _alert()
    notes, ring_s = _BELLS[name]
    sound = np.zeros(round((notes[-1][0] + ring_s) * RATE))
    for start_s, semitones in notes:
        start = round(start_s * RATE)
        sound[start:] += _bell(440 * 2 ** (semitones / 12), len(sound) - start)
    return _faded(sound, 0.25)


def pad(name: str) -> "Samples":
    """Return one round of a quiet music bed, 32 s, to be repeated."""
    chords = _PADS[name]
    round_length = round(_CHORD_S * RATE) * len(chords)
    sound = np.zeros(round_length)
    time = np.arange(round(2 * _CHORD_S * RATE)) / RATE
    swell = np.sin(np.pi * time / (2 * _CHORD_S)) ** 2  # two neighbours add up to one
    for number, chord in enumerate(chords):
        voices = sum(_string(220 * 2 ** (semitones / 12), time, place) for place, semitones in enumerate(chord))
        start = round(number * _CHORD_S * RATE)
        part = np.asarray(swell * voices)
        first = round_length - start
        sound[start : start + len(part)] += part[:first]
        sound[: len(part) - first] += part[first:] if len(part) > first else 0.0
    return np.asarray(sound / np.abs(sound).max() / 2, np.float32)


def _bell(hertz: float, count: int) -> "NDArray[np.float64]":
    time = np.arange(count) / RATE
    sound = sum(
        size * np.exp(-time * sooner * 3 / _RING_S) * np.sin(2 * np.pi * hertz * ratio * time)
        for ratio, size, sooner in _PARTIALS
    )
    return np.asarray(sound * np.minimum(time / 0.004, 1.0))  # struck, but no click


def _string(hertz: float, time: "NDArray[np.float64]", place: int) -> "NDArray[np.float64]":
    """A soft sustained tone: three partials, twice and a little apart, so that it lives."""
    sound = sum(
        size * np.sin(2 * np.pi * hertz * ratio * (1 + apart) * time + place + 2 * ratio)
        for ratio, size in ((1, 1.0), (2, 0.35), (3, 0.12))
        for apart in (-0.0011, 0.0009)
    )
    return np.asarray(sound)


def _siren() -> "Samples":
    time = np.arange(RATE * 9) / RATE
    hertz = 500 * 2 ** (1.3 * (0.5 - 0.5 * np.cos(2 * np.pi * time / 3)))
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return _faded(np.sin(phase) + 0.3 * np.sin(3 * phase), 0.05)


def _alert() -> "Samples":
    time = np.arange(RATE * 4) / RATE
    high = (time % 1.0) < 0.5
    phase = 2 * np.pi * np.cumsum(np.where(high, 1000.0, 800.0)) / RATE
    return _faded(np.sin(phase) + 0.3 * np.sin(3 * phase), 0.02)


def _faded(sound: "NDArray[np.float64]", seconds: float) -> "Samples":
    count = round(seconds * RATE)
    sound[-count:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(count) / count)
    sound[:_RISE] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(_RISE) / _RISE)
    return np.asarray(sound / np.abs(sound).max() / 2, np.float32)
