"""The timeline of a programme, and its samples: items at their places, music that makes way for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tts.audio import RATE
from tts.programme import sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Samples = NDArray[np.float32]
    Hear = Callable[[int, Samples], None]

EDGE_S = 0.008  # raised cosine at both ends of every item: no clicks
ATTACK_S, RELEASE_S = 0.35, 1.2
_KEEP_DOWN_S = 2.5  # music does not come up for a shorter breath
_BLOCK = RATE


@dataclass(frozen=True, slots=True)
class Placed:
    """A sound (working file) that begins at a sample of the programme, and its gain in dB."""

    path: Path
    start: int
    count: int
    gain_db: float = 0.0

    @property
    def end(self) -> int:
        return self.start + self.count


@dataclass(frozen=True, slots=True)
class Bed:
    """Music from sample `start` to `end`: a working file, repeated, with its levels in dB and fades in samples."""

    path: Path
    start: int
    end: int
    fade_in: int
    fade_out: int
    alone_db: float
    under_db: float


def mix(
    items: Sequence[Placed], beds: Sequence[Bed], total: int, hear: "Hear" = lambda _item, _samples: None
) -> "Iterator[Samples]":
    """Give the programme's samples, second by second. `hear` gets the part of each item, by its number, alone."""
    quiet = spans([(item.start, item.end) for item in items])
    for start in range(0, total, _BLOCK):
        count = min(_BLOCK, total - start)
        block = np.zeros(count, np.float32)
        for number, item in enumerate(items):
            if item.start < start + count and item.end > start:
                hear(number, _add(block, start, item))
        for bed in beds:
            if bed.start < start + count and bed.end > start:
                block += _music(bed, start, count, quiet)
        yield block


def spans(ranges: "Sequence[tuple[int, int]]") -> list[tuple[int, int]]:
    """Return the ranges of samples for which music stays down: those of the items, joined over short breaths."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start - joined[-1][1] < _KEEP_DOWN_S * RATE:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def duck(quiet: Sequence[tuple[int, int]], start: int, count: int) -> "Floats":
    """Return how far music is down, 0 to 1, for `count` samples from `start`: down when an item begins."""
    attack, release = ATTACK_S * RATE, RELEASE_S * RATE
    if any(first <= start and start + count <= last for first, last in quiet):
        return np.ones(count)
    time = np.arange(start, start + count, dtype=np.float64)
    down = np.zeros(count)
    for first, last in quiet:
        if first - attack < start + count and last + release > start:
            rising = np.clip((time - (first - attack)) / attack, 0, 1)
            falling = np.clip((last + release - time) / release, 0, 1)
            down = np.maximum(down, _smooth(np.minimum(rising, falling)))
    return down


def _smooth(ramp: "Floats") -> "Floats":
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * ramp))


def _add(block: "Samples", start: int, item: Placed) -> "Samples":
    first = max(start, item.start)
    samples = sound.part(item.path, first - item.start, min(start + len(block), item.end) - first)
    place = np.arange(first - item.start, first - item.start + len(samples))
    edge = min(EDGE_S * RATE, item.count / 2)
    near = np.minimum(place, item.count - 1 - place)
    if near.min() < edge:
        samples = np.asarray(samples * _smooth(np.clip(near / edge, 0, 1)), np.float32)
    samples = samples * np.float32(10 ** (item.gain_db / 20))
    block[first - start : first - start + len(samples)] += samples
    return samples


def _music(bed: Bed, start: int, count: int, quiet: Sequence[tuple[int, int]]) -> "Samples":
    first, last = max(start, bed.start), min(start + count, bed.end)
    plain = _repeated(bed.path, first - bed.start, last - first)
    down = duck(quiet, first, last - first)
    level = -(bed.alone_db + (bed.under_db - bed.alone_db) * down)
    samples = plain * 10 ** (level / 20)
    if first < bed.start + bed.fade_in or last > bed.end - bed.fade_out:
        time = np.arange(first, last, dtype=np.float64)
        fade = np.minimum((time - bed.start) / max(bed.fade_in, 1), (bed.end - time) / max(bed.fade_out, 1))
        samples = samples * _smooth(np.clip(fade, 0, 1))
    block = np.zeros(count, np.float32)
    block[first - start : last - start] = samples
    return block


def _repeated(path: Path, start: int, count: int) -> "Samples":
    length = sound.length(path)
    pieces = []
    while count > 0:
        start %= length
        piece = sound.part(path, start, min(count, length - start))
        pieces.append(piece)
        start, count = start + len(piece), count - len(piece)
    return np.concatenate(pieces)
