"""The folder `edge-agent` on a card's FAT partition: read with patience, written with care, secrets wiped."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_agent.store.files import sync_folder, write_atomically

FOLDER = "edge-agent"
NODE = ("node.yaml", "node.yml", "node.yaml.txt", "node.yml.txt")
ENROL = ("enrol.json", "enrol.json.txt")
SECRETS = ("secrets",)
PLACES = (Path("/boot/firmware"), Path("/boot"))
_MOST = 1_000_000
_MOST_FILES = 100


class Card:
    """Names count whatever their case; Windows hides the `.txt` that Notepad appends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def found(cls, places: Iterable[Path] = PLACES) -> "Card | None":
        """The first of these partitions that has our folder."""
        for place in places:
            folder = _named(place, (FOLDER,))
            if folder is not None and folder.is_dir():
                return cls(folder)
        return None

    def file(self, names: tuple[str, ...]) -> Path | None:
        """The file that is meant."""
        return _named(self.folder, names)

    def read(self, names: tuple[str, ...]) -> bytes | None:
        """What it holds; None where there is none. Raises OSError."""
        path = self.file(names)
        return content(path) if path is not None else None

    def secrets(self) -> Iterator[Path]:
        """Files that are to be moved off the card."""
        folder = self.file(SECRETS)
        if folder is None or not folder.is_dir():
            return
        with contextlib.suppress(OSError):
            for path in sorted(folder.iterdir())[:_MOST_FILES]:
                if stat.S_ISREG(path.lstat().st_mode) and not path.name.startswith("."):
                    yield path

    def write(self, name: str, text: bytes) -> None:
        """Replace a file as Windows reads it; in place where a full card has no room for a second. Raises OSError."""
        path = _named(self.folder, (name,)) or self.folder / name
        with contextlib.suppress(OSError):
            if content(path) == text:
                return
        try:
            write_atomically(path, text, 0o644)
            _settle(path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not path.is_file():
                raise
            _overwrite(path, text)

    def wipe(self, path: Path) -> None:
        """Take a file away so that its words cannot be read off the card any more. Raises OSError."""
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(path.parent)


def content(path: Path) -> bytes:
    """An ordinary file of reasonable size. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not an ordinary file", str(path))
        read = file.read(_MOST + 1)
    if len(read) > _MOST:
        raise OSError(errno.EFBIG, "too large", str(path))
    return read


def _settle(path: Path) -> None:
    """Make a rename on FAT durable.

    There the folder's entry of a file that took another's place belongs to the file: without this it names, for half a
    minute, the blocks of the one before, which are free already; after a power cut the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _overwrite(path: Path, text: bytes) -> None:
    with path.open("r+b") as file:
        file.write(text)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _named(folder: Path, names: tuple[str, ...]) -> Path | None:
    try:
        there = {entry.name.casefold(): entry for entry in sorted(folder.iterdir(), reverse=True)}
    except OSError:
        return None
    return next((there[name.casefold()] for name in names if name.casefold() in there), None)
