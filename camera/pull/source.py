"""Where pictures come from: a network camera by RTSP, or a clip played in real time for ever.

A source is a generator of `EncodedFrame`; closing it closes the connection. It ends only by a `CameraFault`, or, for
a clip, when `stop` is set.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import av

from camera.board import utc_now
from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraConfig, CameraFault
from camera.pull.diagnose import diagnose
from camera.pull.libav import fault_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

Frames = Generator[EncodedFrame, None, None]
Source = Callable[[], Frames]

_PROBE_S = 5
"""libav looks at a stream for up to as long to learn its format (`analyzeduration`); counts towards opening."""
_SHORTEST_LOOP_S = 0.04


def source_of(config: CameraConfig, stop: threading.Event) -> Source:
    """Return the source that the configuration names."""
    if config.url.startswith("clip:"):
        path = Path(unquote(urlsplit(config.url).path))
        return lambda: clip_frames(path, stop)
    return lambda: rtsp_frames(config)


def rtsp_frames(config: CameraConfig) -> Frames:
    """Pull a network camera. Raises `CameraFault` when it cannot be opened, falls silent or ends."""
    container = _open(config)
    try:
        if not container.streams.video:
            raise CameraFault("camera.no_picture", "the stream holds no video")
        video = VideoFormat(container.streams.video[0])
        if not video.extradata:
            raise CameraFault("camera.no_picture", "the camera does not say how its pictures are coded")
        heard_s = time.monotonic()
        try:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    heard_s = time.monotonic()
                    yield _frame(packet, video)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise fault_of(error, "read", time.monotonic() - heard_s, config.timeout_s) from None
        raise fault_of(EOFError(0, "end of stream"), "read", time.monotonic() - heard_s, config.timeout_s)
    finally:
        container.close()


def _open(config: CameraConfig) -> InputContainer:
    scheme, rest = config.url.split("://", 1)
    address = f"{scheme}://{config.credentials}@{rest}" if config.username else config.url
    options = {
        "rtsp_transport": config.transport,
        "timeout": str(int(config.timeout_s * 1_000_000)),
        "allowed_media_types": "video",
        "fpsprobesize": "0",  # we measure the rate; guessing it would delay the first picture
    }
    try:
        return av.open(address, options=options, timeout=(config.timeout_s + _PROBE_S, config.timeout_s))
    except (av.FFmpegError, OSError, ValueError) as error:
        # `from None`: libav's error holds the address with the password.
        fault = fault_of(error, "open", 0.0, config.timeout_s)
    if fault.code == "camera.garbage":
        fault = diagnose(config.url, config.timeout_s) or fault
    raise fault


def clip_frames(path: Path, stop: threading.Event) -> Frames:
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


def _frame(
    packet: Packet[VideoStream], video: VideoFormat, dts: int | None = None, pts: int | None = None
) -> EncodedFrame:
    return EncodedFrame(
        data=bytes(packet),
        dts=packet.dts if dts is None else dts,
        pts=packet.pts if pts is None else pts,
        duration=packet.duration or 0,
        is_key=packet.is_keyframe,
        format=video,
        at=utc_now(),
        arrived_s=time.monotonic(),
    )
