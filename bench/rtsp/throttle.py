"""A weak link in front of a camera: `python -m bench.rtsp.throttle LISTEN TARGET KBIT_S DELAY_MS [up]`.

A TCP proxy on loopback that lets so many kbit/s from the server to the client (`up`: the other way), and delays both
ways. All connections share the link. Lines on standard input change it: `800 60`. Prints `ready PORT`; ends when its
input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time

PIECE = 1400
_BUFFER = 16_384
_BUFFER_UP = 3_072
"""A node that sends sees what it has sent as received once it is here: little may be, or it could not know the link."""
_QUEUE_S = 0.5
"""What a router would hold, in seconds at the least, before the server feels the narrowness."""


class Link:
    """The narrow place."""

    def __init__(self, kbit_s: float, delay_ms: float, up: bool = False) -> None:
        self.up = up
        self.kbit_s, self.delay_s = kbit_s, delay_ms / 1000
        self._free_at = 0.0

    async def take(self, size: int) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + size / (self.kbit_s * 125)
        await asyncio.sleep(max(0, self._free_at - now))


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link, narrow: bool) -> None:
    """Copy one way until it ends; bounded by the queue."""
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def deliver() -> None:
        while True:
            came, data = await queue.get()
            if not data:
                return
            await asyncio.sleep(max(0, came + link.delay_s - time.monotonic()))
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    try:
        while data := await reader.read(PIECE):
            if narrow:
                await link.take(len(data))
            await queue.put((time.monotonic(), data))
            if delivering.done():
                break
        await queue.put((0, b""))
        await delivering
    except OSError:
        pass
    finally:
        delivering.cancel()
        writer.close()


async def connect(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
    """Serve one client. Small receive buffers: the camera must feel the link, not the kernel's patience."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        beyond, out = await asyncio.open_connection(sock=sock, limit=_BUFFER)
    except OSError:
        sock.close()
        writer.close()
        return
    tasks = [
        asyncio.create_task(forward(reader, out, link, link.up)),
        asyncio.create_task(forward(beyond, writer, link, not link.up)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(tasks, timeout=_QUEUE_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(listen: int, target: int, link: Link) -> None:
    """Until the standard input closes."""
    over = asyncio.Event()

    def told() -> None:
        data = os.read(sys.stdin.fileno(), 1024)
        if not data:
            over.set()
        with contextlib.suppress(ValueError, IndexError):
            kbit_s, delay_ms = data.decode().splitlines()[-1].split()
            link.kbit_s, link.delay_s = float(kbit_s), float(delay_ms) / 1000

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    buffer = _BUFFER_UP if link.up else _BUFFER
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)  # who connects inherits it
    listener.bind(("127.0.0.1", listen))
    server = await asyncio.start_server(
        lambda reader, writer: connect(target, reader, writer, link),
        sock=listener,
        limit=PIECE // 2 if link.up else _BUFFER,
    )
    sys.stdout.write(f"ready {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), told)
    await over.wait()
    server.close()


if __name__ == "__main__":
    listening, targeted = int(sys.argv[1]), int(sys.argv[2])
    asyncio.run(serve(listening, targeted, Link(float(sys.argv[3]), float(sys.argv[4]), "up" in sys.argv[5:])))
