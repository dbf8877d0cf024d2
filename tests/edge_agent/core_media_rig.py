"""A real HTTP server for sounds that behaves as badly as it is told: slow, cut off, lying."""

import contextlib
import hashlib
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edge_agent.contract.segments import Sound


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


@dataclass
class Asked:
    path: str
    range: str | None
    if_range: str | None
    token: str | None


@dataclass
class Ways:
    """How the server behaves."""

    per_s: float | None = None
    """Bytes a second over all connections."""
    cut: Callable[[int], bool] = lambda _sent: False
    """Whether to break after so many bytes of a body."""
    ranges: bool = True
    etag: Callable[[bytes], str | None] = lambda content: f'"{digest(content)[:16]}"'
    token: str | None = None
    answer: Callable[["Handler"], bool] | None = None
    """Something else instead; returns whether that was the answer."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ways = Ways()
        self.asked: list[Asked] = []
        self.sent = self.cuts = self.now = self.most = 0
        self.lock = threading.Lock()
        self.free_at = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, content: bytes) -> Sound:
        self.files[f"/media/{digest(content)}"] = content
        return Sound(sha256=digest(content), bytes=len(content))

    def pace(self, count: int) -> None:
        """Wait until so many bytes may go."""
        if self.ways.per_s is None:
            return
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.ways.per_s
            wait = self.free_at - time.monotonic()
        time.sleep(max(0.0, wait))

    def handle_error(self, *_: object) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        asked = Asked(self.path, *(self.headers[name] for name in ("Range", "If-Range", "Authorization")))
        with server.lock:
            server.asked.append(asked)
            server.now += 1
            server.most = max(server.most, server.now)
        try:
            self._answer(asked)
        finally:
            self.close_connection = True
            with server.lock:
                server.now -= 1

    def _answer(self, asked: Asked) -> None:
        ways = self.server.ways
        if ways.answer is not None and ways.answer(self):
            return
        if ways.token is not None and asked.token != f"Bearer {ways.token}":
            self.head(401, {"WWW-Authenticate": "Bearer", "Content-Length": "0"})
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.head(404, {"Content-Length": "0"})
            return
        self._send(content, asked)

    def _send(self, content: bytes, asked: Asked) -> None:
        ways = self.server.ways
        etag = ways.etag(content)
        match = re.fullmatch(r"bytes=(\d+)-", asked.range or "")
        start = int(match[1]) if match and ways.ranges and asked.if_range in (None, etag) else 0
        if start >= len(content):
            self.head(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(content)}"})
            return
        headers = {"Content-Length": str(len(content) - start), **({"ETag": etag} if etag else {})}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.head(206 if start else 200, headers)
        self.body(content[start:])

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def body(self, content: bytes, step: int = 4096) -> None:
        for at in range(0, len(content), step):
            if self.server.ways.cut(at):
                with self.server.lock:
                    self.server.cuts += 1
                return
            chunk = content[at : at + step]
            self.server.pace(len(chunk))
            self.wfile.write(chunk)
            with self.server.lock:
                self.server.sent += len(chunk)

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="sounds", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
