"""HTTP to a camera's services: short, bounded, and no XML that could do harm gets as far as zeep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from camera.onvif.xml import LONGEST, HostileXml, check

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 8.0


def client(username: str | None, password: str | None) -> httpx.AsyncClient:
    """Return a client for one camera. Where it asks for HTTP Digest beside the name in the message, that is answered.

    Certificates are not checked: those of cameras are signed by themselves. Redirections are not followed.
    """
    import httpx

    auth = httpx.DigestAuth(username, password or "") if username else None
    return httpx.AsyncClient(auth=auth, timeout=TIMEOUT_S, verify=False, trust_env=False)  # noqa: S501 - see above


def transport(of: httpx.AsyncClient, host: str) -> Any:
    """Return a zeep transport that uses the client, for services on that host only."""
    from zeep.transports import AsyncTransport

    class Bounded(AsyncTransport):
        """Asks, and reads no more than it must."""

        async def post(self, address: str, message: bytes | str, headers: dict[str, str]) -> httpx.Response:
            """Raises HostileXml, httpx.HTTPError."""
            return await _post(of, _at(address, host), message, headers)

        def _load_remote_data(self, url: str) -> bytes:
            raise HostileXml(f"it wants {urlsplit(url).hostname} to be read")

    made: Any = Bounded
    return made(client=of, wsdl_client=_NoClient())


class _NoClient:
    """The descriptions of services come with the library: nothing is ever fetched for them."""

    headers: dict[str, str]


async def _post(of: httpx.AsyncClient, address: str, message: bytes | str, headers: dict[str, str]) -> httpx.Response:
    import httpx

    body = b""
    async with of.stream("POST", address, content=message, headers=headers) as answer:
        async for chunk in answer.aiter_bytes(65536):
            body += chunk
            if len(body) > LONGEST:
                raise HostileXml("its answer is too long")
        kept = {name: value for name, value in answer.headers.items() if name.lower() == "content-type"}
        return httpx.Response(answer.status_code, headers=kept, content=check(body), request=answer.request)


def _at(address: str, host: str) -> str:
    """The address with the host that we reach the camera by: behind a router it names one of its own network."""
    parts = urlsplit(address)
    named = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{named}:{parts.port}" if parts.port else named).geturl()
