"""Sounds of previews: few, for a short while, each under the name of its own SHA-256; and not too many at once.

They are kept apart from the media store: that one holds what was aired.
"""

import asyncio
import contextlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hub.clock import Clock
from hub.media import HASH
from hub.people.door import SIGNED_IN, Door
from tts.speech import Speech

MOST_SOUNDS = 16
MOST_BYTES = 100_000_000
LIFE_S = 1800.0
AT_ONCE = 3
"""Previews that are made or wait at the same time."""
PER_MINUTE = 30


class Busy(Exception):
    """Enough previews are being made, or were made within the last minute."""


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size: int
    ends: float


class Previews:
    """A folder that is emptied at every start."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._begun: deque[float] = deque(maxlen=PER_MINUTE)
        self._making = 0

    def route(self, door: Door) -> Route:
        """For the application."""
        return door.route("/previews/{sha256}", self._get, SIGNED_IN, ["GET", "HEAD"])

    async def start(self) -> None:
        """Empty the folder. Raises OSError."""
        await asyncio.to_thread(shutil.rmtree, self._folder, True)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the few places while a preview is made. Raises Busy."""
        now = self._clock.monotonic()
        if self._making >= AT_ONCE or (len(self._begun) == PER_MINUTE and now - self._begun[0] < 60):
            raise Busy
        self._begun.append(now)
        self._making += 1
        try:
            yield
        finally:
            self._making -= 1

    async def keep(self, speech: Speech) -> str:
        """Keep a sound; returns its address on this hub. Raises OSError."""
        path = self._folder / f"{speech.sha256}.wav"
        await asyncio.to_thread(_link, speech.path, path)
        self._kept.pop(speech.sha256, None)
        ends = self._clock.monotonic() + LIFE_S
        self._kept[speech.sha256] = _Kept(path, path.stat().st_size, ends)
        self._make_room()
        return f"/previews/{speech.sha256}"

    def _make_room(self) -> None:
        """The oldest go; the newest stays however large it is."""
        while len(self._kept) > 1 and (
            len(self._kept) > MOST_SOUNDS or sum(kept.size for kept in self._kept.values()) > MOST_BYTES
        ):
            self._drop(next(iter(self._kept)))
        now = self._clock.monotonic()
        for sha256 in [sha256 for sha256, kept in self._kept.items() if kept.ends <= now]:
            self._drop(sha256)

    def _drop(self, sha256: str) -> None:
        self._kept.pop(sha256).path.unlink(missing_ok=True)

    async def _get(self, request: Request) -> Response:
        sha256 = str(request.path_params["sha256"])
        kept = self._kept.get(sha256) if HASH.fullmatch(sha256) else None
        if kept is None or kept.ends <= self._clock.monotonic():
            return Response(status_code=404)
        return FileResponse(kept.path, media_type="audio/wav", headers={"Cache-Control": "private, max-age=600"})


def _link(source: Path, target: Path) -> None:
    """The same file under a second name where that is possible: the voice's cache may drop it at any time."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
