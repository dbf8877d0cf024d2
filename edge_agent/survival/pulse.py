"""Which loops of the agent turn. Whoever turns says by when he will be round again; who is late is stuck."""

import logging
import os
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
SCALE = "EDGE_PULSE_SCALE"
"""Rehearsals set it below 1: all loops are then late so much earlier."""


class Pulse:
    """Beats of loops, by name. Not for threads: loops of one event loop beat here."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._scale = _scale()
        self._due: dict[str, float] = {}
        self._told: tuple[str, ...] = ()

    def turned(self, name: str, within_s: float) -> None:
        """The loop `name` turns, and will say so again within that many seconds."""
        self._due[name] = self._monotonic() + within_s * self._scale

    def rests(self, name: str) -> None:
        """The loop has come to its end, as it should: nobody waits for it."""
        self._due.pop(name, None)

    def stuck(self) -> tuple[str, ...]:
        """The loops that are late. The journal hears of each change."""
        now = self._monotonic()
        late = tuple(sorted(name for name, due in self._due.items() if due < now))
        if late != self._told:
            self._told = late
            if late:
                log.error("hangs: %s. The watchdog is no longer fed.", ", ".join(late))
            else:
                log.warning("all loops turn again. The watchdog is fed.")
        return late


def _scale() -> float:
    try:
        return float(os.environ.get(SCALE, "1"))
    except ValueError:
        return 1.0
