"""A stretch of time by the monotonic clock, with its end by the wall clock for people and for power cuts. Pure."""

from datetime import datetime, timedelta

from edge_agent.contract.base import iso
from edge_agent.control.condition import EPSILON_S
from edge_agent.control.facts import Moment

_STEP = timedelta(seconds=1)
"""The end is told anew only when the wall clock has been stepped by more than this, not for its rounding."""


class Timer:
    """Runs from `start` for so many seconds, whatever the wall clock does meanwhile."""

    def __init__(self) -> None:
        self._end: float | None = None
        self._until: datetime | None = None

    def start(self, moment: Moment, seconds: float) -> None:
        """Begin, instead of what ran before."""
        self._end = moment.mono + seconds
        self._until = moment.now + timedelta(seconds=seconds)

    def stop(self) -> None:
        """It runs no longer."""
        self._end = self._until = None

    @property
    def runs(self) -> bool:
        """Whether it was begun and not stopped; it may have come to its end."""
        return self._end is not None

    def left_s(self, moment: Moment) -> float:
        """Seconds to its end; 0 at the end, and when it does not run."""
        left = 0.0 if self._end is None else self._end - moment.mono
        return left if left > EPSILON_S else 0.0

    def until(self, moment: Moment) -> datetime | None:
        """Its end by the wall clock of now."""
        if self._end is None or self._until is None:
            return None
        until = moment.now + timedelta(seconds=self._end - moment.mono)
        if abs(until - self._until) > _STEP:
            self._until = until
        return self._until

    def dump(self) -> str | None:
        """Its end, to be kept."""
        return None if self._until is None else iso(self._until)

    def load(self, until: object, moment: Moment, longest_s: float) -> None:
        """Go on to an end that was kept, but no longer than it may last at all: the clock may have been stepped.

        What is no instant is left out.
        """
        end = instant(until)
        if end is None:
            return
        self.start(moment, min(max((end - moment.now).total_seconds(), -longest_s), longest_s))


def instant(text: object) -> datetime | None:
    """An instant that was kept as ISO 8601; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
