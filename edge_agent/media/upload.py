"""Sends pictures and sounds to the hub's media store, named by their content."""

import asyncio
import contextlib
import hashlib
import http.client
import logging
import ssl
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urlsplit

from edge_agent.contract.errors import Refusal
from edge_agent.media.local import LocalSound
from edge_agent.media.transfer import Address

log = logging.getLogger(__name__)
_LIMIT_S = 10.0
_KEEP_S = 60.0
"""The hub may take so long to write a large file to its disk."""


class _Told:
    """A file that tells how much of it was read, and gives no more than was announced."""

    def __init__(self, file: BinaryIO, size: int, sent: Callable[[int], None]) -> None:
        self._file, self._left, self._sent = file, size, sent

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        self._sent(len(block))
        return block


_Body = bytes | _Told | None


class MediaStore:
    """The hub's `PUT /media/{sha256}`; without a configured hub nothing is sent and the fault says so."""

    def __init__(self, url: str | None, token: Callable[[], str]) -> None:
        """`token` gives the upload token when it is needed; it is never kept or logged."""
        self._url = url
        self._tls: ssl.SSLContext | None = None
        self._token = token
        self._one_at_a_time = asyncio.Semaphore(2)

    def use(self, url: str | None, tls: ssl.SSLContext | None) -> None:
        """Send there from now on; `tls`: whom to believe, where it is not the system's authorities."""
        self._url, self._tls = url, tls

    async def put(self, content: bytes, media_type: str) -> str:
        """Send; returns the SHA-256 (hex). Raises Refusal `media.unreachable` or `media.refused`."""
        digest = hashlib.sha256(content).hexdigest()
        async with self._one_at_a_time:
            await asyncio.to_thread(self._put, digest, content, {"Content-Type": media_type})
        return digest

    def has(self, sha256: str) -> bool:
        """Whether the hub has it already. Blocks. Raises Refusal `media.unreachable`."""
        return self._ask("HEAD", sha256, None, {}) == 200

    def put_file(self, sound: LocalSound, sent: Callable[[int], None]) -> None:
        """Send a file from the disk; `sent` hears of each part, in bytes. Blocks.

        Raises Refusal `media.unreachable` or `media.refused`; OSError when the file cannot be read.
        """
        with sound.path.open("rb") as file:
            headers = {"Content-Type": sound.media_type, "Content-Length": str(sound.bytes)}
            self._put(sound.sha256, _Told(file, sound.bytes, sent), headers)

    def _put(self, digest: str, body: _Body, headers: dict[str, str]) -> None:
        try:
            headers["Authorization"] = f"Bearer {self._token()}"
        except ValueError:
            raise _unusable() from None
        status = self._ask("PUT", digest, body, headers)
        if status not in (200, 201, 204):
            raise Refusal("media.refused", detail=f"HTTP {status}")

    def _ask(self, method: str, digest: str, body: _Body, headers: dict[str, str]) -> int:
        if self._url is None:
            raise Refusal("media.unreachable", detail="no hub is configured")
        parts = urlsplit(self._url)
        try:
            connection = Address.of(self._url, self._tls).connection(_LIMIT_S)
        except (ValueError, http.client.HTTPException, Refusal):
            raise Refusal("media.unreachable", detail="the hub's address is not usable") from None
        try:
            # a hub that refuses does not read to the end; its answer is what matters then
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, f"{parts.path.rstrip('/')}/media/{digest}", body=body, headers=headers)
            if connection.sock is not None:
                connection.sock.settimeout(_LIMIT_S if isinstance(body, bytes | None) else _KEEP_S)
            answer = connection.getresponse()
            answer.read(2000)
        except ValueError:  # a token or an address that HTTP cannot carry; the message would show it
            raise _unusable() from None
        except (OSError, http.client.HTTPException) as error:
            raise Refusal("media.unreachable", detail=str(error) or type(error).__name__) from error
        finally:
            connection.close()
        return answer.status


def _unusable() -> Refusal:
    return Refusal("media.refused", detail="the hub's address or the token is not usable")
