"""So much in so long, and no more."""

from collections import deque

from edge_agent.clock import Clock


class Limiter:
    """Allows `most` acts in any window of `per_s` seconds."""

    def __init__(self, clock: Clock, most: int, per_s: float) -> None:
        self._clock = clock
        self._most = most
        self._per_s = per_s
        self._times: deque[float] = deque()

    def allow(self) -> bool:
        """Whether one more is allowed now; counts it if so."""
        now = self._clock.monotonic()
        while self._times and self._times[0] <= now - self._per_s:
            self._times.popleft()
        if len(self._times) >= self._most:
            return False
        self._times.append(now)
        return True
