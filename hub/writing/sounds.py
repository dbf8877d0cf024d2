"""Recordings and music that people bring: made ours in a child, kept in the media store by what they hold."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

from hub.media import MediaStore
from hub.media_parts import MediaRefused
from hub.writing.model import Sound
from hub.writing.sound_child import LONGEST_S

logger = logging.getLogger(__name__)

Kind = Literal["voice", "music"]
MOST_BYTES = 64 * 1024 * 1024
MAKE_S = 180.0
WAITING = 4
_KEYS = {
    "audio.empty": "write.sound_empty",
    "audio.format": "write.sound_format",
    "audio.damaged": "write.sound_damaged",
    "audio.too_long": "write.sound_long",
    "audio.silent": "write.sound_silent",
    "audio.too_short": "write.sound_empty",
}


class SoundRefused(Exception):
    """A file that cannot be used: `key` of a sentence, and what fills it."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


class Sounds:
    """Makes one at a time."""

    def __init__(self, folder: Path, media: MediaStore) -> None:
        """`folder`: for files in the making; emptied at the start."""
        self._folder = folder
        self._media = media
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def start(self) -> None:
        """Make the folder, throw away what an earlier run left. Raises OSError."""
        await asyncio.to_thread(_emptied, self._folder)

    async def take(self, path: Path, kind: Kind, name: str) -> Sound:
        """Make a file ours and keep it. Raises SoundRefused, OSError."""
        if self._waiting >= WAITING:
            raise SoundRefused("write.sound_busy")
        made = self._folder / f"{secrets.token_hex(8)}.ogg"
        self._waiting += 1
        try:
            async with self._turn:
                answer = await _ask(path, kind, made.with_suffix(".in"), made)
            return await self._keep(made, answer, name)
        finally:
            self._waiting -= 1
            await asyncio.to_thread(made.unlink, True)

    async def _keep(self, made: Path, answer: dict[str, Any], name: str) -> Sound:
        if "error" in answer:
            key = _KEYS.get(str(answer["error"]), "write.sound_damaged")
            raise SoundRefused(key, minutes=round(LONGEST_S / 60))
        body = await asyncio.to_thread(made.read_bytes)
        sha256 = hashlib.sha256(body).hexdigest()
        if self._media.hold(sha256) is None:
            try:
                await self._media.put(sha256, _once(body), "audio/ogg")
            except MediaRefused as refused:
                raise SoundRefused(refused.reason) from refused
        return Sound(
            sha256=sha256,
            bytes=len(body),
            seconds=float(answer["seconds"]),
            name=name[:200],
            notes=tuple(str(note) for note in answer["notes"])[:8],
        )


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _ask(path: Path, kind: Kind, draft: Path, out: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.writing.sound_child", kind, str(draft), str(out)),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                "PATH": os.environ.get("PATH", ""),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
    try:
        async with asyncio.timeout(MAKE_S):
            said, complaint = await child.communicate()
    except TimeoutError as error:
        raise SoundRefused("write.sound_slow") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        answer = json.loads(said) if child.returncode == 0 else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        logger.error("a sound could not be made: %s", complaint.decode(errors="replace")[-8000:])
        return {"error": "audio.damaged"}
    return answer


def _emptied(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
