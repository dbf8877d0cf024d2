"""Sound files as arrays, for the listening process. Needs numpy; everything else of the agent stays without it."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.audio.wav import WavInfo, read_info
from edge_agent.proof.model import Played

Floats = NDArray[np.float64]
LONGEST_S = 120.0
"""Seconds that are read of one file at most: memory is bounded by it."""


def read(path: Path, rate: int, start_s: float = 0.0, seconds: float = LONGEST_S) -> Floats:
    """Return mono samples (-1..1) at `rate`, shape (n,): at most `seconds` from `start_s` on.

    Raises DriverFault `speaker.bad_audio` for what is no whole WAV file.
    """
    info = read_info(path)
    first = min(info.frames, max(0, round(start_s * info.rate)))
    count = min(info.frames - first, round(min(seconds, LONGEST_S) * info.rate))
    with path.open("rb") as file:
        file.seek(info.offset + first * info.frame_bytes)
        data = file.read(count * info.frame_bytes)
    return resample(_floats(data, info), info.rate, rate)


def timeline(played: Sequence[Played], rate: int, start_s: float, seconds: float) -> Floats:
    """Return `seconds` of what was played from `start_s` on; silence before, after, and where it says so."""
    out = np.zeros(round(seconds * rate))
    begin = 0.0
    for piece in played:
        length = _seconds(piece)
        first, last = max(start_s, begin), min(start_s + seconds, begin + length)
        if piece.path is not None and last > first:
            part = read(piece.path, rate, first - begin, last - first)
            at = round((first - start_s) * rate)
            part = part[: len(out) - at]
            out[at : at + len(part)] = part
        begin += length
    return out


def resample(samples: Floats, rate: int, to_rate: int) -> Floats:
    """Change the sample rate through the spectrum of the whole: sharp, and quick for the minute that is read."""
    if rate == to_rate or not len(samples):
        return samples
    common = gcd(rate, to_rate)
    block = rate // common
    size = -(-len(samples) // block) * block
    out = size // block * (to_rate // common)
    spectrum = np.fft.rfft(samples, size)
    kept = np.zeros(out // 2 + 1, complex)
    bins = min(len(spectrum), len(kept))
    kept[:bins] = spectrum[:bins]
    wanted = round(len(samples) * to_rate / rate)
    return np.asarray(np.fft.irfft(kept, out)[:wanted] * (out / size))


def decibels(power: float) -> float:
    """Power to dB, never below -150."""
    return float(10 * np.log10(max(power, 1e-15)))


def _seconds(piece: Played) -> float:
    if piece.path is None:
        return piece.seconds or 0.0
    length = read_info(piece.path).seconds
    return length if piece.seconds is None else min(length, piece.seconds)


def _floats(data: bytes, info: WavInfo) -> Floats:
    """Mean of the channels of little-endian PCM with 2, 3 or 4 bytes a sample."""
    if info.width == 2:
        samples = np.frombuffer(data, "<i2") / 2.0**15
    elif info.width == 4:
        samples = np.frombuffer(data, "<i4") / 2.0**31
    else:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4").ravel() / 2.0**31
    return np.asarray(samples.reshape(-1, info.channels).mean(axis=1))
