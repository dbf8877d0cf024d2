"""Pictures, sounds and clips under the name of their own SHA-256: what is there cannot have been changed."""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hub.media_kinds import SUFFIXES, media_type
from hub.media_parts import MediaRefused, Part, Parts, Progress

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
    """A folder of at most `limit` bytes; beyond that the oldest pictures go, then the oldest clips, then sounds."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
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
        sounds = sum(medium.size for medium in self._index.values() if medium.worth == 2)
        return min(MAX_CLIP_BYTES, int(self._limit * 0.9) - sounds)

    def progress(self, sha256: str) -> Progress | None:
        """How much of a file has come, also of one that is whole; None when nothing is known of it."""
        if medium := self._index.get(sha256):
            return Progress(medium.size, medium.size, medium.at)
        return self._parts.progress(sha256)

    def get(self, sha256: str) -> Medium | None:
        """The file, if it is there."""
        return self._index.get(sha256)

    async def put(self, sha256: str, chunks: AsyncIterator[bytes], said: str = "") -> Medium:
        """Receive a file; `said` is the type that its sender gives it. Raises MediaRefused, OSError; then nothing of
        it stays.
        """
        draft = self._folder / f".{secrets.token_hex(8)}.part"
        with self._whole.take(sha256):
            try:
                medium = await self._receive(sha256, chunks, draft, said)
            finally:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(draft.unlink, True)
        await self._add(sha256, medium)
        return medium

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
            # a sender who is gone or a limit that is over must not leave a file that the index does not know
            return await asyncio.shield(asyncio.create_task(self._take_over(sha256, part, said)))

    async def _take_over(self, sha256: str, part: Part, said: str) -> Medium:
        medium = await asyncio.to_thread(self._adopt, sha256, part, said)
        await self._add(sha256, medium)
        return medium

    async def _add(self, sha256: str, medium: Medium) -> None:
        self._total += medium.size - (self._index[sha256].size if sha256 in self._index else 0)
        self._index[sha256] = medium
        await self._parts.discard(sha256)
        await self._make_room(keep=sha256)

    def _adopt(self, sha256: str, part: Part, said: str) -> Medium:
        """Give a part that is whole its place among the files."""
        with part.path.open("rb") as file:
            kind = media_type(file.read(12), said) or ""
        path = self._folder / f"{sha256}{SUFFIXES[kind]}"
        part.path.replace(path)
        return Medium(path, kind, part.total, path.stat().st_mtime)

    async def _receive(self, sha256: str, chunks: AsyncIterator[bytes], draft: Path, said: str) -> Medium:
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
            return await asyncio.to_thread(self._keep, file, draft, sha256, kind, size)
        finally:
            file.close()

    def _keep(self, file: BinaryIO, draft: Path, sha256: str, kind: str, size: int) -> Medium:
        file.flush()
        if kind != "image/jpeg":  # a picture is looked at now or never; a sound must survive a power cut
            os.fsync(file.fileno())
        path = self._folder / f"{sha256}{SUFFIXES[kind]}"
        draft.replace(path)
        return Medium(path, kind, size, path.stat().st_mtime)

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

    async def _make_room(self, keep: str) -> None:
        if self._total <= self._limit:
            return
        order = sorted(self._index, key=lambda name: (self._index[name].worth, self._index[name].at))
        for sha256 in order:
            if self._total <= self._limit * 0.95:
                return
            if sha256 == keep:
                continue
            medium = self._index.pop(sha256)
            self._total -= medium.size
            with contextlib.suppress(OSError):
                await asyncio.to_thread(medium.path.unlink, True)
