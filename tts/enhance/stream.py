"""The whole way of a sample: shaping, limiting, keeping the driver cool."""

import numpy as np
from numpy.typing import NDArray

from tts.enhance.horn import load_horn
from tts.enhance.rails import Rails
from tts.enhance.settings import EnhancementSettings
from tts.enhance.shape import Shaper
from tts.enhance.thermal import Guard
from tts.enhance.tuning import tuning_for

Floats = NDArray[np.float32]

RATES = (8_000, 192_000)
_STRETCH_S = 20  # long blocks are worked through in stretches: bounded memory


class Enhancer:
    """Enhances a stream of mono samples (full scale 1.0), block after block of any length.

    `process` holds the last `latency` samples back; `flush` gives them, and the next stream may begin. The first sample
    out is the first one in, so nothing is shifted. The result does not depend on how the stream was cut into blocks.
    """

    def __init__(self, rate: int, settings: EnhancementSettings) -> None:
        """Prepare for `rate` samples a second.

        Raises:
            SpeechError: `speech.horn`, the profile cannot be used.
            TypeError: the rate is no whole number.
            ValueError: the rate is below 8 kHz or above 192 kHz.
        """
        if not isinstance(rate, (int, np.integer)):
            raise TypeError(f"the rate must be a whole number of samples a second, not {rate!r}")
        if not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"{rate} samples a second; {RATES[0]} to {RATES[1]} are supported")
        self._rate, self._settings, self._horn = rate, settings, load_horn(settings.horn)
        self._reset()
        self.latency = self._shaper.latency + self._rails.latency if settings.enabled else 0

    def _reset(self) -> None:
        tuning = tuning_for(self._settings)
        self._shaper = Shaper(self._rate, tuning, self._horn)
        self._rails = Rails(self._rate, tuning)
        self._guard = Guard(self._rate, self._horn)
        self._skip = self._shaper.latency + self._rails.latency

    @property
    def heat(self) -> float:
        """Temperature rise of the driver by the model; 1 is where rated power ends."""
        return self._guard.rise

    def process(self, block: Floats) -> Floats:
        """Return the enhanced samples that are ready, float32 (m,), for the next samples of the stream, (n,)."""
        samples = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
        if not self._settings.enabled:
            return samples
        stretch = self._rate * _STRETCH_S
        parts = [self._through(samples[k : k + stretch]) for k in range(0, len(samples), stretch)]
        return np.concatenate(parts) if parts else samples

    def _through(self, samples: Floats) -> Floats:
        out = self._rails.process(self._shaper.process(samples))
        skipped, self._skip = min(self._skip, len(out)), max(0, self._skip - len(out))
        return self._guard.process(out[skipped:])

    def flush(self) -> Floats:
        """Return the samples that are still inside."""
        rest = self.process(np.zeros(self.latency, np.float32))
        self._reset()
        return rest
