"""Pictures, sounds and clips under the name of their own SHA-256: what is there cannot have been changed."""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hub.media_kinds import SUFFIXES, media_type
from hub.media_parts import MediaRefused, Parts, Progress

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is taken in one piece."""
MAX_CLIP_BYTES = 1_000_000_000
"""The largest file that may come in pieces: an hour of video at 2 Mbit/s."""
HASH = re.compile(r"[0-9a-f]{64}")
AT_ONCE = 8
"""Files that are received at the same time."""
PIECES_AT_ONCE = 64
"""Pieces likewise; they come over slow links for minutes, and must keep nobody's snapshot waiting."""
HELD_S = 3600.0
"""A sound that came, or was asked for by `hold`, stays so long in any case: who needs it is about to write so."""
Needed = Callable[[], Awaitable[Set[str] | None]]


@dataclass(frozen=True, slots=True)
class Medium:
    """A file in the store."""

    path: Path
    type: str
    size: int
    at: float

    @property
    def is_picture(self) -> bool:
        """Whether it is a still picture."""
        return self.type == "image/jpeg"

    @property
    def is_sound(self) -> bool:
        """Whether it may be part of a bulletin."""
        return self.worth == 2

    @property
    def worth(self) -> int:
        """What goes first when room is needed: pictures, then clips, sounds last."""
        return {"image/jpeg": 0, "video/mp4": 1}.get(self.type, 2)


class _Places:
    """So much may be received at the same time."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextlib.contextmanager
    def take(self, sha256: str) -> Iterator[None]:
        """Hold one. Raises MediaRefused, also for a name that is none."""
        if not HASH.fullmatch(sha256):
            raise MediaRefused(400, "media.bad_name")
        if not self._free:
            raise MediaRefused(503, "media.busy")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class MediaStore:
    """A folder of at most `limit` bytes; beyond that the oldest pictures go, then the oldest clips, then sounds.

    What somebody needs never goes: rather is something new refused.
    """

    def __init__(self, folder: Path, limit: int, needed: Needed | None = None) -> None:
        """`needed` tells the SHA-256 of what must stay; None where nobody can say, and then all sounds do."""
        self._folder = folder
        self._limit = limit
        self._needed = needed
        self._turn = asyncio.Lock()
        self._held: dict[str, float] = {}
        self._parts = Parts(folder / "parts", limit)
        self._index: dict[str, Medium] = {}
        self._total = 0
        self._whole = _Places(AT_ONCE)
        self._pieces = _Places(PIECES_AT_ONCE)

    async def start(self) -> None:
        """Look through the folder. Raises OSError."""
        self._index = await asyncio.to_thread(self._scan)
        self._total = sum(medium.size for medium in self._index.values())
        await self._parts.start()

    @property
    def largest(self) -> int:
        """The largest file that may come in pieces, in bytes: what sounds leave room for."""
        sounds = sum(medium.size for medium in self._index.values() if medium.is_sound)
        return min(MAX_CLIP_BYTES, int(self._limit * 0.9) - sounds)

    def progress(self, sha256: str) -> Progress | None:
        """How much of a file has come, also of one that is whole; None when nothing is known of it."""
        if medium := self._index.get(sha256):
            return Progress(medium.size, medium.size, medium.at)
        return self._parts.progress(sha256)

    def get(self, sha256: str) -> Medium | None:
        """The file, if it is there."""
        return self._index.get(sha256)

    def hold(self, sha256: str) -> Medium | None:
        """The same, for who is about to write that it is needed: it does not go meanwhile."""
        found = self._index.get(sha256)
        if found is not None and found.is_sound:
            self._held[sha256] = time.monotonic()
        return found

    async def put(self, sha256: str, chunks: AsyncIterator[bytes], said: str = "") -> Medium:
        """Receive a file; `said` is the type that its sender gives it. Raises MediaRefused, OSError; then nothing of
        it stays.
        """
        draft = self._folder / f".{secrets.token_hex(8)}.part"
        with self._whole.take(sha256):
            try:
                kind, size = await self._receive(sha256, chunks, draft, said)
            except BaseException:
                await _away(draft)
                raise
            return await self._settle(sha256, draft, kind, size)

    async def append(
        self, sha256: str, offset: int, total: int, chunks: AsyncIterator[bytes], said: str = ""
    ) -> Medium | None:
        """Receive a piece of a file of `total` bytes; returns the file once all of it is there and proven.

        What has come stays, also when the piece breaks off or the hub ends. Raises MediaRefused (WrongOffset where
        another piece is wanted), OSError.
        """
        with self._pieces.take(sha256):
            if total > self.largest:
                raise MediaRefused(413, "media.clip_too_large")
            part = await self._parts.append(sha256, offset, total, chunks)
            if part is None:
                return self._index.get(sha256)
            kind = media_type(await asyncio.to_thread(_head, part.path), said) or ""
            return await self._settle(sha256, part.path, kind, part.total)

    async def _settle(self, sha256: str, draft: Path, kind: str, size: int) -> Medium:
        """Give a file that is proven its place. Raises MediaRefused where there is no room, OSError."""
        # a sender who is gone or a limit that is over must not leave a file that the index does not know
        return await asyncio.shield(asyncio.create_task(self._settled(sha256, draft, kind, size)))

    async def _settled(self, sha256: str, draft: Path, kind: str, size: int) -> Medium:
        try:
            async with self._turn:
                before = self._index.get(sha256)
                more = size - (before.size if before else 0)
                await self._make_room(sha256, more)
                path = self._folder / f"{sha256}{SUFFIXES[kind]}"
                await asyncio.to_thread(draft.replace, path)
                self._index[sha256] = medium = Medium(path, kind, size, path.stat().st_mtime)
                self._total += more
        finally:
            await _away(draft)
        self.hold(sha256)
        await self._parts.discard(sha256)
        return medium

    async def _receive(self, sha256: str, chunks: AsyncIterator[bytes], draft: Path, said: str) -> tuple[str, int]:
        """Its kind and size, once it is on the disk."""
        digest = hashlib.sha256()
        size, head = 0, b""
        file = await asyncio.to_thread(draft.open, "xb")
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_BYTES:
                    raise MediaRefused(413, "media.too_large")
                if len(head) < 12:
                    head += chunk[:12]
                    if len(head) >= 12 and media_type(head) is None:
                        raise MediaRefused(415, "media.bad_type")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
            kind = media_type(head, said)
            if kind is None:
                raise MediaRefused(415, "media.bad_type")
            if digest.hexdigest() != sha256:
                raise MediaRefused(422, "media.bad_hash")
            await asyncio.to_thread(_finish, file, durable=kind != "image/jpeg")
            return kind, size
        finally:
            file.close()

    def _scan(self) -> dict[str, Medium]:
        self._folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Medium] = {}
        for path in self._folder.iterdir():
            kind = next((kind for kind, suffix in SUFFIXES.items() if suffix == path.suffix), None)
            if kind and HASH.fullmatch(path.stem):
                stat = path.stat()
                found[path.stem] = Medium(path, kind, stat.st_size, stat.st_mtime)
            elif path.suffix == ".part":
                path.unlink()
        return found

    async def _make_room(self, newcomer: str, size: int) -> None:
        """For `size` bytes more. Raises MediaRefused where too little may go; then all stays."""
        if self._total + size <= self._limit:
            return
        may_go = [name for name in await self._dispensable() if name != newcomer]
        if self._total + size - sum(self._index[name].size for name in may_go) > self._limit:
            raise MediaRefused(507, "media.full")
        for sha256 in may_go:
            if self._total + size <= self._limit * 0.95:
                return
            medium = self._index.pop(sha256)
            self._total -= medium.size
            await _away(medium.path)

    async def _dispensable(self) -> list[str]:
        """What nobody needs, in the order in which it goes."""
        needed = await self._needed() if self._needed else frozenset()
        now = time.monotonic()
        self._held = {name: at for name, at in self._held.items() if now - at < HELD_S and name in self._index}
        free = [
            name
            for name, medium in self._index.items()
            if not (medium.is_sound and (needed is None or name in self._held)) and name not in (needed or ())
        ]
        return sorted(free, key=lambda name: (self._index[name].worth, self._index[name].at))


async def _away(path: Path) -> None:
    with contextlib.suppress(OSError):
        await asyncio.to_thread(path.unlink, True)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)


def _finish(file: BinaryIO, *, durable: bool) -> None:
    """Nothing is left in memory; a picture is looked at now or never, but a sound must survive a power cut."""
    file.flush()
    if durable:
        os.fsync(file.fileno())
