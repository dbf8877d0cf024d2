"""A small network that corrects the gains of the law at equal mean power (`bench/voice_train.py` trains it)."""

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

BEHIND = (0, 1, 2, 3, 4, 6, 10, 18)  # frames that are seen, counted back from the newest; the law is at the third
LAGS_S = (0.012, 0.05, 0.15, 0.6, 2.5)  # and means over so long
FLOOR = 10**-3.5  # of the speech's level
MOST_DB = 15.0
_BANDS = 18


class Correction:
    """What the network adds to the gains, frame by frame: two hidden layers over levels, their past and the law."""

    def __init__(self, hop_s: float) -> None:
        self._lags = 1 - np.exp(-hop_s / np.array(LAGS_S))[:, None]
        silence = scaled(np.zeros(_BANDS))
        self._means = np.tile(silence, (len(LAGS_S), 1))
        self._past = np.tile(silence, (BEHIND[-1], 1))

    def gains(self, energies: Doubles, law: Doubles) -> Doubles:
        """Return dB to add, (frames, 18), to the gains of the `law`, (frames, 18), which are two frames behind.

        `energies`, (frames, 18), are those of the newest frames, against the speech's own level.
        """
        found = self.seen(energies, law).astype(np.float32)
        for weights, bias in _layers():
            found = np.tanh(found @ weights + bias)
        return np.asarray(MOST_DB * found, np.float64)

    def seen(self, energies: Doubles, law: Doubles) -> Doubles:
        """Return what the network goes by, (frames, 252), every figure near 1 in size."""
        levels, count = scaled(energies), len(energies)
        means = np.empty((count, *self._means.shape))
        for k, now in enumerate(levels):
            self._means += self._lags * (now - self._means)
            means[k] = self._means
        known = np.concatenate([self._past, levels])
        self._past = known[count:]
        frames = [known[len(known) - count - back : len(known) - back] for back in BEHIND]
        return np.concatenate([*frames, means.reshape(count, -1), np.clip(law, -30, 30) / 10], axis=1)


def scaled(energies: Doubles) -> Doubles:
    """Levels in tens of dB around those of usual bands."""
    return np.asarray(np.log10(energies + FLOOR) + 2)


@cache
def _layers() -> tuple[tuple[Floats, Floats], ...]:
    """(weights, bias) of each layer."""
    with resources.files("tts.enhance").joinpath("learned.npz").open("rb") as file, np.load(file) as stored:
        return tuple((stored[f"weights_{k}"], stored[f"bias_{k}"]) for k in range(len(stored) // 2))
