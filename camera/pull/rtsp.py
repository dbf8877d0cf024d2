"""Pull a network camera by RTSP, through libav: video alone, over TCP, over UDP where the camera insists on it."""

from __future__ import annotations

import contextlib
import errno
import struct
import threading
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import av

from camera.frames import EncodedFrame, VideoFormat
from camera.live.units import Codec
from camera.model import CameraConfig, CameraFault
from camera.pull.diagnose import RTSP_PORT, RTSPS_PORT, diagnose
from camera.pull.formats import FormatTracker
from camera.pull.libav import fault_of
from camera.pull.nap import Nap, nap_for
from camera.pull.silence import LINES, Line, opening

if TYPE_CHECKING:
    from av.container import InputContainer

_OPEN_S = 5.0
"""Least time for opening: some cameras start their encoder only when they are asked."""
KEY_FRAME_S = 90.0
"""So long without a key frame is no picture: cameras send one every 1 to 10 s, sparing ones every 50 s."""
PICTURE_S = 20.0
"""So long may a picture take while its bytes arrive: a key frame of 250 kB at 100 kbit/s."""
_PROBE_S = 1.0
_POLL_S = 0.1
"""libav looks for a time-out as often (`POLLING_TIME` in its network.h)."""
_QUICK = {
    # One picture is enough to open a stream: the parameter sets are read by us, the rate is measured by us. A GOP of
    # 50 s or a camera that says nothing of its pictures would be waited for otherwise.
    "analyzeduration": "1",
    "probesize": "32",
    "fpsprobesize": "0",
    "allowed_media_types": "video",
    "buffer_size": str(1 << 20),  # of the socket, for UDP: a key frame arrives at once
}
_CODECS: dict[str, Codec] = {"h264": "h264", "hevc": "hevc"}
_WALLCLOCK = struct.Struct("=q")
"""First field of libav's `AVProducerReferenceTime`: microseconds since 1970."""


class RtspSource:
    """One address of a camera. Remembers whether the camera refuses TCP."""

    def __init__(
        self, config: CameraConfig, url: str, stop: threading.Event, hurry: threading.Event | None = None
    ) -> None:
        """`hurry` is set while each picture is wanted at once; without it each one is handed out at once."""
        self._config, self._url, self._stop, self._hurry = config, url, stop, hurry
        self._udp = config.transport == "udp"

    def open(self) -> Generator[EncodedFrame, None, None]:
        """Return the pictures. Raises `CameraFault` when the camera cannot be opened, falls silent or ends."""
        container, line = self._open()
        # Over UDP what gathers is lost as soon as the kernel's small buffer is full.
        nap = Nap(None if self._udp else self._hurry, nap_for(self._config.timeout_s))
        with contextlib.ExitStack() as last:
            if line is not None:
                last.enter_context(LINES.watched(line))
            last.callback(container.close)
            yield from _frames(container, self._config.timeout_s, nap, self._stop, line)

    def probe(self) -> CameraFault | None:
        """Return why nothing answers at the camera's address; None when it speaks RTSP."""
        return diagnose(self._url, _PROBE_S)

    def _open(self) -> tuple[InputContainer, Line | None]:
        try:
            return self._open_watched()
        except _TransportRefused:
            if self._config.transport != "auto" or self._url.startswith("rtsps:"):
                raise  # encrypted is by TCP alone
            self._udp = not self._udp
        return self._open_watched()

    def _open_watched(self) -> tuple[InputContainer, Line | None]:
        """Open it; over TCP silence is judged by the connection's bytes, else by pictures alone."""
        timeout_s = self._config.timeout_s
        if self._udp:
            return self._open_by("udp", _read_s(timeout_s)), None
        parts = urlsplit(self._url)
        port = parts.port or (RTSPS_PORT if parts.scheme == "rtsps" else RTSP_PORT)
        with opening(parts.hostname or "", port, max(timeout_s, _OPEN_S)) as find:
            container = self._open_by("tcp", max(PICTURE_S, timeout_s))
            sock = find()
        if sock is not None:
            return container, Line(sock, timeout_s - 2 * _POLL_S, self._stop)
        container.close()
        return self._open_by("tcp", _read_s(timeout_s)), None

    def _open_by(self, transport: Literal["tcp", "udp"], read_s: float) -> InputContainer:
        config = self._config
        scheme, rest = self._url.split("://", 1)
        address = f"{scheme}://{config.credentials}@{rest}" if config.username else self._url
        limit_s = max(config.timeout_s, _OPEN_S)
        options = {**_QUICK, "rtsp_transport": transport, "timeout": str(int(limit_s * 1_000_000))}
        try:
            # libav's own `timeout` is for each wait for bytes. The whole opening takes in the first picture: cut off,
            # the rest of that picture would pass for the next one.
            return av.open(address, options=options, timeout=(max(PICTURE_S, limit_s), read_s))
        except (av.FFmpegError, OSError, ValueError) as error:
            # `from None`, by leaving the block: libav's error holds the address with the password.
            if getattr(error, "errno", None) == errno.EPROTONOSUPPORT:
                fault: CameraFault = _TransportRefused(transport)
            else:
                fault = fault_of(error, "open", 0.0, limit_s)
        if fault.code == "camera.garbage" and not isinstance(fault, _TransportRefused):
            fault = diagnose(self._url, limit_s) or fault
        raise fault


def _read_s(timeout_s: float) -> float:
    """Return how long a read may take, so that with the nap before it a freeze is seen within `timeout_s`."""
    return max(timeout_s - 2 * _POLL_S, timeout_s / 2) - nap_for(timeout_s)


class _TransportRefused(CameraFault):
    """RTSP's answer 461: the camera sends over TCP or UDP only, and not by this one."""

    def __init__(self, transport: str) -> None:
        super().__init__("camera.garbage", f"the camera refuses to send over {transport.upper()}")


def _frames(
    container: InputContainer, timeout_s: float, nap: Nap, stop: threading.Event, line: Line | None
) -> Iterator[EncodedFrame]:
    tracker, wait, video = _tracker(container), _FirstKey(), None
    for batch in _batches(container, timeout_s, nap, line):
        wall_s = time.time() - time.monotonic()
        for packet, arrived_s in batch:
            data, is_key = bytes(packet), packet.is_keyframe
            if is_key:
                video = tracker.of_key(data)
            if video is None:
                if stop.is_set():
                    return
                wait.goes_on(is_key)
                continue
            yield EncodedFrame(
                data,
                packet.dts,
                packet.pts,
                packet.duration or 0,
                is_key,
                video,
                datetime.fromtimestamp(wall_s + arrived_s, UTC),
                arrived_s,
                _camera_time(packet) if is_key else None,
            )


class _FirstKey:
    """Waits for the first picture that can be decoded, not for ever."""

    def __init__(self) -> None:
        self._since_s = time.monotonic()
        self._keys = 0

    def goes_on(self, is_key: bool) -> None:
        """Count a picture of no use. Raises `CameraFault`."""
        self._keys += is_key
        if self._keys > 1:
            raise CameraFault("camera.no_picture", "the camera does not say how its pictures are coded")
        if time.monotonic() - self._since_s > KEY_FRAME_S:
            raise CameraFault("camera.no_key_frame", f"the camera sent no key frame for {KEY_FRAME_S:g} s")


def _batches(
    container: InputContainer, timeout_s: float, nap: Nap, line: Line | None
) -> Iterator[list[tuple[Any, float]]]:
    """Yield what arrived, and when, by the monotonic clock; raise `CameraFault` in the end.

    At the first time-out libav's parser hands out the picture that it has held back: it comes late, and is the last.
    """
    monotonic_s, batch = time.monotonic, []
    read_s = _read_s(timeout_s) if line is None else max(PICTURE_S, timeout_s)
    opened_s = heard_s = asked_s = monotonic_s()
    try:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                now_s = monotonic_s()
                batch.append((packet, now_s))
                took_s, connected_s = now_s - asked_s, now_s - opened_s
                if took_s >= read_s:
                    raise TimeoutError
                heard_s = now_s
                if nap.is_due(took_s, connected_s, len(batch)):
                    yield batch
                    batch = []
                    nap.rest(took_s, connected_s)
                asked_s = monotonic_s()
        error: Exception = EOFError(0, "end of stream")
    except (av.FFmpegError, OSError, ValueError) as caught:
        error = caught
    now_s = monotonic_s()
    if (line is not None and line.silent) or now_s - asked_s >= 0.9 * read_s:
        silent_s = timeout_s  # some time-outs pass for an end
    else:
        silent_s = now_s - heard_s if line is None else 0.0
    yield batch
    raise fault_of(error, "read", silent_s, timeout_s) from None


def _tracker(container: InputContainer) -> FormatTracker:
    if not container.streams.video:
        raise CameraFault("camera.no_picture", "the stream holds no video")
    stream = container.streams.video[0]
    name = stream.codec_context.name if stream.codec_context is not None else "something unknown"
    codec = _CODECS.get(name)
    if codec is None:
        raise CameraFault("camera.unsupported", f"the camera sends {name}; set it to H.264 or H.265")
    return FormatTracker(VideoFormat(stream), codec)


def _camera_time(packet: Any) -> float | None:
    """Return what the camera's clock says of a picture (RTCP sender reports), in seconds since 1970."""
    if not packet.has_sidedata("prft"):
        return None
    said = bytes(packet.get_sidedata("prft"))
    return _WALLCLOCK.unpack_from(said)[0] / 1_000_000 if len(said) >= _WALLCLOCK.size else None
