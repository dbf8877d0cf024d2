"""The pictures that the loopback cameras send: drawn and encoded once, kept in build/clips.

A clip is a file of access units (Annex B, parameter sets in front of every key frame), each after its length in four
bytes. Every 20 s somebody as tall as a person crosses the picture between 10 s and 15 s; fine noise lies over all, so
that the encoder needs its full rate, as a camera does.

`python -m bench.rtsp.clips main sub` makes some.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent.parent / "build" / "clips"
_VERSION = 1
_SCENE_S = 20


@dataclass(frozen=True)
class Clip:
    """How a clip is encoded. Rate in kbit/s, lengths in seconds."""

    width: int
    height: int
    fps: int
    seconds: int
    gop_s: int
    kbit_s: int
    codec: str = "h264"

    def frames(self) -> int:
        return self.seconds * self.fps


CLIPS = {
    "main": Clip(1920, 1080, 15, 20, 2, 2000),
    "sub": Clip(640, 360, 15, 20, 2, 300),
    "tiny": Clip(320, 180, 15, 20, 1, 100),
    "hevc": Clip(1920, 1080, 15, 20, 2, 1200, "hevc"),
    "hevcsub": Clip(640, 360, 15, 20, 2, 200, "hevc"),
    "long": Clip(640, 360, 15, 50, 50, 200),
}


def path_of(name: str) -> Path:
    """Where a clip is kept."""
    clip = CLIPS[name]
    return FOLDER / f"{name}-{clip.width}x{clip.height}-{clip.fps}-{clip.seconds}s-{clip.kbit_s}k-v{_VERSION}.units"


Progress = Callable[[str, float], None]
"""Hears how much of a clip is made: its name, and a part from 0 to 1."""


def ensure(*names: str, progress: Progress = lambda _name, _part: None) -> None:
    """Make the clips that are not there yet, each once even if several processes ask."""
    for name in names:
        path = path_of(name)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not path.exists():
                _make(name, path, progress)


def _make(name: str, path: Path, progress: Progress) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with unfinished.open("wb") as out:
        for number, unit in enumerate(_encoded(CLIPS[name])):
            progress(name, number / CLIPS[name].frames())
            out.write(len(unit).to_bytes(4, "big") + unit)
    progress(name, 1)
    unfinished.replace(path)


def load(name: str) -> list[bytes]:
    """Return a clip's access units. Raises `FileNotFoundError` when nobody has made it."""
    data, units, place = path_of(name).read_bytes(), [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        units.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return units


def encoder(clip: Clip, buffer_s: float = 2, **options: str) -> Any:
    """An open PyAV encoder that puts the parameter sets in front of every key frame.

    Any time of `buffer_s` holds its share of bits at most, so a key frame is no longer.
    """
    import av

    name, key = ("libx264", "x264-params") if clip.codec == "h264" else ("libx265", "x265-params")
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = clip.width, clip.height, "yuv420p"
    context.framerate = Fraction(clip.fps)
    context.time_base = Fraction(1, clip.fps)
    context.gop_size, context.max_b_frames = clip.gop_s * clip.fps, 0
    context.bit_rate = clip.kbit_s * 1000
    groups = f"keyint={clip.gop_s * clip.fps}:min-keyint={clip.gop_s * clip.fps}:scenecut=0:repeat-headers=1:bframes=0"
    rate = f"vbv-maxrate={clip.kbit_s}:vbv-bufsize={round(clip.kbit_s * buffer_s)}"
    quiet = "" if clip.codec == "h264" else ":log-level=error:open-gop=0"
    context.options = {"preset": "veryfast" if clip.codec == "h264" else "ultrafast", **options}
    context.options = {**context.options, key: f"{groups}:{rate}{quiet}"}
    return context


def _encoded(clip: Clip) -> Iterator[bytes]:
    import av

    context = encoder(clip)
    for number, luma in enumerate(_scenes(clip)):
        picture = av.VideoFrame.from_ndarray(_with_colour(luma), format="yuv420p")
        picture.pts, picture.time_base = number, context.time_base
        for packet in context.encode(picture):
            yield bytes(packet)
    for packet in context.encode(None):
        yield bytes(packet)


def _scenes(clip: Clip) -> Iterator[NDArray[Any]]:
    """Luma planes: a still yard, noise, and the one who crosses it."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(1)
    width, height = clip.width, clip.height
    yard = cv2.resize(rng.integers(40, 200, (34, 60), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for left, top, wide, tall, grey in rng.random((60, 5)):
        corner = int(left * width * 0.9), int(top * height * 0.9)
        end = corner[0] + 3 + int(wide * width / 10), corner[1] + 3 + int(tall * height / 6)
        cv2.rectangle(yard, corner, end, int(grey * 255), max(1, height // 300))
    noise = [rng.normal(0, 2.5, (height, width)).astype(np.int16) for _ in range(8)]
    for number in range(clip.frames()):
        luma = yard.astype(np.int16)
        since = (number / clip.fps) % _SCENE_S
        if 10 <= since < 15:
            _person(luma, (since - 10) / 5)
        yield np.clip(luma + noise[number % len(noise)], 0, 255).astype(np.uint8)


def _person(luma: NDArray[Any], part: float) -> None:
    height, width = luma.shape
    wide = width * 110 // 1920
    left = int(part * (width + wide)) - wide
    luma[height * 46 // 100 : height * 76 // 100, max(0, left) : max(0, left + wide)] = 30
    luma[height * 39 // 100 : height * 46 // 100, max(0, left + wide // 4) : max(0, left + wide * 3 // 4)] = 190


def _with_colour(luma: NDArray[Any]) -> NDArray[Any]:
    """As yuv420p: a greenish yard under a bluish sky."""
    import numpy as np

    height, width = luma.shape
    blue = np.full((height // 2, width // 2), 118, np.uint8)
    red = np.full((height // 2, width // 2), 122, np.uint8)
    blue[: height // 8] = 140
    return np.concatenate([luma, blue.reshape(-1, width), red.reshape(-1, width)])


if __name__ == "__main__":
    os.nice(5)
    ensure(*(sys.argv[1:] or CLIPS))
