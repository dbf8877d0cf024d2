"""One attempt to fetch a sound over HTTP: goes on where the last one was cut off, believes nothing but the hash.

Blocking, for a thread of the fetcher.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Sound
from edge_agent.media.store import disk_refusal
from tts.files import sha256_of

_CHUNK = 64 * 1024
_SYNC_EVERY = 1024 * 1024
"""So much, at most, is lost by a power cut."""
_SOCKET_S = 20.0
_RETRY = {408, 425, 429, 500, 502, 503, 504}
_PAGES = {"text/html", "application/xhtml+xml"}
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Broken(Exception):
    """The way broke or the other side is busy; the next attempt goes on from what is there."""


class Unauthorized(Exception):
    """The other side asks who is there."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sound is: scheme, host, port, and path with query. The first three are the origin."""

    scheme: str
    host: str
    port: int
    path: str
    url: str
    tls: ssl.SSLContext | None = field(default=None, compare=False, repr=False)
    """Whom to believe, where it is not the system's authorities."""

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext | None = None) -> "Address":
        """Take a URL apart. Raises Refusal `media.bad_url`."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Refusal("media.bad_url", url=url[:200]) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
            raise Refusal("media.bad_url", url=url[:200])
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port, path, url, tls)

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """One that is not connected yet."""
        if self.scheme == "https":
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whose the answers are; only the hub's own origin ever gets its token."""
        return self.scheme, self.host, self.port


class Transfer:
    """Fetches one sound into one file, or as much of it as comes; for one `run`."""

    def __init__(self, sound: Sound, address: Address, part: Path) -> None:
        self._sound = sound
        self._address = address
        self._part = part
        self._tag = _tag(part)
        self._socket: socket.socket | None = None
        self._aborted = False
        self.received = 0
        """Bytes that are there; read by another thread."""
        self.gained = 0
        """Bytes of them that came now."""
        self.resumed = False
        """Whether it began with bytes that were there before."""

    def run(self, token: str | None) -> None:
        """Go on until all of it is there and proven. Raises Broken, Unauthorized, and Refusal for good."""
        try:
            if self._aborted:
                raise Broken("given up")
            self.received = min(self._part.stat().st_size, self._sound.bytes) if self._part.exists() else 0
            self.resumed = self.received > 0
            if self.received < self._sound.bytes:
                self._request(token)
            self._prove()
        except OSError as error:  # what is left here is the disk: the network's errors are Broken already
            raise disk_refusal(error) from error

    def abort(self) -> None:
        """End `run` soon, from another thread."""
        self._aborted = True
        if (connected := self._socket) is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _discard(self) -> None:
        self.received = 0
        forget(self._part)

    def _request(self, token: str | None) -> None:
        address = self._address
        connection = address.connection(_SOCKET_S)
        try:
            with network():
                connection.connect()
                self._socket = connection.sock
                if self._aborted:
                    raise Broken("given up")
                connection.request("GET", address.path, headers=self._headers(token))
                answer = connection.getresponse()
            self._receive(answer)
        finally:
            self._socket = None
            connection.close()

    def _headers(self, token: str | None) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # the hash finds what this would have
                tag = json.loads(self._tag.read_text(encoding="utf-8"))
                if tag["url"] == self._address.url:
                    headers["If-Range"] = tag["etag"]
        return headers

    def _receive(self, answer: http.client.HTTPResponse) -> None:
        if answer.status not in (200, 206):
            self._refuse(answer)
        self._check(answer)
        if answer.status == 200 and self.received:
            self._discard()
            self.resumed = False
        self._remember(answer)
        with self._part.open("ab") as file:
            try:
                self._copy(answer, file)
            except Broken:
                with contextlib.suppress(OSError):  # what has come is worth keeping, no more than that
                    _sync(file)
                raise
            _sync(file)
        if self.received < self._sound.bytes:
            raise Broken("the connection ended too soon")

    def _copy(self, answer: http.client.HTTPResponse, file: BinaryIO) -> None:
        synced = self.received
        while True:
            with network():
                chunk = answer.read1(_CHUNK)
            if self._aborted:
                raise Broken("given up")
            if not chunk:
                return
            if self.received + len(chunk) > self._sound.bytes:
                given = self.received + len(chunk)
                self._discard()
                raise self._refusal("media.wrong_size", bytes=self._sound.bytes, given=f">= {given}")
            file.write(chunk)
            self.received += len(chunk)
            self.gained += len(chunk)
            if self.received - synced >= _SYNC_EVERY:
                _sync(file)
                synced = self.received

    def _refuse(self, answer: http.client.HTTPResponse) -> None:
        status = answer.status
        if status in _RETRY:
            raise Broken(f"HTTP {status}")
        if status == 416 and self.received:  # what is there is longer than what it has
            self._discard()
            raise Broken("HTTP 416")
        if status == 401:
            raise Unauthorized
        if status == 403:
            raise self._refusal("media.not_allowed", status=status)
        if status in (404, 410):
            raise self._refusal("media.not_found", sha256=self._sound.sha256)
        if 300 <= status < 400:
            raise self._refusal("media.redirected")
        raise self._refusal("media.bad_answer", detail=f"HTTP {status}")

    def _check(self, answer: http.client.HTTPResponse) -> None:
        """Refuse what cannot be the sound before a byte of it is kept."""
        wanted = self._sound.bytes
        if answer.getheader("Content-Type", "").partition(";")[0].strip().lower() in _PAGES:
            raise self._refusal("media.web_page")
        if answer.getheader("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise self._refusal("media.bad_answer", detail="Content-Encoding")
        if answer.status == 200 and answer.length is not None and answer.length != wanted:
            raise self._refusal("media.wrong_size", bytes=wanted, given=answer.length)
        if answer.status == 206:
            stated = answer.getheader("Content-Range", "")
            match = _RANGE.fullmatch(stated.strip())
            if match is None or int(match[1]) != self.received:
                self._discard()
                raise self._refusal("media.bad_answer", detail=f"Content-Range: {stated[:60]}")
            if match[3] != "*" and int(match[3]) != wanted:
                raise self._refusal("media.wrong_size", bytes=wanted, given=int(match[3]))

    def _remember(self, answer: http.client.HTTPResponse) -> None:
        """Keep by what the next attempt asks whether the file is still the same: a strong ETag or nothing."""
        etag = answer.getheader("ETag", "")
        if etag.startswith('"') and len(etag) <= 200:
            self._tag.write_text(json.dumps({"url": self._address.url, "etag": etag}), encoding="utf-8")

    def _prove(self) -> None:
        if sha256_of(self._part) != self._sound.sha256:
            self._discard()
            raise self._refusal("media.wrong_hash", sha256=self._sound.sha256)

    def _refusal(self, code: str, **params: str | int) -> Refusal:
        return Refusal(code, host=self._address.host, **params)


def forget(part: Path) -> None:
    """Remove what has come of a sound. Raises OSError."""
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _tag(part: Path) -> Path:
    """Where the ETag of what is being fetched is kept."""
    return part.with_name(f"{part.name}.tag")


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Make Broken of whatever the network or the other side's HTTP does."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        # ValueError: a chunk length that is no number; AttributeError: the connection was closed from outside.
        raise Broken(str(error)[:200] or type(error).__name__) from error
