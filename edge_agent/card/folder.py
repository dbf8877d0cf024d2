"""A card whose FAT partition is mounted: a folder."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from edge_agent.card.faults import CardFault


class FolderTarget:
    """The mounted partition `root`. A name of another case counts as the same file, as FAT has it."""

    def __init__(self, root: Path) -> None:
        """Raise CardFault if there is no such folder."""
        if not root.is_dir():
            raise CardFault("card.no_folder", path=str(root))
        self._root = root
        self._is = _identity(root)
        self._folders = {root}

    def read(self, path: str) -> bytes | None:
        file = self._root / path
        try:
            with file.open("rb") as opened:
                if hasattr(os, "posix_fadvise"):  # what the card holds, not what the cache remembers
                    os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                return opened.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault(path, error) from error

    def listed(self, folder: str) -> Sequence[str]:
        try:
            entries = [entry for entry in (self._root / folder).iterdir() if entry.is_file()]
            return sorted(str(entry.relative_to(self._root)) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _fault(folder or "/", error) from error

    def put(self, path: str, data: bytes) -> None:
        self._check()
        file = self._root / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(file.parent)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            raise _fault(path, error) from error

    def rename(self, old: str, new: str) -> None:
        try:
            (self._root / old).replace(self._root / new)
        except OSError as error:
            raise _fault(new, error) from error

    def remove(self, path: str) -> None:
        try:
            (self._root / path).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise _fault(path, error) from error

    def settle(self) -> None:
        self._check()
        for folder in self._folders:
            try:
                _synced(folder)
            except OSError as error:
                if error.errno != errno.EINVAL:  # some file systems know no such thing
                    raise _fault(str(folder), error) from error

    def _check(self) -> None:
        """A card that was pulled out leaves an empty folder of the laptop's own disk in its place."""
        if _identity(self._root) != self._is:
            raise CardFault("card.gone", path=str(self._root))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(path: str, error: OSError) -> CardFault:
    if error.errno == errno.ENOSPC:
        return CardFault("card.full")
    return CardFault("card.unwritable", path=path, detail=error.strerror or str(error))
