"""Asks the hub for files of an update over HTTP; every byte is proven by somebody else."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge_agent.contract.errors import Refusal

_SOCKET_S = 20.0
_CHUNK = 16 * 1024
NETWORK = (OSError, http.client.HTTPException, ssl.SSLError)


class Cut(Exception):
    """The way broke or the other side is busy; what has come is good, the next attempt goes on from there."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A folder of files at an address.

    `context`: how TLS is checked, None: by the system's authorities. `token`: who we are, where the hub asks for it.
    """

    base: str
    context: ssl.SSLContext | None = None
    token: str | None = None

    @property
    def host(self) -> str:
        """Who is asked, for sentences."""
        return urlsplit(self.base).hostname or self.base

    @contextlib.contextmanager
    def get(self, path: str, offset: int = 0) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Ask for a file from `offset` on: status and pieces. Raises Cut; iterating raises Cut too."""
        parts = urlsplit(self.base)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            with _cut():
                connection.request("GET", f"{parts.path.rstrip('/')}/{path}", headers=self._headers(offset))
                answer = connection.getresponse()
            yield answer.status, _pieces(answer)
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=_SOCKET_S, context=self.context)
        if scheme != "http" or not host:
            raise Refusal("update.no_address")
        return http.client.HTTPConnection(host, port, timeout=_SOCKET_S)

    def _headers(self, offset: int) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if offset:
            headers["Range"] = f"bytes={offset}-"
        return headers


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        with _cut():
            piece = answer.read1(_CHUNK)
        if not piece:
            if answer.length:
                raise Cut("the connection ended too soon")
            return
        yield piece


@contextlib.contextmanager
def _cut() -> Iterator[None]:
    try:
        yield
    except NETWORK as error:
        raise Cut(f"{type(error).__name__}: {error}"[:200]) from error
