"""A sensor beyond a limit: with hysteresis, and with the time for which it must last. Pure."""

import math

EPSILON_S = 1e-6
"""Two sums of the same seconds may differ by their rounding; nothing here is worth a second look for that."""


class Limit:
    """Whether a value is beyond a limit.

    It begins when the value is above (below) the limit, and ends when it has come back to `ends` (to the limit itself
    where there is no hysteresis). It counts once it has lasted `for_s`. What is no number is unknown: then the time
    begins anew, but on which side of the hysteresis it was is remembered.
    """

    def __init__(self, above: float | None, below: float | None, ends: float | None, for_s: float = 0) -> None:
        """Either `above` or `below` is given; units are those of the value."""
        self.upper = above is not None
        self._limit = above if above is not None else below if below is not None else math.inf
        self._ends = self._limit if ends is None else ends
        self._for_s = for_s
        self._since: float | None = None
        self._unknown_since: float | None = None
        self.remembered = False
        """Whether it was beyond when the value was last known."""

    def look(self, value: float | None, mono: float) -> None:
        """Take a value (None: unknown) at an instant of the monotonic clock."""
        if value is None or not math.isfinite(value):
            self._since = None
            if self._unknown_since is None:
                self._unknown_since = mono
            return
        self._unknown_since = None
        goal = self._ends if self.remembered else self._limit
        self.remembered = value > goal if self.upper else value < goal
        if not self.remembered:
            self._since = None
        elif self._since is None:
            self._since = mono

    @property
    def beyond(self) -> bool | None:
        """Whether it is beyond now; None while the value is unknown."""
        return None if self._unknown_since is not None else self.remembered

    def holds(self, mono: float) -> bool | None:
        """Whether it has been beyond for long enough; None while the value is unknown."""
        if not self.beyond:
            return self.beyond
        return self.left_s(mono) <= 0

    def left_s(self, mono: float) -> float:
        """Seconds until it has lasted long enough; infinite while it is not beyond."""
        return math.inf if self._since is None else _left(self._since, self._for_s, mono)

    def unknown_s(self, mono: float) -> float:
        """For how long the value has been unknown by now."""
        return 0.0 if self._unknown_since is None else mono - self._unknown_since

    def remember(self, beyond: bool) -> None:
        """What was known before a power cut."""
        self.remembered = beyond

    def forget(self) -> None:
        """As new: nothing has been seen."""
        self._since = self._unknown_since = None
        self.remembered = False


def _left(since: float, span: float, mono: float) -> float:
    left = since + span - mono
    return left if left > EPSILON_S else 0.0
