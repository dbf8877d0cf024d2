"""Uploads that come in pieces, for hours and through restarts if need be: files that grow until their hash is right.

A part is a file `<sha256>.<bytes of the whole>` in a folder of its own: its name and its length are all there is to
know, so nothing can get out of step. It is on the disk before the sender is told so.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hub.media_kinds import media_type

logger = logging.getLogger(__name__)

MOST = 64
"""Uploads that may be under way."""
IDLE_S = 3600.0
"""An upload without progress for so long gives way when another one needs its place."""
FORGOTTEN_S = 7 * 86_400.0
"""Then it goes in any case."""
_NAME = re.compile(r"([0-9a-f]{64})\.(\d{1,15})")
_HEAD = 12


class MediaRefused(Exception):
    """A file that is not taken: HTTP status, and the key of a sentence in hub/text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class WrongOffset(MediaRefused):
    """A piece that does not fit what has come: the one that begins at `offset` is wanted."""

    def __init__(self, offset: int) -> None:
        super().__init__(409, "media.wrong_offset")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a file has come, in bytes, and when the last of it did (seconds since 1970)."""

    received: int
    total: int
    at: float

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return self.received >= self.total


@dataclass(slots=True)
class Part:
    """A file that is coming."""

    path: Path
    total: int
    received: int
    at: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Parts:
    """The uploads that are under way: of so many files, and together of `limit` bytes at most."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._parts: dict[str, Part] = {}

    async def start(self) -> None:
        """Look through the folder. Raises OSError."""
        self._parts = await asyncio.to_thread(self._scan)

    def progress(self, sha256: str) -> Progress | None:
        """How much of it has come; None for a file that nobody has begun."""
        part = self._parts.get(sha256)
        return Progress(part.received, part.total, part.at) if part else None

    async def append(self, sha256: str, offset: int, total: int, chunks: AsyncIterator[bytes]) -> Part | None:
        """Add what comes at `offset`; returns the part when it is whole and proven, None while more is to come.

        The caller moves a whole part away, then calls `discard`. Raises MediaRefused, OSError; what has come stays,
        but for what is proven wrong.
        """
        part = self._parts.get(sha256)
        if part is None or (part.total != total and not offset):
            part = await self._begin(sha256, offset, total)
        elif part.total != total:
            raise WrongOffset(0)
        if offset != part.received:
            raise WrongOffset(part.received)
        with await asyncio.to_thread(part.path.open, "r+b") as file:
            try:
                await self._receive(sha256, part, file, chunks)
            finally:
                await asyncio.to_thread(os.fsync, file.fileno())
        async with part.turn:
            if part.received < total or self._parts.get(sha256) is not part:
                return None
            await self._prove(sha256, part)
            del self._parts[sha256]  # from here on it is the caller's
            return part

    async def discard(self, sha256: str) -> None:
        """Forget what has come of a file."""
        if part := self._parts.pop(sha256, None):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(part.path.unlink, True)

    async def _begin(self, sha256: str, offset: int, total: int) -> Part:
        if offset:
            raise WrongOffset(0)
        await self.discard(sha256)
        await self._make_room(total)
        path = self._folder / f"{sha256}.{total}"
        part = self._parts[sha256] = Part(path, total, 0, time.time())
        try:
            await asyncio.to_thread(_touch, path)
        except OSError:
            self._parts.pop(sha256, None)
            raise
        return part

    async def _make_room(self, total: int) -> None:
        now = time.time()
        for sha256 in sorted(self._parts, key=lambda name: self._parts[name].at):
            idle = now - self._parts[sha256].at
            if idle > FORGOTTEN_S or (self._crowded(total) and idle > IDLE_S):
                logger.warning("an upload without progress for %.0f s gives way: %s", idle, sha256[:16])
                await self.discard(sha256)
        if self._crowded(total):
            raise MediaRefused(503, "media.busy")

    def _crowded(self, total: int) -> bool:
        return len(self._parts) >= MOST or sum(part.total for part in self._parts.values()) + total > self._limit

    async def _receive(self, sha256: str, part: Part, file: BinaryIO, chunks: AsyncIterator[bytes]) -> None:
        position = part.received
        async for chunk in chunks:
            async with part.turn:  # a sender whose old connection is not yet known to be dead may come twice
                if position != part.received or self._parts.get(sha256) is not part:
                    raise WrongOffset(part.received)
                if position + len(chunk) > part.total:
                    raise MediaRefused(400, "media.bad_upload")
                await asyncio.to_thread(_write, file, position, chunk)
                position += len(chunk)
                part.received, part.at = position, time.time()
                if position - len(chunk) < _HEAD <= position:
                    await self._look(sha256, file)

    async def _look(self, sha256: str, file: BinaryIO) -> None:
        if media_type(await asyncio.to_thread(os.pread, file.fileno(), _HEAD, 0)) is None:
            await self.discard(sha256)
            raise MediaRefused(415, "media.bad_type")

    async def _prove(self, sha256: str, part: Part) -> None:
        head, digest = await asyncio.to_thread(_proof, part.path)
        if digest == sha256 and media_type(head) is not None:
            return
        await self.discard(sha256)
        raise MediaRefused(422, "media.bad_hash") if digest != sha256 else MediaRefused(415, "media.bad_type")

    def _scan(self) -> dict[str, Part]:
        found: dict[str, Part] = {}
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            match, status = _NAME.fullmatch(path.name), path.stat()
            old = time.time() - status.st_mtime > FORGOTTEN_S
            if match is None or old or match[1] in found or status.st_size > int(match[2]):
                with contextlib.suppress(OSError):
                    path.unlink()
            else:
                found[match[1]] = Part(path, int(match[2]), status.st_size, status.st_mtime)
        return found


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _write(file: BinaryIO, position: int, chunk: bytes) -> None:
    """All of it or nothing, so that the length of the file is what has come."""
    try:
        file.seek(position)
        file.write(chunk)
        file.flush()
    except OSError:
        os.truncate(file.fileno(), position)
        raise


def _proof(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        return head, hashlib.file_digest(file, "sha256").hexdigest()
