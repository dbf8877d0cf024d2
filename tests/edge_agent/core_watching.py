"""What the tests of live view share: pieces, cameras that stand in, a link that is narrow, a viewer."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from camera.model import CameraFault, LivePiece, Stream
from edge_agent.contract.commands import Command
from edge_agent.contract.watching import VideoStream, WatchCamera

AT = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def piece(kind: str, number: int, size: int = 100, *, camera: str = "gate", stream: Stream = "sub") -> LivePiece:
    return LivePiece(camera, stream, kind, 7, number, AT, "avc1.64001f", 640, 360, bytes(size))  # type: ignore[arg-type]


def asked(**args: Any) -> tuple[Command, WatchCamera]:
    wanted = WatchCamera(**{"camera": "gate", "viewer": "one", **args})
    command = Command(
        id="01939b5e-7c00-7000-8000-000000000000",
        to="26734/pole",
        by="bà Hoa",
        at=AT,
        expires=AT + timedelta(minutes=1),
        args=wanted,
    )
    return command, wanted


class Cameras:
    """A camera with both streams, `gate`, and one with one, `field`; remembers what it was asked."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.fault: CameraFault | None = None

    async def watch(self, camera: str, stream: VideoStream) -> VideoStream:
        if self.fault is not None:
            raise self.fault
        sent: VideoStream = "main" if camera == "field" else stream
        self.told.append(("watch", camera, sent))
        return sent

    async def rest(self, camera: str, stream: VideoStream) -> None:
        self.told.append(("rest", camera, stream))


class Line:
    """An uplink whose room a test gives."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.connected = True
        self.left = room
        self.sent: list[tuple[str, bytes]] = []

    def room(self) -> int:
        return self.left

    def send_now(self, topic: str, body: bytes) -> bool:
        self.left -= len(body)
        self.sent.append((topic, body))
        return True


@contextlib.asynccontextmanager
async def narrow(port: int, kbit_s: float, delay_s: float) -> AsyncIterator["Narrow"]:
    """A way to `port` that carries so much up and adds a delay each way, as a weak uplink does."""
    link = Narrow(port, kbit_s, delay_s)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    # taken over by the connections: what lies in the receiver's buffer is acknowledged, and seems to have arrived
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
    link.port = listener.getsockname()[1]
    accepting = asyncio.create_task(link.accept(listener))
    try:
        yield link
    finally:
        accepting.cancel()
        for task in list(link.tasks):
            task.cancel()
        await asyncio.gather(accepting, *link.tasks, return_exceptions=True)
        listener.close()


class Narrow:
    """What goes to the broker is let through at a rate; `kbit_s` may be changed while it runs."""

    def __init__(self, target: int, kbit_s: float, delay_s: float) -> None:
        self.port = 0
        self.kbit_s = kbit_s
        self.carried = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._target = target
        self._delay_s = delay_s
        self._free_s = 0.0

    async def accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(self._serve(near))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _serve(self, near: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        far = socket.create_connection(("127.0.0.1", self._target))
        for each in (near, far):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._carry(near, far, slow=True))
                down = group.create_task(self._carry(far, near, slow=False))
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        finally:
            for each in (near, far):
                loop.remove_reader(each)
                each.close()

    async def _carry(self, come: socket.socket, go: socket.socket, *, slow: bool) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(come, 1000 if slow else 65536):
                if slow:
                    self._free_s = max(self._free_s, loop.time()) + len(data) / (self.kbit_s * 125)
                    await asyncio.sleep(max(0.0, self._free_s - loop.time()))
                    self.carried += len(data)
                loop.call_later(self._delay_s, _deliver, go, data)


def _deliver(go: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        go.send(data)
