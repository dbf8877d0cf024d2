"""The writing end of a FIFO that a loudspeaker plays: raw s16le mono 48 kHz, never blocking."""

import errno
import fcntl
import os
import struct
import termios
from pathlib import Path

RATE = 48_000
_PIPE_BYTES = 65_536
"""0.68 s: more could not wait in the pipe of a reader that does not read."""


class ReaderGone(Exception):
    """Nobody reads any more: the piece is over, or interrupted and played on later by another reader."""


class FifoWriter:
    """Every sample since the piece began goes in, in order: the reader knows the time of a sample by its number."""

    def __init__(self, path: Path, position: int = 0) -> None:
        """`position`: what a writer before us has handed over to the same reader."""
        self._path = path
        self._end: int | None = None
        self._pending = memoryview(b"")
        self.position = position
        """Samples handed over, those included that still wait for room."""

    def ready(self) -> bool:
        """Whether somebody reads and everything before is in the pipe. Raises ReaderGone, OSError."""
        if self._end is None and not self._open():
            return False
        return self._flush()

    def write(self, samples: bytes) -> None:
        """Hand over samples; only when `ready`. Raises ReaderGone."""
        self.position += len(samples) // 2
        self._pending = memoryview(samples)
        self._flush()

    def unread(self) -> int:
        """Samples in the pipe that nobody has read yet."""
        if self._end is None:
            return 0
        answer = fcntl.ioctl(self._end, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0]) // 2

    @property
    def reading(self) -> bool:
        """Whether a reader has come."""
        return self._end is not None

    def again(self) -> None:
        """Wait for another reader, who counts from the beginning of the piece."""
        self.close()
        self._pending = memoryview(b"")
        self.position = 0

    def close(self) -> None:
        """The stream ends; what is in the pipe is still read."""
        if self._end is not None:
            os.close(self._end)
            self._end = None

    def _open(self) -> bool:
        try:
            self._end = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody reads yet
                return False
            raise
        fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return True

    def _flush(self) -> bool:
        if self._end is None:
            return False
        while self._pending:
            try:
                written = os.write(self._end, self._pending)
            except BlockingIOError:
                return False
            except BrokenPipeError:
                raise ReaderGone from None
            self._pending = self._pending[written:]
        return True
