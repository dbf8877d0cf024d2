"""Decode single pictures with libav, one thread, and hand out their luma plane.

A decoder is made anew for each key frame: kept ones hold 11 MB per camera of 1080p, a new one costs 0.7 ms. The
deblocking filter is left out for motion (a third of the time); people get it.
"""

from __future__ import annotations

import zlib
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from camera.eye.words import Coded
from camera.model import CameraFault

LONGEST_SIDE = 8192
_MOST_PIXELS = 34_000_000
"""8K. Each pixel takes 1.5 bytes in the decoder, two or three times over."""
_CODECS = frozenset({"h264", "hevc", "mjpeg", "mpeg4"})
_EIGHT_BITS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
_GREY_LEVELS = 4
"""Colour differences below are grey: an infrared picture as cameras send it."""

Plane = NDArray[np.uint8]


def decoder_of(coded: Coded, fast: bool) -> Any:
    """Return a new decoder. `fast` leaves out the deblocking filter: only for key frames, errors would add up.

    Raises `CameraFault` (camera.no_picture) for what is not decoded here: unknown codecs, pictures beyond 8K.
    """
    if coded.codec not in _CODECS:
        raise CameraFault("camera.no_picture", f"pictures of the codec {coded.codec[:20]!r} are not decoded")
    if max(coded.width, coded.height) > LONGEST_SIDE or coded.width * coded.height > _MOST_PIXELS:
        raise CameraFault("camera.no_picture", f"pictures of {coded.width} x {coded.height} are too large")
    decoder: Any = av.CodecContext.create(coded.codec, "r")
    decoder.extradata = coded.extradata
    decoder.thread_count = 1
    options = {"max_pixels": str(_MOST_PIXELS), "flags": "low_delay"}
    decoder.options = {**options, "skip_loop_filter": "all"} if fast else options
    return decoder


def decode_key(coded: Coded, fast: bool = False) -> av.VideoFrame:
    """Return the picture of a key frame. Raises `CameraFault` (camera.no_picture) when it does not decode."""
    try:
        decoder = decoder_of(coded, fast)
        pictures = decode_with(decoder, coded.data) or decoder.decode(None)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise _undecodable() from error
    if not pictures:
        raise _undecodable()
    return _checked(pictures[0])


def decode_with(decoder: Any, data: bytes) -> list[av.VideoFrame]:
    """Feed one packet; return what comes out. Raises libav's errors."""
    return list(decoder.decode(av.Packet(data))) if data else []


class Follower:
    """Decodes every picture of a stream, in order, from a key frame on."""

    def __init__(self) -> None:
        self._decoder: Any = None
        self._of: tuple[str, bytes | None] | None = None

    def decode(self, coded: Coded, key: bool) -> av.VideoFrame | None:
        """Return the newest picture that is ready; None when none is. Raises `CameraFault` (camera.no_picture)."""
        if key and self._of != (coded.codec, coded.extradata):
            self._decoder, self._of = decoder_of(coded, fast=False), (coded.codec, coded.extradata)
        if self._decoder is None:
            return None
        try:
            pictures = decode_with(self._decoder, coded.data)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            self.cut()
            raise _undecodable() from error
        return _checked(pictures[-1]) if pictures else None

    def cut(self) -> None:
        """Wait for the next key frame."""
        self._decoder = self._of = None


def luma_of(picture: av.VideoFrame) -> Plane:
    """Return brightness, height x width. A view into the picture where that is possible."""
    if picture.format.name not in _EIGHT_BITS:
        picture = picture.reformat(format="gray")
    return plane_of(picture, 0)


def plane_of(picture: av.VideoFrame, number: int) -> Plane:
    """Return a plane of eight bits as a view."""
    plane = picture.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    view: Plane = rows[: plane.height, : plane.width]
    return view


def is_grey(picture: av.VideoFrame) -> bool:
    """Tell whether the picture has no colour, as at night by infrared."""
    if picture.format.name == "gray":
        return True
    if picture.format.name not in _EIGHT_BITS or len(picture.planes) < 3:
        return False
    return all(
        float(np.abs(plane_of(picture, number)[::8, ::8].astype(np.int16) - 128).mean()) < _GREY_LEVELS
        for number in (1, 2)
    )


def print_of(luma: Plane) -> int:
    """Return a number that is the same for pictures that are the same in every pixel."""
    return zlib.crc32(np.ascontiguousarray(luma).data)


def _checked(picture: av.VideoFrame) -> av.VideoFrame:
    if max(picture.width, picture.height) > LONGEST_SIDE or min(picture.width, picture.height) < 16:
        raise CameraFault("camera.no_picture", f"pictures of {picture.width} x {picture.height} are not looked at")
    return picture


def _undecodable() -> CameraFault:
    return CameraFault("camera.no_picture", "the camera's picture cannot be decoded")
