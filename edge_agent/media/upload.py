"""Sends pictures and sounds to the hub's media store, named by their content."""

import asyncio
import hashlib
import http.client
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from edge_agent.contract.errors import Refusal

log = logging.getLogger(__name__)
_LIMIT_S = 10.0


class MediaStore:
    """The hub's `PUT /media/{sha256}`; without a configured hub nothing is sent and the fault says so."""

    def __init__(self, url: str | None, token: Callable[[], str]) -> None:
        """`token` gives the upload token when it is needed; it is never kept or logged."""
        self._url = url
        self._token = token
        self._one_at_a_time = asyncio.Semaphore(2)

    async def put(self, content: bytes, media_type: str) -> str:
        """Send; returns the SHA-256 (hex). Raises Refusal `media.unreachable` or `media.refused`."""
        if self._url is None:
            raise Refusal("media.unreachable", detail="no hub is configured")
        digest = hashlib.sha256(content).hexdigest()
        async with self._one_at_a_time:
            await asyncio.to_thread(self._put, self._url, digest, content, media_type)
        return digest

    def _put(self, url: str, digest: str, content: bytes, media_type: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=_LIMIT_S)
        except (ValueError, http.client.HTTPException):
            raise Refusal("media.unreachable", detail="the hub's address is not usable") from None
        headers = {"Content-Type": media_type}
        try:
            headers["Authorization"] = f"Bearer {self._token()}"
            connection.request("PUT", f"{parts.path.rstrip('/')}/media/{digest}", body=content, headers=headers)
            answer = connection.getresponse()
            answer.read(2000)
        except ValueError:  # a token or an address that HTTP cannot carry; the message would show it
            raise Refusal("media.refused", detail="the hub's address or the token is not usable") from None
        except (OSError, http.client.HTTPException) as error:
            raise Refusal("media.unreachable", detail=str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status not in (200, 201, 204):
            raise Refusal("media.refused", detail=f"HTTP {answer.status}")
