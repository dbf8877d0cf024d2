"""The files of one camera: written so that a power cut spoils nothing, entered in the index as they come and go.

Layout: `<directory>/<camera>/<YYYY-MM-DD>/<HHMMSSmmm>.mp4`, named by the UTC time of the first picture.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from camera.recordings.boxes import Mark
from camera.recordings.catalogue import Catalogue, from_ms

LOCK = ".lock"
"""In a camera's folder; locked by who records it."""


def name_of(camera: str, begin: int) -> str:
    """Return the path, from the directory of all recordings, of a segment that began at `begin` (ms)."""
    start = from_ms(begin)
    return f"{camera}/{start:%Y-%m-%d}/{start:%H%M%S}{start.microsecond // 1000:03d}.mp4"


class Segment:
    """One file being written. A piece is on the disk when `append` returns, or it is not in the file at all."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Make the file. Raises `OSError`, `FileExistsError` among them."""
        self.path, self.mark = path, mark
        self.size, self.end = 0, mark.begin + 1
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        sync_folder(path.parent)

    def append(self, piece: bytes) -> None:
        """Write a piece to the end of the file and to the disk. Raises `OSError`; the file then ends before it."""
        try:
            self._write(piece)
            os.fdatasync(self._fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += len(piece)

    def close(self) -> None:
        """Close the file, with a mark of its end for those who must do without the index."""
        try:
            if self.size:
                tail = Mark(self.mark.serial, self.mark.begin, self.end).pack()
                with contextlib.suppress(OSError):  # it is a help, no more
                    self._write(tail)
                    self.size += len(tail)
        finally:
            os.close(self._fd)

    def leave(self) -> None:
        """Close the file without a mark."""
        os.close(self._fd)

    def _write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._fd, rest) :]


class Shelf:
    """Where one camera's segments are made and finished. For use by one thread, and by one process at a time."""

    def __init__(self, catalogue: Catalogue, camera: str) -> None:
        """Take over the camera's folder, which is made when missing. Raises `OSError`, also when it is taken."""
        self.catalogue, self.camera = catalogue, camera
        self.root = catalogue.directory / camera
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise OSError(error.errno, "another process records this camera") from error
        self._unfiled: list[Segment] = []

    def release(self) -> None:
        """Let another process record this camera. Raises `OSError` when what is finished cannot be entered."""
        try:
            self.file()
        finally:
            os.close(self._lock)

    def create(self, begin: int) -> Segment:
        """Make the file of a segment whose first picture came at `begin` (ms): row first, then file."""
        self.file()
        wanted = begin
        while True:
            path = name_of(self.camera, wanted)
            number = self.catalogue.begin_segment(self.camera, path, begin)
            if number is not None:
                with contextlib.suppress(FileExistsError):  # a stranger's, or one that is not in the index
                    return self._make(path, Mark(number, begin))
            wanted += 1  # the clock was set back

    def _make(self, path: str, mark: Mark) -> Segment:
        file = self.catalogue.directory / path
        try:
            file.parent.mkdir(exist_ok=True)
            sync_folder(self.root)
            return Segment(file, mark)
        except OSError:
            with contextlib.suppress(OSError):  # a row without a file is harmless
                self.catalogue.forget_segment(mark.serial, path)
            raise

    def grew(self, segment: Segment, end: int) -> None:
        """Note up to when (ms) the segment reaches, and tell the others who share the disk how large it is."""
        segment.end = end
        self.catalogue.writing[self._path(segment)] = segment.size

    def finished(self, segment: Segment) -> None:
        """Close a segment and enter it as finished; one that got nothing is removed. Raises `OSError`."""
        self._unfiled.append(segment)
        segment.close()
        self.file()

    def left(self, segment: Segment) -> None:
        """Let go of a segment without entering it: whoever takes the folder over next measures it."""
        self.catalogue.writing.pop(self._path(segment), None)
        segment.leave()

    def file(self) -> None:
        """Enter in the index what is finished: the disk may have refused it before. Raises `OSError`."""
        while self._unfiled:
            segment = self._unfiled[0]
            path = self._path(segment)
            if segment.size:
                self.catalogue.finish_segment(self.camera, path, segment.mark.begin, segment.end, segment.size)
            else:
                segment.path.unlink(missing_ok=True)
                self.catalogue.forget_segment(segment.mark.serial, path)
            self._unfiled.pop(0)

    def _path(self, segment: Segment) -> str:
        return str(segment.path.relative_to(self.catalogue.directory))


def is_recorded(root: Path) -> bool:
    """Whether somebody records the camera of this folder now."""
    try:
        fd = os.open(root / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
