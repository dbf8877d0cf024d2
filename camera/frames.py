"""Compressed pictures as they travel inside a camera's process, and the newest key frame kept for snapshots."""

from __future__ import annotations

import copy
import io
import threading
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from av.video.stream import VideoStream


class VideoFormat:
    """What a decoder or muxer must know of a stream. Stays valid after the source was closed.

    libav copies stream parameters only from stream to stream, so a muxer of our own that is never written keeps them.
    """

    def __init__(self, stream: VideoStream) -> None:
        import av

        self.codec: str = stream.codec_context.name
        """`h264` or `hevc`."""
        self.extradata: bytes = stream.codec_context.extradata or b""
        """Parameter sets: in Annex B (with start codes), or an avcC or hvcC record (first byte 1)."""
        self.width = stream.width
        self.height = stream.height
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self._keeper = av.open(io.BytesIO(), "w", format="mp4")
        self.template: Any = self._keeper.add_stream_from_template(stream)

    def changed(self, extradata: bytes, width: int, height: int) -> VideoFormat:
        """Return the format of the same stream after the camera has sent other parameter sets."""
        import av

        new = copy.copy(self)
        new.extradata, new.width, new.height = extradata, width, height
        new._keeper = av.open(io.BytesIO(), "w", format="mp4", options={"movflags": "empty_moov+frag_keyframe"})
        new.template = new._keeper.add_stream_from_template(self.template)
        context = new.template.codec_context
        context.extradata, context.width, context.height = extradata, width, height
        new._keeper.start_encoding()  # only now do the changes reach what a copy is made from
        return new


@dataclass(slots=True)
class EncodedFrame:
    """One compressed picture. `dts`, `pts` and `duration` count in `format.time_base` and may be missing or wrong.

    Shared by threads, so never changed; not declared frozen, which makes it five times as dear to make.
    """

    data: bytes
    dts: int | None
    pts: int | None
    duration: int
    is_key: bool
    format: VideoFormat
    at: datetime
    """When it arrived."""
    arrived_s: float
    """The same by the monotonic clock."""
    camera_s: float | None = None
    """When it was taken by the camera's own clock, seconds since 1970; told with key frames by some cameras."""


class FrameSink(Protocol):
    """Something that is fed every picture of a camera. Must not block."""

    def feed(self, frame: EncodedFrame) -> None:
        """Take the next picture."""

    def cut(self) -> None:
        """The stream broke off: what follows does not continue what was fed."""


class LatestKeyFrame:
    """Keeps the newest key frame, still compressed: a picture that nobody asks for is never decoded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frame: EncodedFrame | None = None

    def feed(self, frame: EncodedFrame) -> None:
        """Keep `frame` when it is a key frame."""
        if frame.is_key:
            with self._lock:
                self._frame = frame

    def cut(self) -> None:
        """Forget the picture: an old one must not pass for what the camera sees now."""
        with self._lock:
            self._frame = None

    def get(self) -> EncodedFrame | None:
        """Return the newest key frame of the running stream."""
        with self._lock:
            return self._frame
