"""The node's own sounds: a folder of bounded size that never loses what is planned.

`files/` holds what is whole: fetched sounds under their SHA-256, sounds that the node made under `<key>-<sha256>.wav`.
`parts/` holds what is still being fetched, `work/` what is being made. The folder itself is the index: times of
modification are times of last use.
"""

import errno
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_agent.contract.errors import Refusal
from edge_agent.media.threads import Threads
from tts.files import durable_replace, sha256_of

log = logging.getLogger(__name__)
_PART_LEFTOVER_S = 14 * 86_400
_LEFT_FREE = 64_000_000
"""Bytes of the disk (a twentieth of a small one) that sounds never take: the node's records need them."""


@dataclass(slots=True)
class _File:
    size: int
    used: float
    proven: int = 0
    """Time of modification (ns) at which the content was the right one; 0: not yet looked at."""


class SoundStore:
    """A folder of at most `limit` bytes: the least recently used goes first, what an owner has pinned never.

    Blocking, for any thread; `threads` are there for it. Methods raise Refusal `media.disk` when the disk refuses.
    """

    def __init__(self, folder: Path, limit: int, *, wall: Callable[[], float] = time.time) -> None:
        """`wall` gives the seconds since 1970 that order the files by use; wrong ones cost nothing but the order."""
        self.folder = folder
        self.threads = Threads(2, "sounds")
        self._files_folder, self._parts, self.work = folder / "files", folder / "parts", folder / "work"
        self._limit = limit
        self._wall = wall
        self._lock = threading.RLock()
        self._files: dict[str, _File] = {}
        self._pins: dict[str, set[str]] = {}
        self._reserved: dict[str, int] = {}

    def open(self) -> None:
        """Look through the folder; what was being made when the power went is removed."""
        with self._lock, _disk():
            shutil.rmtree(self.work, ignore_errors=True)
            for folder in (self._files_folder, self._parts, self.work):
                folder.mkdir(parents=True, exist_ok=True)
            self._files = {path.name: _File(size, used) for path, size, used in _listed(self._files_folder)}
            for path, _, used in _listed(self._parts):
                if self._wall() - used > _PART_LEFTOVER_S:
                    path.unlink(missing_ok=True)

    def fetched(self, sha256: str) -> Path | None:
        """A fetched sound, proven once since the start; None when it is not there."""
        return self._proven(sha256, sha256)

    def made(self, key: str, owner: str) -> Path | None:
        """A sound that the node made by the recipe `key`, proven likewise and pinned for `owner`."""
        with self._lock:
            name = next((name for name in self._files if name.startswith(f"{key}-")), None)
            if name is None:
                return None
            self.pin(owner, [name])
        return self.named(name)

    def take(self, draft: Path, key: str, owner: str) -> Path:
        """Keep what was made by the recipe `key`. Raises Refusal, also `media.no_room`."""
        with _disk():
            size, sha256 = draft.stat().st_size, sha256_of(draft)
        self.reserve(key, size)
        try:
            return self.keep(draft, f"{key}-{sha256}.wav", owner)
        finally:
            self.unreserve(key, size)

    def named(self, name: str) -> Path | None:
        """A file of the store by the name that `Path.name` gave, proven likewise."""
        return self._proven(name, sha256_in(name))

    def keep(self, draft: Path, name: str, owner: str) -> Path:
        """Take a finished file (of the same disk), durably, pinned for `owner`; its room was reserved before."""
        self.pin(owner, [name])
        path = self._files_folder / name
        with _disk():
            durable_replace(draft, path)
            status = path.stat()
        with self._lock:
            self._files[name] = _File(status.st_size, self._wall(), status.st_mtime_ns)
        return path

    def part(self, sha256: str) -> Path:
        """Where a sound is put together while it comes."""
        return self._parts / sha256

    def pin(self, owner: str, names: Iterable[str]) -> None:
        """These files stay as long as `owner` needs them; they are added to what it has."""
        with self._lock:
            self._pins.setdefault(owner, set()).update(names)

    def pin_only(self, owner: str, names: Iterable[str]) -> None:
        """`owner` needs these files and no others any more; none: nothing."""
        with self._lock:
            self._pins.pop(owner, None)
            if kept := set(names):
                self._pins[owner] = kept

    def pinned(self, owner: str) -> frozenset[str]:
        """What `owner` has pinned."""
        with self._lock:
            return frozenset(self._pins.get(owner, ()))

    def reserve(self, name: str, size: int) -> None:
        """Keep `size` bytes free for `name`, which is about to come. Raises Refusal `media.no_room`, `media.disk`."""
        with self._lock, _disk():
            self._reserved[name] = self._reserved.get(name, 0) + size
            try:
                self._evict(size)
            except (Refusal, OSError):
                self.unreserve(name, size)
                raise

    def unreserve(self, name: str, size: int) -> None:
        """It has come, or it will not."""
        with self._lock:
            self._reserved[name] -= size
            if not self._reserved[name]:
                del self._reserved[name]

    def shrink(self) -> None:
        """The disk is full, whatever was reckoned: let go of half of what nobody has pinned, and of idle parts."""
        with self._lock, suppress(OSError):
            held = self._held()
            free = sorted((file.used, name) for name, file in self._files.items() if name not in held)
            for _, name in free[: (len(free) + 1) // 2]:
                self._drop(name)
            self._drop_parts()

    @property
    def used(self) -> int:
        """Bytes of all files, and of those that are still coming."""
        with self._lock:
            return sum(file.size for file in self._files.values()) + self._coming()

    def _coming(self, *, reserved: bool = False) -> int:
        """Bytes in parts, of those that have a reservation or of the others."""
        with suppress(OSError):
            return sum(size for path, size, _ in _listed(self._parts) if (path.name in self._reserved) == reserved)
        return 0

    def _held(self) -> set[str]:
        return set().union(*self._pins.values())

    def _evict(self, needed: int) -> None:
        reserved = sum(self._reserved.values())
        disk = shutil.disk_usage(self.folder)
        fits = self.used + self._coming(reserved=True) + disk.free - min(_LEFT_FREE, disk.total // 20)
        room = min(self._limit, fits) - reserved
        held = self._held()
        for name in sorted(self._files, key=lambda name: self._files[name].used):
            if self.used <= room:
                return
            if name not in held:
                self._drop(name)
        if self.used > room:
            self._drop_parts()
        if self.used <= room:
            return
        if fits < self._limit:
            raise disk_refusal(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        million = 1_000_000
        raise Refusal(
            "media.no_room",
            needed_mb=round(needed / million, 1),
            planned_mb=round((self.used + reserved - needed) / million, 1),
            limit_mb=round(self._limit / million, 1),
        )

    def _drop(self, name: str) -> None:
        self._files.pop(name, None)
        with suppress(OSError):
            self._files_folder.joinpath(name).unlink(missing_ok=True)

    def _drop_parts(self) -> None:
        """Parts that nobody is fetching now: they can come again."""
        for path, _, _ in _listed(self._parts):
            if path.name.partition(".")[0] not in self._reserved:
                path.unlink(missing_ok=True)

    def _proven(self, name: str, sha256: str) -> Path | None:
        path = self._files_folder / name
        with self._lock:
            file = self._files.get(name)
        if file is None:
            return None
        try:
            stamp = path.stat().st_mtime_ns
            if file.proven != stamp and sha256_of(path) != sha256:
                raise OSError(errno.EIO, "its content is not what its name says")
            with suppress(OSError):  # a read-only card
                os.utime(path, (self._wall(), self._wall()))
            file.used, file.proven = self._wall(), path.stat().st_mtime_ns
        except OSError as error:  # a bad sector, a file that somebody removed: it comes again
            log.warning("the sound %s is of no use any more: %s", name, error)
            with self._lock:
                self._drop(name)
            return None
        return path


def sha256_in(name: str) -> str:
    """The SHA-256 in the name of a file of the store."""
    return name.removesuffix(".wav").rpartition("-")[2]


def disk_refusal(error: OSError) -> Refusal:
    """What a disk that refuses means to people."""
    return Refusal("media.disk", detail=error.strerror or type(error).__name__)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_refusal(error) from error


def _listed(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Path, bytes and time of modification of the files in a folder."""
    for path in list(folder.iterdir()):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield path, status.st_size, status.st_mtime
