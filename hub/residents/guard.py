"""Who has no account may do only so much: by address, and all together."""

from collections import OrderedDict, deque

from hub.clock import Clock

REPORTS, REPORTS_S = 5, 3600.0
"""Reports from one address."""
LOOKS, LOOKS_S = 30, 600.0
"""Numbers that one address may ask for in vain."""
MOST = 10_000


class Often:
    """Counts what an address did within a span."""

    def __init__(self, clock: Clock, times: int, seconds: float) -> None:
        self._clock = clock
        self._times = times
        self._seconds = seconds
        self._did: OrderedDict[str, deque[float]] = OrderedDict()

    def full(self, address: str) -> bool:
        """Whether it did as much as it may."""
        did = self._did.get(address)
        while did and self._clock.monotonic() - did[0] > self._seconds:
            did.popleft()
        return bool(did) and len(did or ()) >= self._times

    def count(self, address: str) -> None:
        """Once more."""
        self._did.setdefault(address, deque(maxlen=self._times)).append(self._clock.monotonic())
        self._did.move_to_end(address)
        while len(self._did) > MOST:
            self._did.popitem(last=False)
