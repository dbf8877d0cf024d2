"""A node that sends live pictures while a lease lasts: real H.264 through the live tap, over the broker."""

import asyncio
import dataclasses
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
from hub_rig import FakeNode

from camera.frames import EncodedFrame, VideoFormat
from camera.live.tap import LiveTap
from camera.model import LivePiece
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault
from edge_agent.contract.watching import VideoPiece, WatchCamera, split

FPS = 10


def film(folder: Path, *options: str, size: str = "320x180", name: str = "film.mp4") -> Path:
    """Two seconds of ffmpeg's test picture, a key frame every second."""
    path = folder / name
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={FPS}:duration=2"]
    codec = options or ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency")
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *source, "-pix_fmt", "yuv420p", "-g", str(FPS), *codec, path],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return path


def frames_of(path: Path) -> list[EncodedFrame]:
    """The pictures of a film."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        video, now = VideoFormat(stream), datetime.now(UTC)
        packets = [p for p in container.demux(stream) if p.size]
        return [EncodedFrame(bytes(p), None, None, 0, p.is_keyframe, video, now, 0.0) for p in packets]


@dataclass
class LiveNode:
    """Makes a node answer `camera.watch`, and play a film in a loop to the live topic."""

    node: FakeNode
    films: dict[str, list[EncodedFrame]]
    """Stream -> its pictures; without `sub` the main one is sent."""
    refuse: Fault | None = None
    asked: list[WatchCamera] = field(default_factory=list)
    change: Callable[[LivePiece], LivePiece | None] = lambda piece: piece
    """What becomes of each piece on its way."""

    def __post_init__(self) -> None:
        self.node.replies["camera.watch"] = self._answer
        self._until: dict[str, float] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def on(self) -> set[str]:
        """The streams that are sent now."""
        return {stream for stream, task in self._tasks.items() if not task.done()}

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _answer(self, node: FakeNode, command: Command) -> None:
        asked: Any = command.args
        self.asked.append(asked)
        if self.refuse is not None:
            await node.ack(command, "rejected", fault=self.refuse)
            return
        stream = asked.stream if asked.stream in self.films else "main"
        self._until[stream] = time.monotonic() + asked.seconds
        if stream not in self.on:
            self._tasks[stream] = asyncio.create_task(self._play(stream, asked.camera))
        await node.ack(command, "done", result={"stream": stream, "seconds": asked.seconds})

    async def _play(self, stream: Any, camera: str) -> None:
        pieces: list[LivePiece] = []

        def send(piece: LivePiece) -> bool:
            pieces.append(piece)
            return True

        tap = LiveTap(camera, stream, send)
        tap.begin()
        serial, number, begun = 0, 0, time.monotonic()
        while time.monotonic() < self._until[stream]:
            frame = self.films[stream][number % len(self.films[stream])]
            tap.feed(dataclasses.replace(frame, at=datetime.now(UTC), arrived_s=time.monotonic()))
            number += 1
            for piece in filter(None, map(self.change, pieces)):
                serial += 1
                for body in split(packed(piece), serial, 4000):
                    await self.node.client.publish(self.node.topics.live(camera), body, qos=0)  # type: ignore[union-attr]
            pieces.clear()
            await asyncio.sleep(max(0, begun + number / FPS - time.monotonic()))


def packed(piece: LivePiece) -> bytes:
    names = ("stream", "kind", "epoch", "number", "at", "codec", "width", "height", "data")
    return VideoPiece(*(getattr(piece, name) for name in names)).pack()
