"""A day as a bar: where video is, and where something moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_agent.contract.watching import Moved, Recorded

BAR = 1440.0
"""Width of the bar in its own units: minutes of a usual day."""
LEAST = 0.02
"""About a second."""
MOST_MARKS = 2000


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the bar."""

    x: float
    width: float
    kept: bool = False


def rate(recorded: Iterable[Recorded]) -> int:
    """Bytes of a second of video, on average; 0 where that is not known."""
    spans = [(r.bytes, (r.end - r.begin).total_seconds()) for r in recorded]
    length = sum(seconds for _, seconds in spans)
    return round(sum(size for size, _ in spans) / length) if length > 0 else 0


def place(instant: datetime, midnight: datetime, tomorrow: datetime) -> float:
    """Where an instant stands on the bar; outside of the day, at its edge."""
    begin, end = midnight.astimezone(UTC), tomorrow.astimezone(UTC)  # a day may have 23 or 25 hours
    share = (instant.astimezone(UTC) - begin) / (end - begin)
    return round(BAR * min(1.0, max(0.0, share)), 2)


def spans(recorded: Iterable[Recorded], midnight: datetime, tomorrow: datetime) -> tuple[Bar, ...]:
    """What was recorded."""
    inside = (r for r in recorded if r.end > midnight and r.begin < tomorrow)
    edges = ((place(r.begin, midnight, tomorrow), place(r.end, midnight, tomorrow), r.kept) for r in inside)
    return tuple(Bar(left, round(max(LEAST, right - left), 2), kept) for left, right, kept in edges)


def marks(moved: Sequence[Moved], midnight: datetime, tomorrow: datetime, now: datetime) -> tuple[Bar, ...]:
    """Where something moved, given the newest first; marks that would lie on one another are one."""
    made: list[Bar] = []
    for each in moved[:MOST_MARKS]:
        left, right = (place(i, midnight, tomorrow) for i in (each.begin, each.end or now))
        bar = Bar(left, round(max(LEAST, right - left), 2))
        if made and made[-1].x <= bar.x + bar.width and bar.x <= made[-1].x:
            last = made.pop()
            bar = Bar(bar.x, round(max(last.x + last.width, bar.x + bar.width) - bar.x, 2))
        made.append(bar)
    return tuple(made)
