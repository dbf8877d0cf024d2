"""Make the JPEG that people see: masks black, what moved in a box, no wider than a phone can use. libav alone encodes.

The encoder takes the decoder's planes: no conversion to RGB, which would cost three bytes a pixel and 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from camera.eye.decode import decode_key, plane_of
from camera.eye.words import Coded
from camera.model import CameraFault, Snapshot
from camera.settings import Polygon

WIDEST = 1920
MOST_BYTES = 1_500_000
_QUALITIES = (4, 8, 16, 31)
"""libav's quantiser: 2 is best, 31 worst; 4 shows no artefacts on a phone at a third of the size of 2."""
_LAMBDA = 118
"""libav's units per quantiser step (`FF_QP2LAMBDA`)."""
_BLACK, _YELLOW = (0, 128, 128), (210, 16, 146)

Box = tuple[float, float, float, float]


def snapshot_of(coded: Coded, at: datetime, masks: Iterable[Polygon] = ()) -> Snapshot:
    """Return a key frame as a JPEG, black where masked. Raises `CameraFault` (camera.no_picture)."""
    return snapshot_from(decode_key(coded), at, masks)


def snapshot_from(
    picture: av.VideoFrame, at: datetime, masks: Iterable[Polygon] = (), box: Box | None = None
) -> Snapshot:
    """Return a decoded picture as a JPEG, with a frame around `box`. Raises `CameraFault` (camera.no_picture)."""
    scale = min(1.0, WIDEST / max(picture.width, picture.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (picture.width, picture.height))
    try:
        shown = picture.reformat(width, height, "yuvj420p", dst_color_range="JPEG")
        _paint(shown, tuple(masks), box)
        jpeg = _jpeg(shown)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise CameraFault("camera.no_picture", "the camera's picture cannot be made a JPEG") from error
    return Snapshot(jpeg, at, width, height)


def _jpeg(shown: av.VideoFrame) -> bytes:
    """Return the best JPEG that is small enough, or the smallest."""
    jpeg = b""
    for quality in _QUALITIES:
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = shown.width, shown.height, "yuvj420p"
        encoder.time_base, encoder.qscale = Fraction(1, 25), True
        encoder.thread_count = 1
        encoder.options = {"global_quality": str(quality * _LAMBDA)}
        shown.pts, shown.time_base = 0, Fraction(1, 25)
        jpeg = b"".join(bytes(packet) for packet in [*encoder.encode(shown), *encoder.encode(None)])
        if len(jpeg) <= MOST_BYTES:
            break
    return jpeg


def _paint(shown: av.VideoFrame, masks: tuple[Polygon, ...], box: Box | None) -> None:
    """Draw into the planes: the frame first, so that no frame shows under a mask."""
    for number in range(3):
        plane = plane_of(shown, number)
        height, width = plane.shape
        if box is not None:
            thick = max(1, round(shown.width / 320)) * (2 if number == 0 else 1)
            left, top, right, bottom = (
                round(part * (side - 1)) for part, side in zip(box, (width, height) * 2, strict=True)
            )
            cv2.rectangle(plane, (left, top), (right, bottom), _YELLOW[number], thick)
        for mask in masks:
            corners = np.round([(x * width, y * height) for x, y in mask]).astype(np.int32)
            cv2.fillPoly(plane, [corners], _BLACK[number])
