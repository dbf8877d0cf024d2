"""The agent's folder as the installer sees it: everything in it may have been put there by somebody else."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


class Inbox:
    """Reads and removes files of one folder; follows no link and opens nothing that is not a plain file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[int]:
        """A file for reading, as a descriptor. Raises OSError."""
        with self._opened() as folder:
            # without O_NONBLOCK a pipe in place of the file would hold us for ever
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{name} is no file")
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self, name: str, most: int) -> bytes | None:
        """A small file; None where it is not there, is no plain file, or is longer than `most` bytes."""
        try:
            with self.open(name) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        except OSError:
            return None
        return content if len(content) <= most else None

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(OSError), self._opened() as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
