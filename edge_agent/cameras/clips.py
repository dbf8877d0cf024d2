"""Clips: cut out of the recording when somebody asks, then on their way to the hub; who asked is told of to all."""

import asyncio
import contextlib
import shutil
from datetime import datetime
from pathlib import Path

from camera.model import CameraFault
from camera.recordings.library import Library, cut_clip
from camera.recordings.records import Clip
from edge_agent.clock import Clock
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.watching import ClipCut, CutClip
from edge_agent.media.outgoing import Outgoing, Parcel
from edge_agent.recorder import Recorder

LIMIT = 1_000_000_000
"""Bytes of clips that wait to be sent; the hub takes none that is larger."""
_WAITING = 8


class Clips:
    """Cuts one clip at a time."""

    def __init__(self, directory: Path, free_bytes: int, outgoing: Outgoing, clock: Clock, recorder: Recorder) -> None:
        """`free_bytes` stay free on the disk."""
        self._directory = directory
        self._library = Library(directory)
        self._free_bytes = free_bytes
        self._outgoing = outgoing
        self._clock = clock
        self._recorder = recorder
        self._turn = asyncio.Lock()
        self._waiting = 0
        outgoing.on_arrival = self._arrived

    async def cut(self, asked: Command, args: CutClip) -> JsonObject:
        """Cut a clip and hand it over to be sent; returns a `ClipCut`. Raises Refusal."""
        if self._waiting >= _WAITING:
            raise Refusal("command.busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._cut(asked, args)
        finally:
            self._waiting -= 1

    async def _cut(self, asked: Command, args: CutClip) -> JsonObject:
        draft = await asyncio.to_thread(self._outgoing.shelf.draft, asked.id)
        try:
            await asyncio.to_thread(self._check_room, args.camera, args.begin, args.end)
            clip = await cut_clip(self._directory, args.camera, args.begin, args.end, draft)
            await self._outgoing.add(self._parcel(asked, args, clip), draft)
        except CameraFault as fault:
            raise Refusal(fault.code, detail=fault.detail) from fault
        except OSError as error:
            raise Refusal("camera.disk_error", detail=error.strerror or str(error)) from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(draft.unlink, True)
        cut = ClipCut(sha256=clip.sha256, bytes=clip.bytes, begin=clip.begin, end=clip.end, gap_s=round(clip.gap_s, 3))
        return cut.model_dump(mode="json")

    def _check_room(self, camera: str, begin: datetime, end: datetime) -> None:
        """A clip too large to be sent is refused before it is cut. Blocks."""
        spans = self._library.spans(camera, begin, end)
        size = sum(_share(span.begin, span.end, begin, end) * span.bytes for span in spans)
        if size > LIMIT:
            raise Refusal("media.too_large", mb=int(size / 1e6), limit_mb=LIMIT // 1_000_000)
        if shutil.disk_usage(self._outgoing.shelf.folder).free < self._free_bytes + size:
            raise CameraFault("camera.no_room", "no room to cut a clip")

    def _parcel(self, asked: Command, args: CutClip, clip: Clip) -> Parcel:
        note = {"camera": args.camera, "by": asked.by, "begin": iso(clip.begin), "end": iso(clip.end)}
        return Parcel(id=asked.id, sha256=clip.sha256, bytes=clip.bytes, made=self._clock.now(), note=note)

    def _arrived(self, parcel: Parcel, fault: Fault | None) -> None:
        note = dict(parcel.note)
        camera = note.pop("camera", "-")
        self._recorder.event(
            "clip",
            f"camera/{camera}",
            state="failed" if fault else "sent",
            sha256=parcel.sha256,
            bytes=parcel.bytes,
            code=fault.code if fault else None,
            detail=fault.params.get("detail") if fault else None,
            **note,
        )


def _share(begin: datetime, end: datetime, first: datetime, last: datetime) -> float:
    """How much of a span lies within a time, 0 to 1."""
    whole = (end - begin).total_seconds()
    within = (min(end, last) - max(begin, first)).total_seconds()
    return min(1.0, max(0.0, within / whole)) if whole > 0 else 1.0
