"""Whether this machine's own clock can be believed: what the nodes' clocks say, taken together.

A hub whose clock is wrong sends commands that have expired before they arrive, and nodes refuse them: even the siren's.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from edge_agent.contract.records import EventBatch, TelemetryBatch
from edge_agent.contract.reports import Status
from edge_agent.contract.thing import Thing
from hub.clock import Clock

TOLERANCE_S = 3.0
"""Less than the shortest life of a command. A message takes time, but seldom so long every time."""
WINDOW_S = 300.0
"""A node's best word of the last one or two such spans counts: of all delays the shortest."""
SETTLE_S = 20.0
"""So long a node is listened to before it counts: what it sent while it was cut off comes first, and is old."""
MOST = 500
"""Nodes that are listened to: more make the median no better."""
LONGEST_S = 10 * 366 * 86_400.0


@dataclass(slots=True)
class _Heard:
    """Of a node. `best`, `before`: seconds that it is ahead of the hub, in this span and in the one before."""

    since: float
    begun: float
    best: float
    before: float | None = None


class HubClock:
    """Compares the hub's clock with those of the nodes that trust theirs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, _Heard] = {}

    def hear(self, address: str, at: datetime) -> None:
        """A node that trusts its clock said something just now, and says that it is `at`."""
        now = self._clock.monotonic()
        ahead = (at.astimezone(UTC) - self._clock.now()).total_seconds()
        if abs(ahead) > LONGEST_S:
            return
        known = self._heard.get(address)
        if known is None:
            if len(self._heard) < MOST:
                self._heard[address] = _Heard(now, now, ahead)
        elif now - known.begun > WINDOW_S:
            known.before = known.best if now - known.begun < 2 * WINDOW_S else None
            known.begun, known.best = now, ahead
        else:
            known.best = max(known.best, ahead)

    def forget(self, address: str) -> None:
        """Its clock is not to be believed any more, or it is gone."""
        self._heard.pop(address, None)

    def behind_s(self) -> tuple[float, int]:
        """How many seconds this clock is behind the nodes' (negative: ahead), and how many nodes say so.

        0 within what cannot be told apart from delay, and as long as no node is known well enough.
        """
        now = self._clock.monotonic()
        known = [
            each.best if each.before is None else max(each.best, each.before)
            for each in self._heard.values()
            if now - each.since >= SETTLE_S and now - each.begun < 2 * WINDOW_S
        ]
        behind = median(known) if known else 0.0
        return (behind, len(known)) if abs(behind) > TOLERANCE_S else (0.0, len(known))


def said_at(body: object) -> datetime | None:
    """What time it was at a node as it sent this, as nearly as it says; None for what says nothing of it."""
    match body:
        case Thing():
            return body.at
        case EventBatch() | TelemetryBatch():
            return body.records[-1].at
        case Status(online=True):
            return body.since
    return None
