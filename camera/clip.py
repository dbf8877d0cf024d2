"""Draw and encode a moving picture for demos and tests: a gate, a road, a person walking by, a running clock.

Run `python -m camera.clip OUT.mp4` to make one. The file is H.264 without B frames and with a key frame every two
seconds, the way most cameras encode. Needs OpenCV and PyAV; both are imported only when a clip is made.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Canvas = NDArray[Any]

GOP_SECONDS = 2
"""Seconds between key frames, a common default of cameras."""
CROSSING_S = 8
"""Seconds that somebody needs to walk from one side of the picture to the other."""

Colour = tuple[int, int, int]

_SKY: Colour = (228, 206, 176)
_GRASS: Colour = (92, 150, 104)
_ROAD: Colour = (96, 92, 90)
_WALL: Colour = (150, 170, 196)
_PILLAR: Colour = (70, 90, 150)
_IRON: Colour = (60, 60, 60)
_SHIRT: Colour = (150, 235, 250)
_TROUSERS: Colour = (30, 16, 12)
_SKIN: Colour = (150, 180, 225)
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)


def make_clip(
    path: Path, seconds: int = 20, width: int = 640, height: int = 360, fps: int = 10, every: int = CROSSING_S
) -> Path:
    """Write an H.264 MP4 of `seconds` at `fps` pictures per second to `path` and return the path.

    Somebody walks by in the last eight of `every` so many seconds; before, nothing moves but the clock. Width and
    height are in pixels and must be even. Raises `ValueError` for sizes that cannot be encoded and `OSError` when the
    file cannot be written.
    """
    import av

    if min(seconds, width, height, fps) <= 0 or width % 2 or height % 2:
        raise ValueError("seconds, width, height and fps must be above zero, width and height even")
    background = _background(width, height)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, fps)
        stream.codec_context.gop_size = GOP_SECONDS * fps
        stream.codec_context.max_b_frames = 0
        stream.codec_context.options = {"preset": "veryfast", "crf": "26", "x264-params": "scenecut=0"}
        for number in range(seconds * fps):
            picture = av.VideoFrame.from_ndarray(_scene(background, number / fps, number, every), format="bgr24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _background(width: int, height: int) -> Canvas:
    """Draw what stands still: sky, wall, gate, road."""
    import cv2
    import numpy as np

    canvas = np.full((height, width, 3), _SKY, dtype=np.uint8)
    horizon, kerb = int(height * 0.42), int(height * 0.62)
    cv2.rectangle(canvas, (0, horizon), (width, height), _GRASS, -1)
    cv2.rectangle(canvas, (0, kerb), (width, height), _ROAD, -1)
    for x in range(0, width, width // 8):
        cv2.rectangle(canvas, (x, int(height * 0.84)), (x + width // 16, int(height * 0.86)), _WHITE, -1)
    cv2.rectangle(canvas, (0, int(height * 0.36)), (int(width * 0.32), kerb), _WALL, -1)
    cv2.rectangle(canvas, (int(width * 0.68), int(height * 0.36)), (width, kerb), _WALL, -1)
    for left in (0.32, 0.64):
        cv2.rectangle(canvas, (int(width * left), int(height * 0.2)), (int(width * (left + 0.04)), kerb), _PILLAR, -1)
    cv2.rectangle(canvas, (int(width * 0.3), int(height * 0.16)), (int(width * 0.7), int(height * 0.22)), _PILLAR, -1)
    for bar in range(9):
        x = int(width * (0.38 + bar * 0.031))
        cv2.line(canvas, (x, int(height * 0.36)), (x, kerb), _IRON, 2)
    return canvas


def _scene(background: Canvas, at: float, number: int, every: int) -> Canvas:
    """Draw the picture at `at` seconds; the clock shows time and frame number."""
    canvas = background.copy()
    height, width = canvas.shape[:2]
    tall = int(height * 0.34)
    walks = at % every - (every - CROSSING_S)
    if walks >= 0:
        x = int(walks / CROSSING_S * (width + tall)) - tall // 2
        _walker(canvas, x, int(height * 0.92), tall, at)
    _clock(canvas, f"{int(at) // 60:02d}:{at % 60:04.1f}  #{number:04d}")
    return canvas


def _walker(canvas: Canvas, x: int, ground: int, tall: int, at: float) -> None:
    """Draw a person whose feet stand at (x, ground)."""
    import math

    import cv2

    swing = math.sin(at * 5)
    hip, neck, thick = ground - int(tall * 0.45), ground - int(tall * 0.8), max(2, tall // 12)
    step = int(tall * 0.18 * swing)
    for foot in (step, -step):
        cv2.line(canvas, (x, hip), (x + foot, ground), _TROUSERS, thick + 2)
        cv2.line(canvas, (x, neck + thick), (x - foot, hip), _SKIN, thick)
    cv2.ellipse(canvas, (x, (hip + neck) // 2), (int(tall * 0.12), (hip - neck) // 2 + 2), 0, 0, 360, _SHIRT, -1)
    cv2.circle(canvas, (x, neck - int(tall * 0.09)), int(tall * 0.1), _SKIN, -1)


def _clock(canvas: Canvas, text: str) -> None:
    """Write `text` on a dark bar in the upper left corner."""
    import cv2

    scale = canvas.shape[1] / 640
    cv2.rectangle(canvas, (0, 0), (int(250 * scale), int(32 * scale)), _BLACK, -1)
    origin = (int(8 * scale), int(23 * scale))
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.65 * scale, _WHITE, max(1, int(2 * scale)))


def main() -> None:
    """Make a clip from the command line."""
    parser = argparse.ArgumentParser(prog="python -m camera.clip", description="Make a test clip (H.264 in MP4).")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--every", type=int, default=CROSSING_S, help="seconds from one walker to the next")
    args = parser.parse_args()
    make_clip(args.out, args.seconds, args.width, args.height, args.fps, args.every)


if __name__ == "__main__":
    main()
