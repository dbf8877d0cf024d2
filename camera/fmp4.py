"""Pack compressed pictures into fragmented MP4 without touching them (stream copy), one fragment per group of pictures.

Whatever was written up to the end of a fragment plays, so a power cut costs the last group at most. The same pieces
suit a file and Media Source in a browser: first `header`, then fragments.
"""

from __future__ import annotations

from typing import Any

from camera.frames import EncodedFrame, VideoFormat
from camera.timeline import TIME_BASE, Timeline

_FRAGMENT_LIMIT = 8 * 1024 * 1024
"""Bytes after which a fragment ends without a key frame, so that a camera with endless groups fills no memory."""


class _Pieces:
    """Collects what the muxer writes. It cannot seek, so nothing written is ever changed."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class Fragmenter:
    """Makes one fragmented MP4 that starts at time zero. The first picture must be a key frame.

    Methods raise `av.FFmpegError` or `ValueError` for pictures that no MP4 can hold.
    """

    def __init__(self, video: VideoFormat) -> None:
        import av

        self.format = video
        self._pieces = _Pieces()
        self._timeline = Timeline()
        options = {
            "movflags": "frag_keyframe+empty_moov+default_base_moof",
            "frag_size": str(_FRAGMENT_LIMIT),
            "flush_packets": "1",
        }
        # PyAV takes any object with write(); its type hint asks for a whole file.
        target: Any = self._pieces
        self._container = av.open(target, "w", format="mp4", options=options)
        self._stream = self._container.add_stream_from_template(video.template)
        self._stream.time_base = TIME_BASE
        self._container.start_encoding()
        self.header = self._pieces.take()

    def push(self, frame: EncodedFrame) -> bytes:
        """Add a picture; return the fragment that it completed (the group before it), or nothing."""
        import av

        place = self._timeline.place(frame)
        packet = av.Packet(frame.data)
        packet.time_base = TIME_BASE
        packet.dts, packet.pts, packet.duration = place.dts, place.pts, place.duration
        packet.is_keyframe = frame.is_key
        packet.stream = self._stream
        self._container.mux_one(packet)
        return self._pieces.take()

    def finish(self) -> bytes:
        """End the file; return the last fragment and the index behind it."""
        self._container.close()
        return self._pieces.take()
