"""Which sample was heard when: the record of a virtual card, matched against what was played."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.virtual_card import VirtualCard

RATE = 48_000
_WINDOW = 2048
_REACH = 48
_ALIKE = 0.7


def marker(seconds: float, seed: int = 1) -> Any:
    """Noise below 6 kHz: its correlation has one sharp, smooth peak, at one place in the whole of it."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(0, 1, count))
    spectrum[np.fft.rfftfreq(count, 1 / RATE) > 6000] = 0
    noise = np.fft.irfft(spectrum, count)
    return np.clip(np.rint(noise / noise.std() * 6000), -32768, 32767).astype(np.int16)


def write_wav(path: Path, samples: Any, rate: int = RATE) -> Path:
    """Write mono samples."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@dataclass(frozen=True)
class Heard:
    """At `time` (CLOCK_MONOTONIC, s) the sample `place` (fractional, at 48 kHz) of the source was heard."""

    time: Any
    place: Any

    @property
    def late(self) -> Any:
        """Time less the time within the source: constant for whoever is in step; seconds."""
        return self.time - self.place / RATE


def heard(card: VirtualCard, source: Any, every_s: float = 0.1, most: int = 1 << 30) -> Heard:
    """Match what the card played, window by window, against the source; silence and noise that is not it are left out.

    `most`: so many matches are enough.
    """
    finder = _Finder(source)
    sound = card.heard().astype(np.float64)
    times, places = [], []
    for run in card.runs():
        last = int(min(run.last, len(sound))) - _WINDOW
        for first in range(int(np.ceil(run.first)), last, round(every_s * RATE)):
            if len(places) == most:
                break
            guess = places[-1] + round(every_s * RATE) - _WINDOW / 2 if places else None
            place = finder.place(sound[first : first + _WINDOW], guess)
            if place is not None:
                middle = _WINDOW / 2
                times.append(run.began + (first + middle - run.first) / run.pace)
                places.append(place + middle)
    return Heard(np.array(times), np.array(places))


def first_sample(card: VirtualCard, source: Any) -> float:
    """When (CLOCK_MONOTONIC, s) the first sample of the source was heard, from the first matches."""
    got = heard(card, source, 0.02, most=20)
    early = got.place < RATE / 2
    if not early.any():
        raise ValueError("the beginning of the source was not heard")
    return float(np.median(got.late[early]))


def skew(one: Heard, other: Heard) -> tuple[Any, Any]:
    """Return places of the source in seconds, and how much later `one` played them than `other`, in seconds."""
    inside = (one.place >= other.place.min()) & (one.place <= other.place.max())
    places = one.place[inside]
    return places / RATE, one.late[inside] - np.interp(places, other.place, other.late)


def on_monotonic(wall: float) -> float:
    """An instant of CLOCK_REALTIME on CLOCK_MONOTONIC, as near as ten tries come."""
    best = (1.0, 0.0)
    for _ in range(10):
        before, real, after = time.monotonic(), time.time(), time.monotonic()
        best = min(best, (after - before, real - (before + after) / 2))
    return wall - best[1]


class _Finder:
    """Finds windows in a source, first near where the last one was."""

    def __init__(self, source: Any) -> None:
        self._source = np.concatenate([source.astype(np.float64), np.zeros(4 * _WINDOW)])
        self._size = 1 << (len(self._source) + _WINDOW - 1).bit_length()
        self._spectrum = np.fft.rfft(self._source, self._size)
        self._energy = np.concatenate([[0.0], np.cumsum(self._source**2)])

    def place(self, window: Any, guess: float | None) -> float | None:
        """Where in the source this window begins, in samples; None if it is not from there."""
        if np.sqrt((window**2).mean()) < 50:
            return None
        near = None if guess is None else self._near(window, guess)
        return near if near is not None else self._anywhere(window)

    def _near(self, window: Any, guess: float) -> float | None:
        start = round(guess) - _REACH
        if start < 0 or start + _WINDOW + 2 * _REACH > len(self._source):
            return None
        return self._peak(window, start, 2 * _REACH)

    def _anywhere(self, window: Any) -> float | None:
        rough = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(window, self._size)), self._size)
        start = int(np.argmax(rough[: len(self._source) - _WINDOW])) - 8
        return self._peak(window, max(0, start), 16)

    def _peak(self, window: Any, start: int, reach: int) -> float | None:
        part = self._source[start : start + _WINDOW + reach]
        match = np.correlate(part, window, "valid")
        best = int(np.argmax(match))
        energy = self._energy[start + best + _WINDOW] - self._energy[start + best]
        if not 0 < best < reach or match[best] < _ALIKE * np.sqrt(energy * (window**2).sum() + 1e-9):
            return None
        left, middle, right = match[best - 1 : best + 2]
        return float(start + best + (left - right) / (2 * (left - 2 * middle + right)))
