"""End a connection on which no byte arrives: libav can only be told how long a whole picture may take.

A picture takes long on a weak link, and what waits in a link is lost with its connection. So silence is judged by the
bytes that the kernel received (`tcpi_last_data_recv` of Linux's `struct tcp_info`), beside libav.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_LOOK_S = 0.1
_LAST_DATA = struct.Struct("=52xI")
"""`tcpi_last_data_recv` in `struct tcp_info` (linux/tcp.h): milliseconds since the last byte of data."""
_HERE = Path("/proc/self/fd")
_SETTLE_S = 1.2
"""A question whether a camera answers holds a second connection to it for a second at most (`RtspSource.probe`)."""


class Line:
    """One connection, by a file descriptor of our own, so that no other can take its number."""

    def __init__(self, sock: socket.socket, limit_s: float, stop: threading.Event) -> None:
        self._sock, self._limit_s, self._stop = sock, limit_s, stop
        self.silent = False
        """It was ended because nothing came for `limit_s`."""

    def look(self) -> None:
        """End it when it is silent or not wanted any more. What waits for its bytes then sees the end at once."""
        with contextlib.suppress(OSError):  # the camera has closed it
            self.silent = self.silent or self._is_silent()
            if self.silent or self._stop.is_set():
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self._sock.close()

    def _is_silent(self) -> bool:
        info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)
        if _LAST_DATA.unpack_from(info)[0] < self._limit_s * 1000:
            return False
        waiting = fcntl.ioctl(self._sock.fileno(), termios.FIONREAD, b"\0" * 4)
        return int.from_bytes(waiting, "little") == 0  # else we are the ones that do not read


class Lines:
    """Looks after all connections of the process, in one thread that runs while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._runs = False

    @contextlib.contextmanager
    def watched(self, line: Line) -> Iterator[Line]:
        """Look at `line` meanwhile; close it in the end."""
        with self._lock:
            self._lines.append(line)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="silence", daemon=True).start()
        try:
            yield line
        finally:
            with self._lock:
                self._lines.remove(line)
                line.close()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            with self._lock:
                for line in self._lines:
                    line.look()
                if not self._lines:
                    self._runs = False
                    return


LINES = Lines()

_openings: dict[tuple[str, int], threading.Lock] = {}


@contextlib.contextmanager
def opening(host: str, port: int, wait_s: float) -> Iterator[Callable[[], socket.socket | None]]:
    """Find the connection to `host` that is opened meanwhile, by what is new among this process's connections to it.

    Streams of one address are opened one after another, for at most `wait_s` each. The result returns None when the
    connection cannot be told from others.
    """
    lock = _openings.setdefault((host, port), threading.Lock())
    got = lock.acquire(timeout=wait_s)
    try:
        peers = _addresses(host, port)
        before = _connections(peers)
        yield lambda: _only_new(peers, before)
    finally:
        if got:
            lock.release()


def _only_new(peers: set[tuple[str, int]], before: set[tuple[int, int]]) -> socket.socket | None:
    deadline_s = time.monotonic() + _SETTLE_S
    new = _connections(peers) - before
    while len(new) > 1 and time.monotonic() < deadline_s:
        time.sleep(0.02)
        new &= _connections(peers)
    if len(new) != 1:
        return None
    (number, _inode) = new.pop()
    return socket.socket(fileno=os.dup(number))


def _addresses(host: str, port: int) -> set[tuple[str, int]]:
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return {(str(address[0]), port) for *_rest, address in found}
    return set()


def _connections(peers: set[tuple[str, int]]) -> set[tuple[int, int]]:
    """Return file descriptor and inode of each connection to one of `peers`."""
    found = set()
    for entry in _HERE.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, or no connection
            target, number = str(entry.readlink()), int(entry.name)
            if target.startswith("socket:") and _peer(number) in peers:
                found.add((number, int(target[8:-1])))
    return found


def _peer(number: int) -> tuple[str, int] | None:
    with socket.socket(fileno=os.dup(number)) as sock:
        address = sock.getpeername()
    return (address[0], address[1]) if isinstance(address, tuple) else None
