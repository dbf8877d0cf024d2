"""Motion events: told when they begin and end, at the end with the hash of their picture, which is sent in due time."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from camera.model import MotionEvent
from camera.recordings.library import Library
from edge_agent.cameras.places import Places
from edge_agent.config.cameras import CameraEntry
from edge_agent.contract.base import iso
from edge_agent.media.outgoing import Outgoing
from edge_agent.media.push import Load
from edge_agent.recorder import Recorder
from tts.files import sha256_of

log = logging.getLogger(__name__)
_WAITING = 1000
_LARGEST = 2_000_000
"""Bytes of a picture that is sent unasked."""


class Motions:
    """Tells of motion in the order in which it came; `run` is to be supervised."""

    def __init__(
        self, library: Library, recorder: Recorder, outgoing: Outgoing, entries: Iterable[CameraEntry]
    ) -> None:
        self._library = library
        self._recorder = recorder
        self._outgoing = outgoing
        entries = list(entries)
        self._places = Places(entries)
        self._silent = {entry.id for entry in entries if entry.motion and not entry.motion.send_pictures}
        self._queue: asyncio.Queue[MotionEvent] = asyncio.Queue(_WAITING)

    def take(self, event: MotionEvent) -> None:
        """Something began or ended."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:  # the disk hangs: the event counts for more than its picture
            self._tell(event, None)

    async def run(self) -> None:
        """Tell, until cancelled."""
        while True:
            event = await self._queue.get()
            load = None
            try:
                if event.end is not None:  # before, the picture may still be replaced by a stronger one
                    load = await asyncio.to_thread(self._picture, event.id)
            except Exception:  # whatever is wrong with the picture, the motion is told
                log.exception("the picture of motion %s cannot be read", event.id)
            finally:
                self._tell(event, load.sha256 if load else None)
            if load is not None and event.camera not in self._silent:
                self._outgoing.offer(load)

    async def finish(self) -> None:
        """At the end of the node: what still waits is told, without its pictures."""
        while not self._queue.empty():
            self._tell(self._queue.get_nowait(), None)

    def _picture(self, event: str) -> Load | None:
        path = self._library.picture(event)
        return jpeg_load(path) if path is not None else None

    def _tell(self, event: MotionEvent, picture: str | None) -> None:
        self._recorder.event(
            "motion",
            f"camera/{event.camera}",
            id=event.id,
            phase="begin" if event.end is None else "end",
            begin=iso(event.begin),
            end=iso(event.end) if event.end else None,
            zones=list(event.zones),
            places=list(self._places.of(event.camera, event.zones)),
            score=round(event.score, 4),
            label=event.label,
            box=[round(side, 4) for side in event.box] if event.box else None,
            picture=picture,
        )


def jpeg_load(path: Path) -> Load | None:
    """A picture that can be sent; None where it is gone or far too large. Blocks. Raises OSError."""
    size = path.stat().st_size if path.is_file() else 0
    return Load(path, sha256_of(path), size, "image/jpeg") if 0 < size <= _LARGEST else None
