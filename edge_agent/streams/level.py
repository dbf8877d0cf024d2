"""Brings a voice or a radio gently to the level of everything else. numpy: for workers only."""

import numpy as np
from numpy.typing import NDArray

from tts.limiter import Limiter

Floats = NDArray[np.float32]

RATE = 48_000
TARGET_DBFS = -23.0
"""RMS of what is spoken. As loud as finished speech, which lies near -26 dBFS (ITU-T P.56) and is then made clear."""
_GATE_DBFS = -50.0
_MOST_DB, _LEAST_DB = 20.0, -20.0
_UP_DB_PER_S, _DOWN_DB_PER_S = 3.0, 12.0
_SLOW_S = 1.0


def dbfs(samples: Floats) -> float:
    """RMS against full scale, in dB, at least -120."""
    if not len(samples):
        return -120.0
    return float(10 * np.log10(max(1e-12, float(np.mean(np.square(samples, dtype=np.float64))))))


class Leveller:
    """A slow gain towards `TARGET_DBFS`, which pauses do not move, and a limiter behind it. Blocks of any length."""

    def __init__(self, gain_db: float = 0.0) -> None:
        self._power: float | None = None
        self.gain_db = gain_db
        self._limiter = Limiter(RATE)
        self.latency = self._limiter.latency

    def process(self, block: Floats) -> Floats:
        """The samples that are ready, float32 (m,); `latency` of them are held back."""
        before = self.gain_db
        self._follow(block)
        ramp = np.linspace(before, self.gain_db, len(block), endpoint=False, dtype=np.float32)
        return self._limiter.process(block * np.float32(10) ** (ramp / np.float32(20)))

    def _follow(self, block: Floats) -> None:
        level = dbfs(block)
        if level < _GATE_DBFS:
            return
        power, seconds = 10 ** (level / 10), len(block) / RATE
        share = min(1.0, seconds / _SLOW_S)
        self._power = power if self._power is None else self._power + share * (power - self._power)
        wanted = float(np.clip(TARGET_DBFS - 10 * np.log10(self._power), _LEAST_DB, _MOST_DB))
        step = wanted - self.gain_db
        self.gain_db += float(np.clip(step, -_DOWN_DB_PER_S * seconds, _UP_DB_PER_S * seconds))
