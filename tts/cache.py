"""Finished speech on disk, found by what made it, checked by what it is.

A file is `<2 first of key>/<key>-<sha256 of the file>.wav`: one rename puts it there whole, and every read proves it.
Several processes may share a folder. Times of modification are times of last use.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tts.files import durable_replace, sha256_of

logger = logging.getLogger(__name__)

_WORK_PREFIX = "work-"
_WORK_LEFTOVER_S = 86_400.0  # a work folder that old belongs to nobody


def key_of(*parts: object) -> str:
    """Return the key (hex) of what makes a file: anything that JSON can carry."""
    # A lone surrogate in a text is no reason to fail here.
    written = json.dumps(parts, ensure_ascii=False).encode(errors="backslashreplace")
    return hashlib.sha256(written).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache and its SHA-256 (hex)."""

    path: Path
    sha256: str


class SpeechCache:
    """A folder of at most `limit` bytes; the least recently used goes first.

    Everything is done inside `with cache.session() as work:`, `work` being a folder for files in the making. What the
    session has got or put is not evicted before it ends. Methods raise OSError when the disk refuses.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit
        self._pinned: set[Path] = set()
        self._used: int | None = None
        self._obstacle: OSError | None = None

    @contextlib.contextmanager
    def session(self) -> Iterator[Path]:
        """Open the cache for one announcement and tidy up after it."""
        with self._work_folder() as work:
            try:
                yield Path(work)
            finally:
                self._pinned.clear()

    def _work_folder(self) -> tempfile.TemporaryDirectory[str]:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(dir=self._root, prefix=_WORK_PREFIX, ignore_cleanup_errors=True)
            self._obstacle = None
            return folder
        except OSError as error:
            # A card that became read-only can still give what it has.
            self._obstacle = error
            return tempfile.TemporaryDirectory(prefix="tts-", ignore_cleanup_errors=True)

    def get(self, key: str) -> Entry | None:
        """Return the file of `key`, or None; a file that is not what its name says is removed."""
        for path in self._root.joinpath(key[:2]).glob(f"{key}-*.wav"):
            sha256 = path.stem.partition("-")[2]
            try:
                if sha256_of(path) == sha256:
                    with contextlib.suppress(OSError):  # a read-only card
                        os.utime(path)
                    self._pinned.add(path)
                    return Entry(path, sha256)
                logger.warning("speech cache: %s is damaged and is dropped", path.name)
                path.unlink(missing_ok=True)
            except OSError as error:  # a bad sector or a file evicted by a neighbour: make it anew
                logger.warning("speech cache: %s cannot be read: %s", path.name, error)
        return None

    def require_writable(self) -> None:
        """Raise OSError when the session already knows that `put` will fail."""
        if self._obstacle is not None:
            raise self._obstacle

    def put(self, key: str, made: Path) -> Entry:
        """Move the file `made` into the cache, durably."""
        sha256, size = sha256_of(made), made.stat().st_size
        folder = self._root / key[:2]
        folder.mkdir(exist_ok=True)
        path = folder / f"{key}-{sha256}.wav"
        durable_replace(made, path)
        self._pinned.add(path)
        if self._used is None:
            self._used = self._measure() - size
            self._drop_leftovers()
        self._used += size
        if self._used > self._limit:
            self.trim(self._limit * 9 // 10)
        return Entry(path, sha256)

    def trim(self, limit: int) -> None:
        """Remove the least recently used files until at most `limit` bytes are left, if the session can spare them."""
        files = sorted(self._files(), key=lambda item: item[0])
        self._used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._used <= limit:
                break
            if path not in self._pinned:
                path.unlink(missing_ok=True)
                self._used -= size

    def make_room(self, error: OSError) -> bool:
        """Say whether it is worth trying again after `error`: the disk was full, and half of the cache went."""
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            return False
        before = self._measure()
        self.trim(before // 2)
        return self._measure() < before

    def remember(self, name: str, value: str) -> None:
        """Keep a short note that outlives the process; only a hint, so no fsync."""
        note = self._root / f"{name}.note"
        if self.recall(name) != value:
            note.write_text(value, encoding="utf-8")

    def recall(self, name: str) -> str | None:
        """Return the note of `name`, or None."""
        try:
            return (self._root / f"{name}.note").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _measure(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._root.glob("??/*.wav"):
            with contextlib.suppress(FileNotFoundError):  # a neighbour was faster
                status = path.stat()
                yield status.st_mtime, status.st_size, path

    def _drop_leftovers(self) -> None:
        for folder in self._root.glob(f"{_WORK_PREFIX}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _WORK_LEFTOVER_S:
                    shutil.rmtree(folder, ignore_errors=True)
