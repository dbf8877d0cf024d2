"""Play a video file as if it were a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av

from camera.board import utc_now
from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraFault

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_SHORTEST_LOOP_S = 0.04


def clip_frames(path: Path, stop: threading.Event) -> Generator[EncodedFrame, None, None]:
    """Play a video file at its own speed, again and again, until `stop`. Raises `CameraFault` (camera.bad_file)."""
    bad = CameraFault("camera.bad_file", f"{path.name} is no video file that can be played", retry=False)
    if not path.is_file():
        raise CameraFault("camera.bad_file", f"there is no file {path.name}", retry=False)
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError):
        raise bad from None
    with container:
        if not container.streams.video:
            raise bad
        video = VideoFormat(container.streams.video[0])
        offset, origin_s = 0, time.monotonic()
        while not stop.is_set():
            end = offset
            for packet in _packets(container, bad):
                dts, pts = (packet.dts or 0) + offset, (packet.pts or 0) + offset
                due_s = origin_s + float(dts * video.time_base)
                if stop.wait(max(0.0, due_s - time.monotonic())):
                    return
                end = max(end, dts + (packet.duration or 1))
                yield _frame(packet, video, dts, pts)
            if end == offset:
                raise bad
            offset = max(end, offset + int(_SHORTEST_LOOP_S / video.time_base))
            container.seek(0)


def _packets(container: InputContainer, bad: CameraFault) -> Iterator[Packet[VideoStream]]:
    try:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                yield packet
    except (av.FFmpegError, OSError, ValueError):
        raise bad from None


def _frame(packet: Packet[VideoStream], video: VideoFormat, dts: int, pts: int) -> EncodedFrame:
    return EncodedFrame(
        data=bytes(packet),
        dts=dts,
        pts=pts,
        duration=packet.duration or 0,
        is_key=packet.is_keyframe,
        format=video,
        at=utc_now(),
        arrived_s=time.monotonic(),
    )
