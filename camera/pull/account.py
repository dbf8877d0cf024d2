"""The account on a camera that refused it: tried again rarely, whoever asks, or the camera locks it."""

from __future__ import annotations

import threading
import time

HOLD_S = 60.0
"""How long a refused account is let alone."""


class Account:
    """Shared by all streams of a camera. Thread-safe."""

    def __init__(self, hold_s: float = 0.0) -> None:
        """`hold_s`: it was refused before, by another process, and is let alone for so long."""
        self._lock = threading.Lock()
        self._suspect = hold_s > 0
        self._free_s = time.monotonic() + hold_s

    def turn_s(self) -> float:
        """Return how long to wait before a try; 0: try now. Of a refused account only one who asks gets 0."""
        with self._lock:
            now_s = time.monotonic()
            if not self._suspect:
                return 0.0
            if now_s < self._free_s:
                return self._free_s - now_s
            self._free_s = now_s + HOLD_S
            return 0.0

    def refused(self) -> None:
        """The camera refuses the user name or the password."""
        with self._lock:
            self._suspect = True
            self._free_s = time.monotonic() + HOLD_S

    def accepted(self) -> None:
        """The camera has sent a picture."""
        with self._lock:
            self._suspect = False
