"""How long to wait before trying again: at once, then with growing jittered delays."""

from __future__ import annotations

import random
from collections.abc import Callable

from camera.pull.account import Account

LONGEST_S = 60.0
"""The longest delay between two tries."""
STABLE_S = 30.0
"""A success that lasts as long forgives the failures before it."""


class Backoff:
    """Counts failures and gives the delay before the next try, in seconds.

    The first retry is at once: most breaks are short. Then the delay is drawn between 1 s and a bound that doubles up
    to `longest_s`, so that many cameras on one switch do not come back in step.
    """

    def __init__(
        self,
        draw: Callable[[float, float], float] = random.uniform,
        longest_s: float | None = None,
        stable_s: float = STABLE_S,
        account: Account | None = None,
    ) -> None:
        """`longest_s`: else `LONGEST_S`; `stable_s`: a success that lasts as long forgives failures."""
        self.account = account or Account()
        self._draw = draw
        self._longest_s = longest_s
        self._stable_s = stable_s
        self._step = 0
        self.failures = 0

    def failed(self, worked_s: float, retry: bool = True) -> float:
        """Return the delay after a try that worked for `worked_s` seconds (0 when it never did)."""
        if worked_s >= self._stable_s:
            self.worked()
        self.failures += 1
        self._step += 1
        longest_s = LONGEST_S if self._longest_s is None else self._longest_s
        if not retry:
            return longest_s
        if self._step == 1:
            return 0.0
        return self._draw(1.0, min(longest_s, 2.0 ** min(self._step - 1, 10)))

    def came_back(self) -> None:
        """What was away answers again: the delays begin anew, the failures stay counted."""
        self._step = 0

    def worked(self) -> None:
        """Forget the failures: the work is stable now."""
        self.failures = self._step = 0
