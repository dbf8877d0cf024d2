"""In which order and when the sensors of one driver are asked: one at a time, each in its own period."""

import heapq
from collections.abc import Sequence

from edge_agent.sensing.channel import Channel

_SLOWEST_S = 60.0


class Pace:
    """All are asked once at the start; from then on their turns lie evenly within their periods.

    One that is late goes on from now, and never takes a second turn before another has had its own. One that fails
    is asked half as often each time, down to once a minute: on a bus each silence costs the others a second.
    """

    def __init__(self, channels: Sequence[Channel], mono: float) -> None:
        self._channels = channels
        self._began = mono
        self._failures = [0] * len(channels)
        self._asked = [False] * len(channels)
        self._turns = [(mono, place) for place in range(len(channels))]

    def next(self) -> tuple[float, int, Channel]:
        """When the next is due (monotonic), its place, and which it is."""
        due, place = self._turns[0]
        return due, place, self._channels[place]

    def asked(self, place: int, mono: float, *, well: bool) -> None:
        """It was asked; `well` says whether it answered."""
        due, _ = heapq.heappop(self._turns)
        every = self._channels[place].sensor.every_s
        self._failures[place] = 0 if well else self._failures[place] + 1
        if not well:
            waits = every * 2.0 ** min(self._failures[place] - 1, 10)
            again = mono + min(waits, max(every, _SLOWEST_S))
        elif not self._asked[place]:
            again = max(mono, self._began + every * (place + 1) / len(self._channels))
        else:
            again = max(mono, due + every)
        self._asked[place] = True
        heapq.heappush(self._turns, (again, place))
