"""The system's clock as a play sees it: an instant is a CLOCK_MONOTONIC time, unless the clock is set.

chrony makes the clock faster or slower: that moves CLOCK_MONOTONIC and CLOCK_REALTIME alike. Only a step shows.
"""

import time

_SET_S = 50e-6  # two readings of the offset differ by less
_OTHER_TIME_S = 0.5  # a clock set by more is not followed by a play that runs


def offset() -> float:
    """CLOCK_REALTIME less CLOCK_MONOTONIC, as near as five tries come."""
    best = (1.0, 0.0)
    for _ in range(5):
        before = time.monotonic()
        real = time.time()
        after = time.monotonic()
        best = min(best, (after - before, real - (before + after) / 2))
    return best[1]


class WallClock:
    """Watches for steps."""

    def __init__(self) -> None:
        self._offset = offset()

    def step(self) -> float:
        """By how many seconds the clock was set since the last look, if that is to be followed; 0 otherwise."""
        now = offset()
        step = now - self._offset
        if abs(step) <= _SET_S:
            return 0.0
        self._offset = now
        return step if abs(step) < _OTHER_TIME_S else 0.0
