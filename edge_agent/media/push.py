"""One attempt to send a file to the hub in pieces: goes on where the last one was cut off. docs/hub-api.md.

Blocking, for a thread of `edge_agent.media.outgoing`.
"""

import contextlib
import http.client
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from edge_agent.contract.errors import Refusal
from edge_agent.media.pace import Pace
from edge_agent.media.transfer import Address, Broken, network
from tts.files import sha256_of

_PIECE = 256 * 1024
"""Bytes of one request: so much at most is sent again after a power cut of the hub."""
_SOCKET_S = 20.0
_PROOF_S = 120.0
"""The hub hashes what has come, after the last piece; a slow disk may take so long for a gigabyte."""
_WRONG_OFFSETS = 5


class Busy(Broken):
    """The way is there, but the hub does not take this file now; `spoilt`: all of it came, and its hash is another."""

    def __init__(self, detail: str, *, spoilt: bool = False) -> None:
        super().__init__(detail)
        self.spoilt = spoilt


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent."""

    path: Path
    sha256: str
    bytes: int
    media_type: str


class Push:
    """Sends one file, or as much of it as can be; for one `run`."""

    def __init__(self, load: Load, hub: Address, pace: Pace) -> None:
        """`hub` is its base address."""
        self._load = load
        self._hub = hub
        self._pace = pace
        self._path = f"{urlsplit(hub.url).path.rstrip('/')}/media/{load.sha256}"
        self._socket: socket.socket | None = None
        self._aborted = threading.Event()
        self._yielding = threading.Event()
        self.gained = 0
        """Bytes that the hub has said to have taken now."""

    def run(self, token: str) -> bool:
        """Go on until the hub has all of it and has proven it; False when `give_way` was asked for before that.

        Raises Broken (Busy where the hub says so), Refusal for good, OSError where the file cannot be read.
        """
        with self._load.path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != self._load.bytes:
                raise Refusal("media.wrong_hash", host=self._load.path.name, sha256=self._load.sha256)
            connection = self._connection()
            try:
                return self._send(connection, file, token)
            finally:
                self._socket = None
                connection.close()

    def abort(self) -> None:
        """End `run` at once, from another thread."""
        self._aborted.set()
        if (connected := self._socket) is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def give_way(self) -> None:
        """End `run` after the piece that is on its way, from another thread."""
        self._yielding.set()

    def _connection(self) -> http.client.HTTPConnection:
        return self._hub.connection(_SOCKET_S)

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        connection.connect()
        self._socket = connection.sock
        if self._aborted.is_set():
            raise Broken("given up")
        self._pace.prepare(connection.sock)

    def _send(self, connection: http.client.HTTPConnection, file: BinaryIO, token: str) -> bool:
        offset, wrong = self._ask(connection), 0
        while offset is not None:
            if self._yielding.is_set():
                return False
            status, told = self._piece(connection, file, offset, token)
            if status == 409:
                wrong += 1
                if told is None or wrong > _WRONG_OFFSETS:
                    raise Busy("HTTP 409")
            elif told is not None:
                if told <= offset:
                    raise Busy("the hub takes nothing")
                self.gained += told - offset
            offset = told
        return True

    def _ask(self, connection: http.client.HTTPConnection) -> int | None:
        """Where to go on; None when the hub has all of it."""
        with network():
            self._connect(connection)
            connection.request("HEAD", self._path)
            answer = connection.getresponse()
            answer.read()
        if answer.status == 200:
            return None
        if answer.status != 404:
            raise Busy(f"HTTP {answer.status}")
        return min(_offset(answer) or 0, self._load.bytes)

    def _piece(
        self, connection: http.client.HTTPConnection, file: BinaryIO, offset: int, token: str
    ) -> tuple[int, int | None]:
        """Send one piece. Returns HTTP status and where to go on; None when that was all."""
        count = min(_PIECE, self._load.bytes - offset)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": self._load.media_type,
            "Content-Length": str(count),
            "Upload-Offset": str(offset),
            "Upload-Length": str(self._load.bytes),
        }
        file.seek(offset)
        with network():
            if connection.sock is None:  # the hub has closed it after its last answer
                self._connect(connection)
            connection.putrequest("PATCH", self._path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            # a hub that refuses does not read to the end; its answer is what matters then
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.endheaders()
                self._stream(connection, file, count)
            if connection.sock is not None:
                connection.sock.settimeout(_PROOF_S if offset + count == self._load.bytes else _SOCKET_S)
            answer = connection.getresponse()
            answer.read(2000)
        return answer.status, self._judged(answer, offset + count)

    def _stream(self, connection: http.client.HTTPConnection, file: BinaryIO, count: int) -> None:
        while count:
            piece = file.read(min(count, self._pace.piece))
            if not piece:
                raise Broken("the file became shorter")
            connection.send(piece)
            count -= len(piece)
            if self._aborted.wait(self._pace.sent(len(piece), connection.sock)):
                raise Broken("given up")

    def _judged(self, answer: http.client.HTTPResponse, sent: int) -> int | None:
        status, told = answer.status, _offset(answer)
        if status in (200, 201):
            return None
        if status == 204:
            return told if told is not None else sent
        if status == 409:
            return told
        if status == 422 and sha256_of(self._load.path) != self._load.sha256:
            raise Refusal("media.wrong_hash", host=self._load.path.name, sha256=self._load.sha256)
        if status in (400, 413, 415):
            raise Refusal("media.refused", detail=f"HTTP {status}")
        raise Busy(f"HTTP {status}", spoilt=status == 422)


def _offset(answer: http.client.HTTPResponse) -> int | None:
    value = answer.getheader("Upload-Offset", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
