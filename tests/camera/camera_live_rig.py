"""What the live tests share: real compressed pictures, a receiver of pieces, and looks into fMP4."""

import dataclasses
import io
import struct
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import av

from camera.frames import EncodedFrame, VideoFormat
from camera.model import LivePiece

FPS = 10


def encode(folder: Path, name: str, *options: str, size: str = "320x180", seconds: float = 4) -> Path:
    """A film of ffmpeg's test picture, a key frame every second."""
    path = folder / name
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={FPS}:duration={seconds}"]
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *source, "-pix_fmt", "yuv420p", "-g", str(FPS), *options, path],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return path


def frames_of(path: Path, *, begin_s: float | None = None) -> list[EncodedFrame]:
    """The pictures of a file as they would arrive from a camera, one each 1/FPS s. A raw one's have even times."""
    begin_s = time.monotonic() if begin_s is None else begin_s
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        video = VideoFormat(stream)
        for packet in container.demux(stream):
            if packet.size:
                even = round(len(frames) / FPS / video.time_base) if path.suffix in {".h264", ".hevc"} else None
                frames.append(
                    EncodedFrame(
                        bytes(packet),
                        packet.dts if even is None else even,
                        packet.pts if even is None else even,
                        packet.duration or 0,
                        packet.is_keyframe,
                        video,
                        datetime.now(UTC),
                        begin_s + len(frames) / FPS,
                    )
                )
    return frames


class Receiver:
    """Takes pieces, and refuses them when told so."""

    def __init__(self) -> None:
        self.pieces: list[LivePiece] = []
        self.has_room = True

    def __call__(self, piece: LivePiece) -> bool:
        if self.has_room:
            self.pieces.append(piece)
        return self.has_room

    @property
    def kinds(self) -> list[str]:
        return [piece.kind for piece in self.pieces]

    @property
    def pictures(self) -> list[LivePiece]:
        return [piece for piece in self.pieces if piece.kind != "init"]


def film(pieces: list[LivePiece]) -> bytes:
    """What a browser is given: the first init, then the pictures."""
    return pieces[0].data + b"".join(piece.data for piece in pieces if piece.kind != "init")


def decoded(data: bytes) -> list[tuple[int, int, int]]:
    """Presentation time in ms, width and height of each picture that a decoder makes of it."""
    with av.open(io.BytesIO(data)) as container:
        base = container.streams.video[0].time_base
        return [(round(p.pts * base * 1000), p.width, p.height) for p in container.decode(video=0)]


def decode_time(piece: LivePiece) -> int:
    """`tfdt` of a piece, in 1/90000 s."""
    place = piece.data.index(b"tfdt")
    return struct.unpack_from(">Q", piece.data, place + 8)[0]


def timed(frame: EncodedFrame, time_s: float | None, arrived_s: float) -> EncodedFrame:
    """The picture with another time of the camera, and another arrival."""
    ticks = None if time_s is None else round(time_s / frame.format.time_base)
    return dataclasses.replace(frame, dts=ticks, pts=ticks, arrived_s=arrived_s)
