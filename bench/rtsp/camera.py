"""A camera on loopback: one RTSP server with many addresses.

    python -m bench.rtsp.camera --port 8554 [--user U --password P [--digest]]
        [--clock-error S] [--served FOLDER] [--refuse-tcp] [--as-is]

/main 1080p15 H.264 2 Mbit/s, a key frame every 2 s    /sub 640x360    /tiny 320x180, a key frame every second
/hevc and /hevcsub H.265    /long a key frame every 50 s    /clock and /clocksub the wall clock in the pixels, live
Quirks follow after a hyphen, also several: /main-audio, /tiny-jump-late; a quirk alone is one of /sub:
    -jump    timestamps that jump ahead, run backwards and start anew, every 5 s
    -change  another resolution every 4 s
    -audio   a PCMU track beside the video
    -bare    no parameter sets in the SDP        -naked    and none in the stream either
    -late    begins in the midst of a group      -mute     answers, and never sends a picture
    -garbage noise in place of the pictures      -udponly  (and /udp-only) 461 for TCP
What stands behind a further slash is free: /main/3 is one more camera with the same pictures, and shares the memory.

`--served FOLDER` writes down when each picture went out, eight bytes of nanoseconds each, a file per path, and puts the
same number into the picture (`packets.mark`). Clips that are missing in build/clips are made first, in a minute or
two; `--as-is`: then their addresses answer 404. Prints `ready PORT`; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import secrets
import sys
import time
from base64 import b64decode
from email.utils import formatdate
from pathlib import Path

from bench.rtsp.clips import CLIPS, ensure
from bench.rtsp.session import Session, Track
from bench.rtsp.streams import Stream, open_stream

REALM = "camera"
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 455: "Method Not Valid in This State"}


class Camera:
    """What all connections share."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.user: str | None = arguments.user
        self.password: str = arguments.password or ""
        self.digest: bool = arguments.digest
        self.clock_error_s: float = arguments.clock_error
        self.refuse_tcp: bool = arguments.refuse_tcp
        self.served: Path | None = arguments.served
        self.nonce = secrets.token_hex(16)
        self._streams: dict[str, Stream] = {}

    def stream(self, path: str) -> Stream:
        """Raises KeyError, FileNotFoundError."""
        name = path.split("/", maxsplit=1)[0]
        if name not in self._streams:
            self._streams[name] = open_stream(name, asyncio.get_running_loop())
        return self._streams[name]

    def lets_in(self, method: str, header: str) -> bool:
        """Whether the name and the password are right."""
        if self.user is None:
            return True
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic" and not self.digest:
            return b64decode(rest) == f"{self.user}:{self.password}".encode()
        if scheme.lower() != "digest" or not self.digest:
            return False
        given = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        given = {key: value.strip('"') for key, value in given.items()}
        first = _md5(f"{self.user}:{REALM}:{self.password}")
        second = _md5(f"{method}:{given.get('uri', '')}")
        return given.get("response") == _md5(f"{first}:{self.nonce}:{second}") and given.get("nonce") == self.nonce

    def challenge(self) -> str:
        """WWW-Authenticate."""
        return f'Digest realm="{REALM}", nonce="{self.nonce}"' if self.digest else f'Basic realm="{REALM}"'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Connection:
    """One client's conversation."""

    def __init__(self, camera: Camera, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._camera, self._reader, self._writer = camera, reader, writer
        self._session: Session | None = None

    async def run(self) -> None:
        """Until the client goes."""
        try:
            while await self._next():
                continue
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            if self._session is not None:
                await self._session.stop()
            self._writer.close()

    async def _next(self) -> bool:
        """Take one request, or a packet that the client sent between them."""
        first = await self._reader.readexactly(1)
        if first == b"$":
            _channel, high, low = await self._reader.readexactly(3)
            await self._reader.readexactly(high << 8 | low)
            return True
        text = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = text.strip().split("\r\n")
        method, url, _version = lines[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        await self._reader.readexactly(int(headers.get("content-length", 0)))
        self._act(method, url, headers)
        return method != "TEARDOWN"

    def _act(self, method: str, url: str, headers: dict[str, str]) -> None:
        number = headers.get("cseq", "0")
        if method == "OPTIONS":
            self._answer(number, 200, [f"Public: {_METHODS}"])
        elif not self._camera.lets_in(method, headers.get("authorization", "")):
            self._answer(number, 401, [f"WWW-Authenticate: {self._camera.challenge()}"])
        elif method == "DESCRIBE":
            self._describe(number, url)
        elif method == "SETUP":
            self._set_up(number, url, headers.get("transport", ""))
        elif method == "PLAY" and self._session is not None:
            self._answer(number, 200, [f"Session: {self._session.id}", "Range: npt=now-"])
            self._session.play()
        elif method in ("TEARDOWN", "GET_PARAMETER", "SET_PARAMETER", "PAUSE"):
            self._answer(number, 200, [f"Session: {self._session.id}"] if self._session else [])
        else:
            self._answer(number, 455, [])

    def _answer(self, number: str, code: int, headers: list[str], body: str = "") -> None:
        reason = _REASONS.get(code, "Unsupported Transport")
        date = formatdate(time.time() + self._camera.clock_error_s, usegmt=True)
        length = [f"Content-Length: {len(body)}"] if body else []
        lines = [f"RTSP/1.0 {code} {reason}", f"CSeq: {number}", f"Date: {date}", *headers, *length]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _describe(self, number: str, url: str) -> None:
        try:
            stream = self._camera.stream(_path(url))
        except (KeyError, FileNotFoundError):
            self._answer(number, 404, [])
            return
        encoding = "H264" if stream.codec == "h264" else "H265"
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
        lines += ["m=video 0 RTP/AVP 96", f"a=rtpmap:96 {encoding}/90000", stream.fmtp, "a=control:trackID=0"]
        if "audio" in stream.quirks:
            lines += ["m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=control:trackID=1"]
        body = "\r\n".join(lines) + "\r\n"
        self._answer(number, 200, ["Content-Type: application/sdp", f"Content-Base: {url}/"], body)

    def _set_up(self, number: str, url: str, transport: str) -> None:
        path, _, track = _path(url).partition("/trackID=")
        stream = self._camera.stream(path)
        by_tcp = "TCP" in transport
        if by_tcp and (self._camera.refuse_tcp or "udponly" in stream.quirks):
            self._answer(number, 461, [])
            return
        if self._session is None:
            served = self._camera.served and self._camera.served / (path.replace("/", "-") + ".served")
            self._session = Session(stream, self._writer, self._camera.clock_error_s, served)
        client = self._writer.get_extra_info("peername")[0]
        made = Track.by_tcp(transport, self._writer) if by_tcp else Track.by_udp(transport, client)
        self._session.tracks[int(track or 0)] = made
        self._answer(number, 200, [f"Transport: {made.says}", f"Session: {self._session.id};timeout=60"])


def _path(url: str) -> str:
    """`main/3` out of rtsp://host:port/main/3?x."""
    return url.partition("://")[2].partition("/")[2].partition("?")[0].strip("/")


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until the standard input closes."""
    camera = Camera(arguments)
    open_now: set[asyncio.Task[None]] = set()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        await Connection(camera, reader, writer).run()
        open_now.discard(task)

    server = await asyncio.start_server(come, "127.0.0.1", arguments.port, reuse_address=True)
    sys.stdout.write(f"ready {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: os.read(sys.stdin.fileno(), 1024) or over.set())
    await over.wait()
    server.close()
    for task in open_now:
        task.cancel()
    await asyncio.gather(*open_now, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--clock-error", type=float, default=0)
    parser.add_argument("--refuse-tcp", action="store_true")
    parser.add_argument("--served", type=Path)
    parser.add_argument("--as-is", action="store_true")
    random.seed()
    arguments = parser.parse_args()
    if not arguments.as_is:
        ensure(*CLIPS, progress=_tell)
    asyncio.run(serve(arguments))


def _tell(name: str, part: float) -> None:
    end = "\n" if part == 1 else "\r"
    sys.stderr.write(f"making build/clips: {name} {part:4.0%}{end}")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
