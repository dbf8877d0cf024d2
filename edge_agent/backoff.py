"""When to try again: full jitter, so that a thousand nodes do not come back in the same second."""

import random
from collections.abc import Callable


class Backoff:
    """Waits that double from `first` to `most` seconds, each drawn evenly from zero to that (full jitter).

    The doubling is forgotten only after the connection was stable for `stable` seconds: a broker that takes nodes and
    drops them at once must not be hammered. Source: AWS architecture blog, "Exponential backoff and jitter" (2015).
    """

    def __init__(
        self,
        first: float = 1.0,
        most: float = 60.0,
        stable: float = 30.0,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._most = most
        self._stable = stable
        self._draw = draw
        self._ceiling = first

    def after(self, lasted: float) -> float:
        """Seconds to wait after a connection that lasted that many seconds (0 for one that never came about)."""
        if lasted >= self._stable:
            self._ceiling = self._first
        wait = self._draw(0.0, self._ceiling)
        self._ceiling = min(self._most, self._ceiling * 2)
        return max(0.1, wait)
