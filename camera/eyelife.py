"""One life of an eye's process, seen from the group's process."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from typing import IO

from camera.wire import Message

logger = logging.getLogger(__name__)

_PIPE_BYTES = 1 << 20
_SPARING = {
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Freed memory is kept for the next picture: handed back and taken anew, its pages cost a sixth of the eye's time.
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
}
_END_S = 2.0


class EyeLife:
    """Wraps the running process. `in_hand` is what it has been given and not answered, oldest first, and whose."""

    def __init__(self, memory_bytes: int) -> None:
        """Start it; its log goes where ours goes. Raises `OSError`."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "camera.eye"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _SPARING,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("the eye has no pipes")
        self._input, self.output = self._process.stdin, self._process.stdout
        self.in_hand: dict[tuple[str | int, ...], str] = {}
        self.dead = self.dismissed = False
        self.heard = 0
        self.born_s = self.active_s = time.monotonic()
        with contextlib.suppress(OSError, ValueError):  # it is gone already, or may have no more than it has
            resource.prlimit(self.pid, resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        with contextlib.suppress(OSError):
            _widen(self._input)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Hand over a message; waits while the eye is busy. Raises `OSError` when it is gone."""
        self._input.write(message.pack())
        self._input.flush()

    def give(self, key: tuple[str | int, ...], camera: str) -> None:
        """Note what is about to be handed over."""
        if not self.in_hand:
            self.active_s = time.monotonic()
        self.in_hand[key] = camera

    def answered(self, key: tuple[str | int, ...]) -> None:
        """Note an answer."""
        self.in_hand.pop(key, None)
        self.active_s = time.monotonic()
        self.heard += 1

    def kill(self) -> None:
        """End it at once, by its pid. A write to it ends then as well."""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGKILL)

    def end(self) -> str:
        """End it: close its input, then kill it; return how it ended."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"


def _widen(pipe: IO[bytes]) -> None:
    """Let a whole key frame fit into the pipe."""
    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
