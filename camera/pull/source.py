"""Where pictures come from: a network camera by RTSP, or a clip played in real time for ever.

Opening a source gives a generator of `EncodedFrame`; closing that closes the connection. It ends only by a
`CameraFault`, or, for a clip, when it is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from camera.frames import EncodedFrame
from camera.model import CameraConfig, CameraFault
from camera.pull.clip import clip_frames
from camera.pull.rtsp import RtspSource

Frames = Generator[EncodedFrame, None, None]


class Source(Protocol):
    """Can be opened again and again."""

    def open(self) -> Frames:
        """Return the pictures. Raises `CameraFault` when the first one is asked for."""

    def probe(self) -> CameraFault | None:
        """Ask cheaply, without a password, whether something answers; return why not."""


class ClipSource:
    """A video file in the place of a camera."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        self._path, self._stop = path, stop

    def open(self) -> Frames:
        """Return the pictures at their own pace."""
        return clip_frames(self._path, self._stop)

    def probe(self) -> CameraFault | None:
        """A file always answers."""
        return None


def source_of(config: CameraConfig, url: str, stop: threading.Event, hurry: threading.Event | None = None) -> Source:
    """Return the source behind one of the camera's addresses. `hurry` is set while each picture is wanted at once."""
    if url.startswith("clip:"):
        return ClipSource(Path(unquote(urlsplit(url).path)), stop)
    return RtspSource(config, url, stop, hurry)
