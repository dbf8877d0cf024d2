"""What the camera tests share: a real RTSP camera, servers that misbehave, a listener that waits for a status."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

from camera import CameraConfig, CameraStatus

FPS = 10
GOP = 20
SERVED_FPS = 20
"""The server plays the clip at twice its speed, so that a group of pictures takes one second."""
LIMIT_S = 25.0
"""No wait of a test is longer; all are expected to be far shorter."""


class RtspCamera:
    """The loopback camera of `rtsp_server.py`: can be killed, frozen, and started again on the same port."""

    def __init__(self, clip: Path, user: str | None = None, password: str = "", digest: bool = False) -> None:
        self._arguments = [str(clip), "--fps", str(SERVED_FPS)]
        if user is not None:
            self._arguments += ["--user", user, "--password", password, *(["--digest"] if digest else [])]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/gate"

    def start(self) -> None:
        server = Path(__file__).with_name("rtsp_server.py")
        self._process = subprocess.Popen(
            ["/usr/bin/python3", str(server), *self._arguments, "--port", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        words = self._process.stdout.readline().split()
        assert words[:1] == ["ready"], "the RTSP server did not start"
        self.port = int(words[1])

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None


@contextlib.contextmanager
def rtsp_camera(*arguments: Any, **options: Any) -> Iterator[RtspCamera]:
    camera = RtspCamera(*arguments, **options)
    try:
        camera.start()
        yield camera
    finally:
        camera.kill()


@contextlib.contextmanager
def tcp_server(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run `handle` for every connection to a free port; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    links: list[socket.socket] = []

    def serve(link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            handle(link)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _address = listener.accept()
                links.append(link)
                threading.Thread(target=serve, args=(link,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for link in links:
            link.close()
        thread.join(2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Watch:
    """A status listener that remembers everything and lets a test wait for a status."""

    def __init__(self) -> None:
        self.seen: list[CameraStatus] = []
        self._news = asyncio.Event()

    def __call__(self, status: CameraStatus) -> None:
        self.seen.append(status)
        self._news.set()

    async def until(self, wanted: Callable[[CameraStatus], object], after: int = 0) -> CameraStatus:
        """Return the first status from number `after` on that is wanted."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    for status in self.seen[after:]:
                        if wanted(status):
                            return status
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never seen: {wanted}; last: {self.seen[-3:]}") from None


def config_for(url: str, **changes: Any) -> CameraConfig:
    return CameraConfig(**{"id": "gate", "url": url, "timeout_s": 1.5, **changes})


def recordings(directory: Path) -> list[Path]:
    return sorted(directory.glob("gate/*/*.mp4"))


def packets_of(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def pictures_in(path: Path) -> int:
    """Decode the whole file, as far as it goes; return how many pictures came out."""
    count = 0
    with av.open(str(path)) as container, contextlib.suppress(av.FFmpegError):
        for _picture in container.decode(video=0):
            count += 1
    return count


def slices_of(packet: Any) -> list[bytes]:
    """Return the coded picture data of an MP4 packet, without parameter sets and the like."""
    data, units = bytes(packet), []
    while data:
        size = int.from_bytes(data[:4], "big")
        unit, data = data[4 : 4 + size], data[4 + size :]
        if unit[0] & 0x1F in {1, 5}:
            units.append(unit)
    return units


def process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run_python(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
