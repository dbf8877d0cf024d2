"""Counts how often a lamp goes out and comes back by itself while it should be lit."""

from collections import deque

from edge_agent.control.confirm import SOONEST_S

TIMES = 3
WINDOW_S = 1800.0
"""A discharge lamp at its end goes out, cools and strikes again every few minutes. TALQ leaves the figures to us."""


class Cycles:
    """Returns of one lamp within the last half hour of being on."""

    def __init__(self) -> None:
        self._returns: deque[float] = deque(maxlen=100)
        self._since: float | None = None
        self._out = False
        self._lit: bool | None = None

    def look(self, mono: float, *, should: bool, lit: bool | None) -> bool | None:
        """Whether it cycles. None while it should not be lit, and before half an hour of light has shown the reverse.

        `should`: it is commanded on, is fed, and nobody switches by hand. `lit`: None while unknown.
        """
        if not should:
            self._returns.clear()
            self._since, self._lit, self._out = None, None, False
            return None
        self._since = mono if self._since is None else self._since
        if lit is not None:
            if lit and self._out:
                self._returns.append(mono)
            self._out = not lit and (self._out or self._lit is True)
            self._lit = lit
        while self._returns and mono - self._returns[0] >= WINDOW_S:
            self._returns.popleft()
        if len(self._returns) >= TIMES:
            return True
        return False if mono - self._since >= WINDOW_S and lit else None

    @property
    def count(self) -> int:
        """Returns within the window."""
        return len(self._returns)

    def again_s(self, mono: float) -> float | None:
        """Seconds until time alone may change it."""
        if self._returns:
            return max(SOONEST_S, self._returns[0] + WINDOW_S - mono)
        if self._since is not None and mono - self._since < WINDOW_S:
            return max(SOONEST_S, self._since + WINDOW_S - mono)
        return None
