"""Pictures and sounds under the name of their own SHA-256: what is there cannot have been changed."""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is taken."""
HASH = re.compile(r"[0-9a-f]{64}")
AT_ONCE = 8
"""Files that are received at the same time."""


class MediaRefused(Exception):
    """A file that is not taken: HTTP status, and the key of a sentence in hub/text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Medium:
    """A file in the store."""

    path: Path
    type: str
    size: int
    at: float

    @property
    def is_picture(self) -> bool:
        """Whether it goes first when room is needed."""
        return self.type == "image/jpeg"


_SUFFIXES = {
    "image/jpeg": ".jpg",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
}


def media_type(head: bytes) -> str | None:
    """What the first 12 bytes say; None for anything but JPEG and the sounds that nodes can play."""
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] in {b"fLaC", b"OggS"}:
        return "audio/flac" if head[:1] == b"f" else "audio/ogg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):  # MPEG audio, layer III
        return "audio/mpeg"
    return None


class MediaStore:
    """A folder of at most `limit` bytes; beyond that the oldest pictures go, then the oldest sounds."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._index: dict[str, Medium] = {}
        self._total = 0
        self._receiving = 0

    async def start(self) -> None:
        """Look through the folder. Raises OSError."""
        self._index = await asyncio.to_thread(self._scan)
        self._total = sum(medium.size for medium in self._index.values())

    def get(self, sha256: str) -> Medium | None:
        """The file, if it is there."""
        return self._index.get(sha256)

    async def put(self, sha256: str, chunks: AsyncIterator[bytes]) -> Medium:
        """Receive a file. Raises MediaRefused, OSError; then nothing of it stays."""
        if not HASH.fullmatch(sha256):
            raise MediaRefused(400, "media.bad_name")
        if self._receiving >= AT_ONCE:
            raise MediaRefused(503, "media.busy")
        self._receiving += 1
        draft = self._folder / f".{secrets.token_hex(8)}.part"
        try:
            medium = await self._receive(sha256, chunks, draft)
        finally:
            self._receiving -= 1
            with contextlib.suppress(OSError):
                await asyncio.to_thread(draft.unlink, True)
        self._total += medium.size - (self._index[sha256].size if sha256 in self._index else 0)
        self._index[sha256] = medium
        await self._make_room(keep=sha256)
        return medium

    async def _receive(self, sha256: str, chunks: AsyncIterator[bytes], draft: Path) -> Medium:
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
            kind = media_type(head)
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
        path = self._folder / f"{sha256}{_SUFFIXES[kind]}"
        draft.replace(path)
        return Medium(path, kind, size, path.stat().st_mtime)

    def _scan(self) -> dict[str, Medium]:
        self._folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Medium] = {}
        for path in self._folder.iterdir():
            kind = next((kind for kind, suffix in _SUFFIXES.items() if suffix == path.suffix), None)
            if kind and HASH.fullmatch(path.stem):
                stat = path.stat()
                found[path.stem] = Medium(path, kind, stat.st_size, stat.st_mtime)
            elif path.suffix == ".part":
                path.unlink()
        return found

    async def _make_room(self, keep: str) -> None:
        if self._total <= self._limit:
            return
        order = sorted(self._index, key=lambda h: (not self._index[h].is_picture, self._index[h].at))
        for sha256 in order:
            if self._total <= self._limit * 0.95:
                return
            if sha256 == keep:
                continue
            medium = self._index.pop(sha256)
            self._total -= medium.size
            with contextlib.suppress(OSError):
                await asyncio.to_thread(medium.path.unlink, True)
