"""Sound files of a programme, block by block: 48 kHz mono; the working files are 16-bit WAV."""

import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tts import audio
from tts.audio import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_BLOCK = RATE * 2
_SEAM_S = 2.0  # a piece of music that is repeated fades into its own beginning


def blocks(path: Path, start: int = 0, count: int | None = None) -> "Iterator[Samples]":
    """Give `count` samples (None: all) of a working file from sample `start` on, float32, full scale 1.0."""
    with wave.open(str(path), "rb") as file:
        left = file.getnframes() - start if count is None else count
        file.setpos(start)
        while left > 0 and (data := file.readframes(min(left, _BLOCK))):
            samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
            left -= len(samples)
            yield samples


def part(path: Path, start: int, count: int) -> "Samples":
    """Return `count` samples of a working file."""
    return np.concatenate([np.zeros(0, np.float32), *blocks(path, start, count)])


def length(path: Path) -> int:
    """Return the samples of a working file."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes()


def write(path: Path, samples: "Iterable[Samples]") -> None:
    """Write a working file."""
    audio.write(path, (integers(block) for block in samples))


def seamless(path: Path) -> "Iterator[Samples]":
    """Give the sound of a working file so that its end leads into its beginning."""
    count = length(path)
    seam = min(round(_SEAM_S * RATE), count // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, seam, dtype=np.float32))
    yield part(path, 0, seam) * ramp + part(path, count - seam, seam) * ramp[::-1]
    yield from blocks(path, seam, count - 2 * seam)


def integers(block: "Samples") -> "NDArray[np.int16]":
    """Return samples as 16-bit integers."""
    return np.rint(np.clip(block, -1, 1) * 32767).astype(np.int16)
