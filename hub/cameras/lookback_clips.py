"""Clips that people ask for: cut by the node, sent by it however long that takes, shown as far as they have come.

Everything is in the database, so that a page may be reloaded and the hub started again meanwhile.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import ValidationError

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.watching import LONGEST_CLIP, ClipCut, CutClip
from hub.cameras import lookback_rows as rows
from hub.cameras.lookback_rows import Clip
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.media import HASH, MediaStore, Medium
from hub.store import Store

logger = logging.getLogger(__name__)

CUT_S = 180.0
"""An hour of video is read and copied within."""
WAIT_S = 3.0
"""So long a page waits for the cut; then it looks again by itself."""
MOST_CUTTING = 8
LISTED = 8
"""Clips of a camera on its page."""
LEAST_S = 1.0


class Received(Protocol):
    """How many bytes of a file have come."""

    @property
    def received(self) -> int:
        """Bytes here."""


Progress = Callable[[str], Received | None]
"""SHA-256 of a file -> how much of it has come; None: nothing yet."""
Stage = Literal["cutting", "waiting", "sending", "here", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class ClipNow:
    """A clip and how far it is. `waiting`: cut, and nothing of it here yet; `gone`: forgotten, ask again."""

    clip: Clip
    stage: Stage
    here: int = 0
    medium: Medium | None = None


class TooMany(Exception):
    """Enough clips are being cut."""


class Clips:
    """All clips of all cameras."""

    def __init__(
        self,
        commands: Commands,
        media: MediaStore,
        progress: Progress,
        store: Store,
        clock: Clock,
    ) -> None:
        self._commands = commands
        self._media = media
        self._progress = progress
        self._store = store
        self._clock = clock
        self._cutting: dict[str, asyncio.Task[None]] = {}

    async def ask(self, address: str, camera: str, begin: datetime, end: datetime) -> ClipNow:
        """Ask for a clip, unless it is there or on its way. Raises TooMany, SQLAlchemyError, StoreFull."""
        begin, end = clamped(begin, end)
        id_ = clip_id(address, camera, begin, end)
        known = await self.get(id_)
        if known is not None and known.stage not in ("failed", "gone"):
            return known
        if len(self._cutting) >= MOST_CUTTING:
            raise TooMany
        clip = Clip(id_, address, camera, begin, end, self._clock.now())
        await self._store.call(lambda connection: rows.save_clip(connection, clip))
        task = self._cutting[id_] = asyncio.create_task(self._cut(clip))
        task.add_done_callback(lambda _: self._cutting.pop(id_, None))
        await asyncio.wait((task,), timeout=WAIT_S)
        return await self.get(id_) or ClipNow(clip, "cutting")

    async def get(self, id_: str) -> ClipNow | None:
        """One clip as it stands. Raises SQLAlchemyError."""
        clip = await self._store.read(lambda connection: rows.clip(connection, id_))
        return self._now(clip) if clip else None

    async def of_camera(self, address: str, camera: str) -> list[ClipNow]:
        """Those asked for last, newest first. Raises SQLAlchemyError."""
        found = await self._store.read(lambda connection: rows.clips(connection, address, camera, LISTED))
        return [self._now(clip) for clip in found]

    async def stop(self) -> None:
        """End what runs; what nodes have begun to send comes all the same."""
        tasks = list(self._cutting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _now(self, clip: Clip) -> ClipNow:
        if clip.state == "failed":
            return ClipNow(clip, "failed")
        if clip.state == "asked":
            return ClipNow(clip, "cutting" if clip.id in self._cutting else "gone")
        if medium := self._media.get(clip.sha256):
            return ClipNow(clip, "here", medium.size, medium)
        if clip.state == "sent":
            return ClipNow(clip, "gone")  # the store had no room for it any more
        come = self._progress(clip.sha256)
        here = come.received if come else 0
        return ClipNow(clip, "sending" if here else "waiting", here)

    async def _cut(self, clip: Clip) -> None:
        args = CutClip(camera=clip.camera, begin=clip.begin, end=clip.end)
        begun = self._clock.monotonic()
        outcome = await self._commands.send(clip.address, args, limit=CUT_S, life=CUT_S)
        if outcome.state == "silent" and self._clock.monotonic() - begun < CUT_S - 1:
            return  # the hub is stopping: whether it was cut nobody knows
        done = _cut_as_told(clip, outcome)
        logger.info("%s, camera %s: clip %s is %s", clip.address, clip.camera, iso(clip.begin), done.state)
        await self._store.call(lambda connection: rows.save_clip(connection, done))


def clip_id(address: str, camera: str, begin: datetime, end: datetime) -> str:
    """The same clip has the same name, whoever asks for it."""
    words = "\n".join((address, camera, str(rows.millis(begin)), str(rows.millis(end))))
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def clamped(begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Not shorter than a second, not longer than nodes allow."""
    return begin, max(begin + timedelta(seconds=LEAST_S), min(end, begin + LONGEST_CLIP))


def _is_near(cut: ClipCut, clip: Clip) -> bool:
    around = timedelta(hours=1)
    return clip.begin - around <= cut.begin <= cut.end <= clip.end + around


_FAULTS = {
    "done": Fault.of("command.malformed", detail="camera.clip"),
    "accepted": Fault.of("command.timeout", seconds=round(CUT_S)),
}
"""Where the answer itself says nothing; none: nothing was sent at all."""


def _cut_as_told(clip: Clip, outcome: Outcome) -> Clip:
    try:
        cut = ClipCut.model_validate(outcome.result) if outcome.state == "done" else None
    except ValidationError:
        cut = None
    if cut is None or not HASH.fullmatch(cut.sha256) or not 0 < cut.bytes < 2**53 or not _is_near(cut, clip):
        return replace(clip, state="failed", fault=outcome.fault or _FAULTS.get(outcome.state))
    return replace(
        clip,
        state="sending",
        sha256=cut.sha256,
        bytes=cut.bytes,
        gap_s=max(0.0, min(cut.gap_s, LONGEST_CLIP.total_seconds())),
        cut_begin=cut.begin,
        cut_end=cut.end,
    )
