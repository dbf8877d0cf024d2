"""Look into the recordings from any process, without PyAV. Blocking: call it in threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from camera.model import Snapshot
from camera.recordings.records import Clip, Span, StoredEvent
from camera.settings import Polygon


class Library:
    """The recordings under `directory`, which need not exist yet. Safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def spans(self, camera: str, begin: datetime, end: datetime) -> list[Span]:
        """Return what was recorded between two instants, oldest first; unbroken files are one span."""
        raise NotImplementedError

    def events(self, camera: str, begin: datetime, end: datetime, limit: int) -> list[StoredEvent]:
        """Return up to `limit` events that touch the time between two instants, oldest first."""
        raise NotImplementedError

    def picture(self, event_id: str) -> Path | None:
        """Return the file of an event's picture (JPEG); None when there is none."""
        raise NotImplementedError

    def keep(self, camera: str, begin: datetime, end: datetime, keep: bool) -> None:
        """Keep the video and events of this time whatever their age, or no longer.

        Raises `CameraFault`: camera.not_recorded, or camera.protected_full when too much would be kept.
        """
        raise NotImplementedError

    def oldest(self, camera: str) -> datetime | None:
        """Return where the recording begins; None when there is none."""
        raise NotImplementedError


async def cut_clip(directory: Path, camera: str, begin: datetime, end: datetime, target: Path) -> Clip:
    """Cut a clip by copy into the new file `target` (faststart MP4), also out of what is being recorded now.

    Raises `CameraFault`: camera.not_recorded, camera.disk_full, camera.disk_error, camera.timeout.
    """
    raise NotImplementedError


async def still_at(directory: Path, camera: str, at: datetime, masks: Sequence[Polygon] = ()) -> Snapshot:
    """Return the recorded key frame at or before `at` as JPEG, `masks` painted black.

    Raises `CameraFault`: camera.not_recorded, camera.no_picture, camera.timeout.
    """
    raise NotImplementedError
