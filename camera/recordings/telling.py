"""Tell what was deleted early in batches: at a full limit every minute takes a file."""

from __future__ import annotations

import time
from collections.abc import Callable

from camera.model import Deleted

BATCH_S = 3600.0
"""At most so often is the same told of the same camera; the first time at once."""


class Batches:
    """Gathers what went, by camera and reason. For use under a lock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._waiting: dict[tuple[str, str], Deleted] = {}
        self._told_s: dict[tuple[str, str], float] = {}

    def add(self, gone: list[Deleted]) -> list[Deleted]:
        """Add what went; return what is due to be told."""
        for deleted in gone:
            key = (deleted.camera, deleted.reason)
            before = self._waiting.get(key)
            self._waiting[key] = _both(before, deleted) if before is not None else deleted
        now = self._now()
        due = [key for key in self._waiting if now - self._told_s.get(key, float("-inf")) >= BATCH_S]
        self._told_s |= dict.fromkeys(due, now)
        return [self._waiting.pop(key) for key in due]


def _both(one: Deleted, other: Deleted) -> Deleted:
    begin, end = min(one.begin, other.begin), max(one.end, other.end)
    return Deleted(one.camera, begin, end, one.bytes + other.bytes, one.reason)
