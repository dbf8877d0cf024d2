"""Say whether the wall clock may be believed where video is to be deleted by its age.

A Pi has no battery clock, and a time server can be wrong. After a jump of more than an hour forwards, seen against the
monotonic clock or, when the process starts, against what was written last, nothing is deleted by age for a day of
running; then the clock is believed. The limits in bytes hold all the time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from camera.recordings.catalogue import Catalogue

JUMP_MS = 3_600_000
DOUBT_MS = 24 * 3_600_000


def wall_ms() -> int:
    """Return the wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000


def running_ms() -> int:
    """Return a clock that never jumps."""
    return time.monotonic_ns() // 1_000_000


class ClockWatch:
    """Looks at the clocks whenever it is asked, and remembers its doubts in the index."""

    def __init__(
        self, catalogue: Catalogue, wall: Callable[[], int] = wall_ms, running: Callable[[], int] = running_ms
    ) -> None:
        self._catalogue, self.now, self._running = catalogue, wall, running
        self._doubt_ms = 0
        self._last: tuple[int, int] | None = None

    def believed(self) -> bool:
        """Return whether the clock may be believed. Raises `OSError`."""
        now, running = self.now(), self._running()
        with self._catalogue.write() as index:
            if self._last is None:
                # A new index has seen no clock: nothing is too old for a day.
                self._doubt_ms, expected, passed = _fact(index, "doubt_ms", DOUBT_MS), _fact(index, "seen_ms", now), 0
            else:
                passed = running - self._last[1]
                expected = self._last[0] + passed
            self._doubt_ms = DOUBT_MS if now - expected > JUMP_MS else max(0, self._doubt_ms - passed)
            facts = (("doubt_ms", self._doubt_ms), ("seen_ms", now))
            index.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts)
        self._last = (now, running)
        return self._doubt_ms == 0


def _fact(index: sqlite3.Connection, name: str, default: int) -> int:
    row = index.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else default
