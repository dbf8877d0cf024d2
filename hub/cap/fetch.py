"""Fetches small files from strangers' web servers: everything is bounded, and only hosts that were named are asked."""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from edge_agent.version import VERSION
from hub.cap.xml import MAX_BYTES

CONNECT_S = 15.0
READ_S = 20.0
WHOLE_S = 60.0
"""For everything, redirections included: who sends a byte a second is given up."""
MOST_REDIRECTIONS = 3
CLOCKS = timedelta(minutes=5)
LONGEST_URL = 2000
"""Characters of an address that is asked; of a longer one nothing is taken."""
_MOVED = frozenset({301, 302, 303, 307, 308})


class FetchError(Exception):
    """Not fetched. `key`: of its sentence in hub/text; `params` fill it."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(f"{key} {params}")
        self.key = key
        self.params = {name: str(value)[:200] for name, value in params.items()}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came. `body` None: it has not changed; `date`: what time it is there (RFC 9110, section 6.6.1)."""

    body: bytes | None
    etag: str = ""
    modified: str = ""
    date: str = ""

    def astray(self, now: datetime) -> bool:
        """Whether it is another time there than here, by more than clocks may differ."""
        try:
            there = parsedate_to_datetime(self.date)
        except ValueError:
            return False
        return there.tzinfo is not None and abs(there - now) > CLOCKS


class Fetcher:
    """One client for all feeds. `async with` opens and closes it."""

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            verify=await asyncio.to_thread(ssl.create_default_context),
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=4),
            follow_redirects=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(
        self,
        url: str,
        hosts: Collection[str],
        known: Fetched | None = None,
        *,
        secure: bool = False,
        limit: int = MAX_BYTES,
    ) -> Fetched:
        """A file. `hosts`: `host` or `host:port` that may be asked; `known`: what came last time.

        `secure`: only by https; once it was so, it stays so. `limit`: bytes.

        Raises FetchError.
        """
        try:
            async with asyncio.timeout(WHOLE_S):
                for _ in range(MOST_REDIRECTIONS + 1):
                    require_host(url, hosts)
                    if secure and urlsplit(url).scheme != "https":
                        raise FetchError("cap.fetch_downgrade", url=url)
                    found, moved = await self._once(url, known, limit)
                    if moved is None:
                        return found
                    secure, url = secure or urlsplit(url).scheme == "https", moved
        except TimeoutError as error:
            raise FetchError("cap.fetch_slow", url=url) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            raise FetchError("cap.fetch_failed", url=url, why=type(error).__name__) from error
        raise FetchError("cap.fetch_moved", url=url)

    async def _once(self, url: str, known: Fetched | None, limit: int) -> tuple[Fetched, str | None]:
        """What came, or where it has moved to."""
        self._client.cookies.clear()  # they would pile up, and tell strangers who asks
        async with self._client.stream("GET", url, headers=_headers(known)) as answer:
            if answer.status_code in _MOVED and "location" in answer.headers:
                return Fetched(None), urljoin(url, answer.headers["location"])
            if answer.status_code == 304:
                return known or Fetched(None), None
            if answer.status_code != 200:
                raise FetchError("cap.fetch_status", url=url, status=answer.status_code)
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise FetchError("cap.fetch_packed", url=url)  # nobody asked for it, and it may unpack to anything
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > limit:
                    raise FetchError("cap.fetch_large", url=url, limit=limit // 1000)
            etag, modified = _sendable(answer, "etag", 500), _sendable(answer, "last-modified", 100)
            return Fetched(bytes(body), etag, modified, answer.headers.get("date", "")[:100]), None


def require_host(url: str, hosts: Collection[str]) -> None:
    """Raise FetchError where an address leads elsewhere than to these hosts, or is none of the web."""
    if len(url) > LONGEST_URL:
        raise FetchError("cap.fetch_address", url=url)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise FetchError("cap.fetch_address", url=url) from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise FetchError("cap.fetch_address", url=url)
    usual = {"http": 80, "https": 443}[parts.scheme]
    names = {f"{host}:{port or usual}"} | ({host} if port in (None, usual) else set())
    if not names & {name.lower() for name in hosts}:
        raise FetchError("cap.fetch_host", url=url, host=host)


def _sendable(answer: httpx.Response, name: str, longest: int) -> str:
    """A header that is sent back with the next question; nothing where that could not be: it would never be asked."""
    value: str = answer.headers.get(name, "")
    return value if len(value) <= longest and value.isascii() and value.isprintable() else ""


def _headers(known: Fetched | None) -> Mapping[str, str]:
    headers = {
        "Accept-Encoding": "identity",
        "User-Agent": f"edge-hub/{VERSION}",
        "Accept": "application/xml, */*;q=0.5",
    }
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.modified:
        headers["If-Modified-Since"] = known.modified
    return headers
