"""How often one address may ask. A whole commune may stand behind one address, so it is generous."""

import ipaddress
import math
from collections import OrderedDict, deque

from hub.clock import Clock

SPAN_S = 60.0
ASKED, REFUSED = 120, 20
"""In the span: requests in all, and those that were refused."""
MOST = 10_000
"""Addresses that are remembered."""


class Pace:
    """Counts in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()
        self._refused: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Seconds until this address may ask again; 0: now, and it is counted."""
        who, now = _network(address), self._clock.monotonic()
        left = max(_left(self._asked, who, ASKED, now), _left(self._refused, who, REFUSED, now))
        if left <= 0:
            _count(self._asked, who, now)
        return max(0, math.ceil(left))

    def mistake(self, address: str) -> None:
        """It was refused."""
        _count(self._refused, _network(address), self._clock.monotonic())


def _left(book: OrderedDict[str, deque[float]], who: str, most: int, now: float) -> float:
    times = book.get(who)
    if times is None:
        return 0.0
    while times and now - times[0] >= SPAN_S:
        times.popleft()
    return times[-most] + SPAN_S - now if len(times) >= most else 0.0


def _count(book: OrderedDict[str, deque[float]], who: str, now: float) -> None:
    book.setdefault(who, deque(maxlen=ASKED)).append(now)
    book.move_to_end(who)
    while len(book) > MOST:
        book.popitem(last=False)


def _network(address: str) -> str:
    """Of IPv6 the network: one machine has as many addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
