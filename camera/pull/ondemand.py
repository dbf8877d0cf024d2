"""A stream that is pulled only while somebody needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from camera.pull.puller import Puller

LINGER_S = 10.0
"""How long a stream is pulled on after the last need: viewers come back, and opening takes time."""

MakePuller = Callable[[threading.Event], Puller]
RunThread = Callable[[str, Callable[[], None]], None]


class OnDemand:
    """Starts and ends a puller by need. Methods may be called from any thread; `tick` once a second."""

    def __init__(self, name: str, make: MakePuller, run_thread: RunThread, told: Callable[[bool], None]) -> None:
        """`make` gives a puller that ends by the event it gets; `told` is called when pulling begins and ends."""
        self._name, self._make, self._run_thread, self._told = name, make, run_thread, told
        self._lock = threading.Lock()
        self._needs: set[str] = set()
        self._released_s = 0.0
        self._stop: threading.Event | None = None
        self._puller: Puller | None = None
        self._ended = threading.Event()
        self._ended.set()

    @property
    def progress_s(self) -> float:
        """When its puller last showed that it is alive; now, when there is none."""
        puller = self._puller
        return puller.progress_s if puller is not None else time.monotonic()

    def need(self, who: str) -> None:
        """Pull, at least until `who` releases it."""
        with self._lock:
            self._needs.add(who)
            if self._stop is None:
                self._begin()

    def release(self, who: str) -> None:
        """`who` needs it no more."""
        with self._lock:
            self._needs.discard(who)
            self._released_s = time.monotonic()

    def tick(self) -> None:
        """Let go what nobody has needed for a while."""
        with self._lock:
            if self._stop is not None and not self._needs and time.monotonic() - self._released_s >= LINGER_S:
                self._stop.set()
                self._stop = self._puller = None
                self._told(False)

    def _begin(self) -> None:
        before, stop, ended = self._ended, threading.Event(), threading.Event()
        puller = self._make(stop)
        self._stop, self._puller, self._ended = stop, puller, ended

        def pull() -> None:
            before.wait()  # of the connection before, which may sit in the library for some seconds
            puller.run()
            ended.set()

        self._told(True)
        self._run_thread(f"{self._name}-sub", pull)
