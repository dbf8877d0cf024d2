"""One viewer of the loopback camera: RTP in the RTSP connection or by UDP, sender reports, what was really sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.rtsp.packets import Unit, mark
from bench.rtsp.streams import Stream

SEND_BUFFER = 262_144
"""What the kernel holds for a slow client."""
CHOKED = 131_072
"""Bytes waiting beyond that: pictures are left out up to the next key frame, as a camera does."""
_REPORT_EVERY_S = 5.0
_NTP = 2_208_988_800
_SILENCE = b"\xff" * 800  # 0.1 s of PCMU


@dataclass
class Track:
    """Where the packets of a track go."""

    says: str
    writer: asyncio.StreamWriter | None = None
    channel: int = 0
    sockets: tuple[socket.socket, ...] = ()
    target: tuple[str, int, int] = ("", 0, 0)
    number: int = field(default_factory=lambda: random.randrange(65536))
    source: int = field(default_factory=lambda: random.getrandbits(32))
    packets: int = 0
    octets: int = 0

    @classmethod
    def by_tcp(cls, transport: str, writer: asyncio.StreamWriter) -> Self:
        """Between the words of the RTSP connection."""
        found = re.search(r"interleaved=(\d+)", transport)
        channel = int(found[1]) if found else 0
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}", writer, channel)

    @classmethod
    def by_udp(cls, transport: str, client: str) -> Self:
        """To two ports of the client. Raises ValueError when it names none."""
        found = re.search(r"client_port=(\d+)-(\d+)", transport)
        if found is None:
            raise ValueError(transport)
        both = tuple(socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in both:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        ours = "-".join(str(sock.getsockname()[1]) for sock in both)
        says = f"RTP/AVP;unicast;client_port={found[1]}-{found[2]};server_port={ours}"
        return cls(says, sockets=both, target=(client, int(found[1]), int(found[2])))

    def send(self, payloads: tuple[bytes, ...], stamp: int, type_: int) -> None:
        """One picture, or a piece of sound: the last packet carries the marker."""
        last = len(payloads) - 1
        pieces = []
        for place, payload in enumerate(payloads):
            second = type_ | (0x80 if place == last else 0)
            head = struct.pack(">BBHII", 0x80, second, self.number, stamp & 0xFFFFFFFF, self.source)
            self.number = (self.number + 1) & 0xFFFF
            self.octets += len(payload)
            pieces.append(head + payload)
        self.packets += len(payloads)
        self._put(pieces, 0)

    def report(self, stamp: int, wall: float) -> None:
        """RTCP sender report (RFC 3550, 6.4.1)."""
        seconds, part = divmod(wall + _NTP, 1)
        fields = (0x80, 200, 6, self.source, int(seconds), int(part * 2**32))
        counts = (stamp & 0xFFFFFFFF, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        self._put([struct.pack(">BBHIII", *fields) + struct.pack(">III", *counts)], 1)

    def _put(self, pieces: list[bytes], which: int) -> None:
        if self.writer is not None:
            framed = (struct.pack(">cBH", b"$", self.channel + which, len(piece)) + piece for piece in pieces)
            self.writer.write(b"".join(framed))
            return
        for piece in pieces:
            with contextlib.suppress(OSError):
                self.sockets[which].sendto(piece, (self.target[0], self.target[1 + which]))

    def waiting(self) -> int:
        """Bytes that the kernel did not take yet."""
        return self.writer.transport.get_write_buffer_size() if self.writer is not None else 0

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


class Session:
    """Plays a stream to one client."""

    def __init__(self, stream: Stream, writer: asyncio.StreamWriter, clock_error_s: float, served: Path | None) -> None:
        self.id = secrets.token_hex(8)
        self.tracks: dict[int, Track] = {}
        self._stream, self._writer, self._clock_error_s = stream, writer, clock_error_s
        self._served = os.open(served, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if served is not None else None
        self._unsaid: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._base = random.getrandbits(32)
        self._began = time.monotonic()

    def play(self) -> None:
        """Begin to send."""
        if self._tasks:
            return
        self._began = time.monotonic()
        self._tasks.append(asyncio.create_task(self._video(self.tracks[0])))
        if 1 in self.tracks:
            self._tasks.append(asyncio.create_task(self._audio(self.tracks[1])))

    async def stop(self) -> None:
        """Send no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for track in self.tracks.values():
            track.close()
        if self._served is not None:
            os.close(self._served)

    async def _video(self, track: Track) -> None:
        reported, choked = -_REPORT_EVERY_S, False
        units = self._stream.units()
        try:
            async for unit in units:
                if self._writer.is_closing():
                    return
                choked = track.waiting() > (CHOKED // 2 if choked and unit.key else 0 if choked else CHOKED)
                if choked:
                    continue
                stamp = self._stamp()
                if time.monotonic() - reported > _REPORT_EVERY_S:
                    reported = time.monotonic()
                    track.report(stamp, time.time() + self._clock_error_s)
                self._send(track, unit, stamp)
        finally:
            await units.aclose()  # type: ignore[attr-defined]

    def _send(self, track: Track, unit: Unit, stamp: int) -> None:
        if self._served is None:
            track.send(unit.payloads, stamp, 96)
            return
        number = time.time_ns()
        track.send((mark(number, self._stream.codec), *unit.payloads), stamp, 96)
        self._unsaid.append(number)
        if track.waiting() == 0:
            os.write(self._served, b"".join(item.to_bytes(8, "big") for item in self._unsaid))
            self._unsaid.clear()

    def _stamp(self) -> int:
        """The RTP timestamp of now; a quirk makes it jump."""
        passed = time.monotonic() - self._began
        shift = 0.0
        if "jump" in self._stream.quirks:
            shift = (0.0, 3600.0, -30.0, -passed)[int(passed / 5) % 4]
        return self._base + int((passed + shift) * 90_000)

    async def _audio(self, track: Track) -> None:
        due, stamp = time.monotonic(), random.getrandbits(32)
        while not self._writer.is_closing():
            track.send((_SILENCE,), stamp, 0)
            stamp, due = stamp + len(_SILENCE), due + len(_SILENCE) / 8000
            await asyncio.sleep(max(0, due - time.monotonic()))
