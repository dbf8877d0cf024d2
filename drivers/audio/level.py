"""How loud: the volume, which may be changed by ramps, and the fades at a stop and around a jump."""

from typing import Any

_FADE_S = 0.03


class Level:
    """The gain from block to block; within a block it is a straight line. The arrays are made once."""

    def __init__(self, volume: float, frames: int, rate: int) -> None:
        import numpy as np

        self.volume = volume
        self._frames, self._rate = frames, rate
        self._gain, self._step = volume, 0.0
        self._fade, self._fade_step = 1.0, 0.0
        self._line = (np.arange(1, frames + 1, dtype=np.float32) / frames).astype(np.float32)
        self._gains = np.zeros(frames, dtype=np.float32)

    @property
    def silent(self) -> bool:
        """Whether a fade-out is over."""
        return self._fade == 0.0 and self._fade_step <= 0.0

    def set(self, volume: float, ramp_s: float) -> None:
        """Go to a volume within `ramp_s`, but within one block at the fastest."""
        blocks = max(1.0, ramp_s * self._rate / self._frames)
        self.volume, self._step = volume, (volume - self._gain) / blocks

    def settle(self) -> None:
        """Nothing was heard yet: be where the ramp goes to."""
        self._gain = self.volume

    def fade_out(self) -> None:
        """Be silent 30 ms from now."""
        self._fade_step = -self._frames / (_FADE_S * self._rate)

    def fade_in(self) -> None:
        """Come back from silence within the next block, unless a fade-out is under way."""
        self._fade = 0.0
        if self._fade_step >= 0.0:
            self._fade_step = 1.0

    def apply(self, samples: Any, landing: bool) -> None:
        """Multiply one block in place and go on; `landing`: it ends in silence, whatever the volume."""
        import numpy as np

        begin = self._gain * self._fade
        left = self.volume - self._gain
        self._gain = self.volume if abs(left) <= abs(self._step) else self._gain + self._step
        fade = self._fade + self._fade_step
        self._fade = 0.0 if fade < 1e-6 else min(1.0, fade)
        end = 0.0 if landing else self._gain * self._fade
        if begin != end:
            np.multiply(self._line, end - begin, out=self._gains)
            np.add(self._gains, begin, out=self._gains)
            np.multiply(samples, self._gains, out=samples)
        elif end != 1.0:
            np.multiply(samples, end, out=samples)
