"""Recordings on disk: one file per segment, written so that a power cut spoils nothing, the oldest deleted first.

Layout: `<directory>/<camera>/<YYYY-MM-DD>/<HHMMSSmmm>.mp4`, named by the UTC time of the first picture.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Return how many bytes of the disk under `path` a normal user may still fill."""
    return shutil.disk_usage(path).free


class Segment:
    """One file being written. A piece is on the disk when `append` returns, or it is not in the file at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        _sync_folder(path.parent)

    def append(self, piece: bytes) -> None:
        """Write a piece to the end of the file and to the disk. Raises `OSError`; the file then ends before it."""
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fdatasync(self._fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += len(piece)

    def close(self) -> None:
        """Close the file; what was appended is on the disk already. A file that got nothing is removed."""
        os.close(self._fd)
        if self.size == 0:
            self.path.unlink(missing_ok=True)


class Shelf:
    """All segments of one camera, and the limits that they must keep. For use by one thread."""

    def __init__(self, root: Path, keep_bytes: int, floor: int, free: FreeBytes = free_bytes) -> None:
        """Take over the recordings under `root`, which is made when missing. Raises `OSError`."""
        self.root = root
        self.deleted = 0
        self._keep_bytes, self._floor, self._free = keep_bytes, floor, free
        root.mkdir(parents=True, exist_ok=True)
        self._finished: deque[tuple[Path, int]] = deque()
        for path in sorted(root.glob("????-??-??/*.mp4")):
            if (size := path.stat().st_size) > 0:
                self._finished.append((path, size))
            else:
                path.unlink(missing_ok=True)  # the power went between making the file and its first piece
        self._finished_bytes = sum(size for _path, size in self._finished)

    def create(self, start: datetime) -> Segment:
        """Make the file of a segment whose first picture came at `start` (UTC). Raises `OSError`."""
        while True:
            folder = self.root / f"{start:%Y-%m-%d}"
            folder.mkdir(exist_ok=True)
            _sync_folder(self.root)
            try:
                return Segment(folder / f"{start:%H%M%S}{start.microsecond // 1000:03d}.mp4")
            except FileExistsError:  # the clock was set back
                start += timedelta(milliseconds=1)

    def finished(self, segment: Segment) -> None:
        """Close a segment and count it among those that may be deleted."""
        segment.close()
        if segment.size:
            self._finished.append((segment.path, segment.size))
            self._finished_bytes += segment.size

    def make_room(self, open_bytes: int = 0) -> bool:
        """Delete the oldest segments until the limits hold; return whether the disk has its free floor now.

        `open_bytes` is the size of the segment being written, which is never deleted. Raises `OSError`.
        """
        while self._finished and self._finished_bytes + open_bytes > self._keep_bytes:
            self._delete_oldest()
        while self._finished and self._free(self.root) < self._floor:
            self._delete_oldest()
        return self._free(self.root) >= self._floor

    def give_up_oldest(self) -> None:
        """Delete the oldest segment, unless it is the only one: the disk is full although its floor seems to hold."""
        if len(self._finished) > 1:
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        path, size = self._finished[0]
        path.unlink(missing_ok=True)
        self._finished.popleft()
        self._finished_bytes -= size
        self.deleted += 1
        with contextlib.suppress(OSError):  # other files of that day remain
            path.parent.rmdir()


def _sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
