"""How loud speech is while somebody speaks, and the filter that takes rumble away.

Only for code that already needs numpy: importing this module imports it.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tts.decode import RATE

Floats = NDArray[np.float32]

SPEECH_DBFS = -26.0
"""Level of speech while somebody speaks (ITU-T P.56 and P.800: -26 dB against full scale), which leaves room for any
voice's peaks."""
FRAME = RATE // 100
_MARGIN_DB = 15.9  # ITU-T P.56, method B: speech is what lies less than this below the active level
_CUT_HZ, _TAPS = 80.0, 3201  # from 120 Hz on nothing is lost, below 40 Hz (and of DC) nothing is left
_HOP = 60 * FRAME  # with the taps 32,000 samples, quick to transform


def decibels(power: "NDArray[np.floating]") -> NDArray[np.float64]:
    """Return 10 log10 of mean squares, at least -120."""
    floored: NDArray[np.float64] = np.maximum(np.asarray(power, np.float64), 1e-12)
    levels: NDArray[np.float64] = 10 * np.log10(floored)
    return levels


def frame_powers(samples: Floats) -> NDArray[np.float64]:
    """Return the mean square of each frame of 10 ms; a shorter last frame counts as if silence followed."""
    padded = np.pad(samples, (0, -len(samples) % FRAME))
    powers: NDArray[np.float64] = np.mean(np.square(padded.reshape(-1, FRAME), dtype=np.float64), axis=1)
    return powers


def active_db(powers: NDArray[np.float64]) -> float:
    """Return the level in dB of the frames in which somebody speaks, given the mean squares of all frames.

    After ITU-T P.56, method B: the level of those frames that lie less than 15.9 dB below it. Frames of 10 ms take the
    place of its envelope. -120 when there is nothing.
    """
    active = powers[powers > 1e-12]
    level = float(decibels(active.mean())) if len(active) else -120.0
    for _ in range(20):
        spoken = active[active > 10 ** ((level - _MARGIN_DB) / 10)]
        if not len(spoken):
            break
        before, level = level, float(decibels(spoken.mean()))
        if abs(level - before) < 0.01:
            break
    return level


def high_pass(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Yield `blocks` without DC and rumble, not delayed, in blocks of 0.6 s (a whole number of frames) and a rest."""
    response = np.fft.rfft(_kernel(), _HOP + _TAPS - 1)
    half = _TAPS // 2
    pending = np.zeros(half, np.float32)
    for block in blocks:
        pending = np.concatenate([pending, block])
        while len(pending) >= _HOP + _TAPS - 1:
            yield _filtered(pending[: _HOP + _TAPS - 1], response)
            pending = pending[_HOP:]
    rest = np.concatenate([pending, np.zeros(half, np.float32)])
    while len(rest) >= _TAPS:
        count = min(_HOP, len(rest) - _TAPS + 1)
        yield _filtered(rest[: _HOP + _TAPS - 1], response)[:count]
        rest = rest[_HOP:]


def _filtered(window: Floats, response: NDArray[np.complex128]) -> Floats:
    size = _HOP + _TAPS - 1
    whole = np.fft.irfft(np.fft.rfft(window, size) * response, size)
    return whole[_TAPS - 1 :].astype(np.float32)


def _kernel() -> NDArray[np.float64]:
    """A linear-phase high-pass: an impulse less a windowed sinc."""
    at = np.arange(_TAPS) - _TAPS // 2
    low = np.sinc(2 * _CUT_HZ / RATE * at) * np.blackman(_TAPS)
    kernel: NDArray[np.float64] = -low / low.sum()
    kernel[_TAPS // 2] += 1
    return kernel
