"""Radio stations on loopback: real HTTP, sounds made by a real ffmpeg, and every way of being broken."""

import functools
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TONES = {"main": 440, "backup": 880, "stand-in": 1320, "silent": 0}
_SECONDS = 40


@functools.cache
def ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    assert program, "ffmpeg is not installed"
    return program


def make(folder: Path, hz: int, name: str, *options: str, seconds: float = _SECONDS) -> Path:
    """A tone (0 Hz: silence) in the format that the name says."""
    made = folder / name
    made.parent.mkdir(parents=True, exist_ok=True)
    source = f"sine=f={hz}:r=44100" if hz else "anullsrc=r=44100:cl=mono"
    argv = [ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-t", str(seconds), "-i", source]
    subprocess.run([*argv, *options, str(made)], check=True, stdin=subprocess.DEVNULL, timeout=60)
    return made


def make_all(folder: Path) -> Path:
    """The files of all stations."""
    for name, hz in TONES.items():
        make(folder, hz, f"{name}.mp3", "-b:a", "64k")
    make(folder, TONES["main"], "main.aac", "-c:a", "aac", "-b:a", "64k", "-f", "adts")
    make(folder, TONES["main"], "main.ogg", "-c:a", "libvorbis")
    make(folder, TONES["main"], "main.opus.ogg", "-c:a", "libopus", "-b:a", "48k")
    hls = ("-c:a", "aac", "-b:a", "64k", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0")
    make(folder, TONES["main"], "hls/list.m3u8", *hls)
    stand_in = ("-ar", "48000", "-ac", "1", "-c:a", "pcm_s16le")
    make(folder, TONES["stand-in"], "stand-in.wav", *stand_in, seconds=1.7)
    return folder


class Radio:
    """A station at an address; what is changed acts on who listens already, too."""

    def __init__(self, file: Path, content_type: str = "audio/mpeg", rate: float = 1.0) -> None:
        self.data = file.read_bytes()
        self.content_type = content_type
        self.rate = rate
        self.on = True
        self.other: bytes | None = None

    def play(self, data: bytes) -> None:
        """Send another sound from now on."""
        self.other = data

    def send(self, request: "Handler") -> None:
        if not self.on:
            request.send_error(503)
            return
        request.send_response(200)
        request.send_header("Content-Type", self.content_type)
        request.end_headers()
        per_s = len(self.data) / _SECONDS
        seen, due, sent = time.monotonic(), 2.0 * per_s, 0  # stations send some seconds at once
        while self.on:
            data = self.other or self.data
            now = time.monotonic()
            seen, due = now, due + (now - seen) * per_s * self.rate
            while sent < due:
                place = sent % len(data)
                part = data[place : place + 2048]
                request.wfile.write(part)
                sent += len(part)
            time.sleep(0.02)


class Handler(BaseHTTPRequestHandler):
    """`server.pages`: path -> what is done."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Stations)
        path = self.path.partition("?")[0]
        server.asked.append(path)
        page = server.pages.get(path)
        try:
            if page is not None:
                page(self)
                return
            file = server.folder / path.lstrip("/")
            if not file.is_file():
                self.send_error(404)
                return
            self.answer(file.read_bytes(), "application/octet-stream")
        except OSError:  # whoever listened has gone
            pass

    def answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Stations(ThreadingHTTPServer):
    """A server on a free port of loopback."""

    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.pages: dict[str, Callable[[Handler], None]] = {}
        self.asked: list[str] = []

    def handle_error(self, *_: object) -> None:
        pass

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def radio(self, path: str, file: Path, content_type: str = "audio/mpeg") -> Radio:
        radio = Radio(file, content_type)
        self.pages[path] = radio.send
        return radio


@contextmanager
def stations(folder: Path) -> Iterator[Stations]:
    server = Stations(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def html(request: Handler) -> None:
    request.answer(b"<!DOCTYPE html><html><body>Please log in</body></html>" * 50, "audio/mpeg")


def endless_playlist(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "application/vnd.apple.mpegurl")
    request.end_headers()
    request.wfile.write(b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n")
    while True:
        request.wfile.write(b"#EXTINF:2.0,\nsegment.ts\n" * 500)


def playlist(*lines: str) -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        request.answer("\n".join(("#EXTM3U", *lines, "")).encode(), "application/vnd.apple.mpegurl")

    return answer


def redirect(to: str) -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        request.send_response(302)
        request.send_header("Location", to)
        request.end_headers()

    return answer


def endless_header(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while True:
        request.wfile.write(b"X-More: " + b"a" * 1000 + b"\r\n")


def endless_header_line(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.0 200 OK\r\nX-More: ")
    while True:
        request.wfile.write(b"a" * 65_536)


def one_byte_a_while(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "audio/mpeg")
    request.end_headers()
    for _ in range(600):
        request.wfile.write(b"\xff")
        request.wfile.flush()
        time.sleep(0.5)


def noise(request: Handler) -> None:
    import random

    request.answer(random.Random(1).randbytes(400_000), "audio/mpeg")


def says_nothing(request: Handler) -> None:
    time.sleep(60)
