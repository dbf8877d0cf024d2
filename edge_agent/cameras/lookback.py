"""Looking back: what was recorded and what moved, pictures of the past, what is to be kept."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from camera.model import CameraFault, Snapshot
from camera.recordings.library import Library, still_at
from camera.recordings.records import Span, StoredEvent
from camera.settings import Polygon
from edge_agent.cameras.jpeg import size_of
from edge_agent.cameras.places import Places
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Refusal
from edge_agent.contract.watching import MOST_LISTED, KeepRecording, ListRecordings, Moved, Recorded, RecordingList
from edge_agent.recorder import Recorder

T = TypeVar("T")
P = ParamSpec("P")
MOST_BYTES = 48_000
"""Of an answer: it must fit into a message (64 kB) with what is around it."""
_MOST_SPANS = 150
_READ_S = 20.0


class LookBack:
    """Reads the recordings, in threads."""

    def __init__(self, directory: Path, recorder: Recorder, places: Places) -> None:
        self.directory = directory
        self._places = places
        self.library = Library(directory)
        self._recorder = recorder

    async def recordings(self, args: ListRecordings) -> RecordingList:
        """What was recorded and what moved. Raises Refusal."""
        return await _read(self._recordings, args)

    async def still(self, camera: str, at: datetime, masks: Iterable[Polygon]) -> Snapshot:
        """The recorded key frame at or before `at`. Raises Refusal."""
        try:
            return await still_at(self.directory, camera, at, tuple(masks))
        except CameraFault as fault:
            raise Refusal(fault.code, detail=fault.detail) from fault

    async def event_picture(self, camera: str, event: str) -> Snapshot:
        """The picture of a motion event. Raises Refusal."""
        found = await _read(self._event_picture, camera, event)
        if found is None:
            raise Refusal("camera.no_event", id=event)
        return found

    async def keep(self, args: KeepRecording, by: str) -> None:
        """Keep a part of the recording, or no longer; told as an event. Raises Refusal."""
        await _read(self.library.keep, args.camera, args.begin, args.end, args.keep)
        self._recorder.event(
            "recording",
            f"camera/{args.camera}",
            code="camera.kept" if args.keep else "camera.released",
            begin=iso(args.begin),
            end=iso(args.end),
            by=by,
        )

    def _recordings(self, args: ListRecordings) -> RecordingList:
        spans = self.library.spans(args.camera, args.begin, args.end)
        events = self.library.events(args.camera, args.begin, args.end, MOST_LISTED + 1)
        return fitting(args.camera, spans, events, self.library.oldest(args.camera), self._places)

    def _event_picture(self, camera: str, event: str) -> Snapshot | None:
        path = self.library.picture(event)
        # the picture lies in its camera's folder: who may see one camera must not get another's by an id
        if path is None or not path.resolve().is_relative_to((self.directory / camera).resolve()):
            return None
        jpeg = path.read_bytes()
        width, height = size_of(jpeg)
        return Snapshot(jpeg, datetime.fromtimestamp(path.stat().st_mtime, UTC), width, height)


def fitting(
    camera: str, spans: list[Span], events: list[StoredEvent], oldest: datetime | None, places: Places
) -> RecordingList:
    """As much as an answer may hold: short gaps are closed where there are too many, the last events left out."""
    recorded = tuple(Recorded(begin=s.begin, end=s.end, bytes=s.bytes, kept=s.kept) for s in few(spans))
    moved: list[Moved] = []
    left = MOST_BYTES - sum(len(span.body()) + 1 for span in recorded)
    for event in events[:MOST_LISTED]:
        told = _moved(event, places)
        left -= len(told.body()) + 1
        if left < 0:
            break
        moved.append(told)
    more = len(moved) < len(events)
    return RecordingList(camera=camera, recorded=recorded, moved=tuple(moved), more=more, oldest=oldest)


def few(spans: list[Span]) -> list[Span]:
    """At most 150 spans: the shortest gaps are closed, those between kept and not kept video last."""
    gap = timedelta(seconds=1)
    while len(spans) > _MOST_SPANS:
        joined: list[Span] = []
        for span in spans:
            last = joined[-1] if joined else None
            same = last is not None and (last.kept == span.kept or gap > timedelta(hours=1))
            if last is not None and same and span.begin - last.end <= gap:
                joined[-1] = Span(last.begin, max(last.end, span.end), last.bytes + span.bytes, last.kept and span.kept)
            else:
                joined.append(span)
        spans, gap = joined, gap * 2
    return spans


def _moved(event: StoredEvent, places: Places) -> Moved:
    return Moved(
        id=event.id,
        begin=event.begin,
        end=event.end,
        zones=event.zones,
        places=places.of(event.camera, event.zones),
        score=round(min(1.0, max(0.0, event.score)), 4),
        label=event.label,
        picture=event.picture,
    )


async def _read(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Look at the disk in a thread, for so long and no longer. Raises Refusal."""
    try:
        async with asyncio.timeout(_READ_S):
            return await asyncio.to_thread(work, *args, **kwargs)
    except CameraFault as fault:
        raise Refusal(fault.code, detail=fault.detail) from fault
    except TimeoutError:
        raise Refusal("camera.disk_error", detail=f"no answer from the disk within {_READ_S:g} s") from None
    except (OSError, sqlite3.Error) as error:
        raise Refusal("camera.disk_error", detail=str(error)) from error
