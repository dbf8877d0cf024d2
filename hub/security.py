"""What every request must pass: a host name that is ours, no foreign site behind it, and headers against the rest."""

import ipaddress
import re
from typing import get_args
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_agent.contract.sentences import Language
from hub.language import catalogue
from hub.people.sessions import COOKIE as SESSION

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        """`names`: host names that people use; addresses in digits and localhost are always right.

        Only names can be rebound: a page of another site can point its own name at this machine, not our address.
        """
        self._app = app
        self._names = names | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers added."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            # A page of another site may open one wherever it likes, and read it: only the origin tells.
            if self._is_ours(headers.get("host", "")) and _is_same_origin(headers) and _is_own_page(headers):
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})  # before it was accepted: 403
            return
        refusal = self._refusal(scope["method"], headers)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        if refusal:
            await _refused(refusal, scope["path"])(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        if not self._is_ours(headers.get("host", "")):
            return "form.bad_host"
        if method in ("GET", "HEAD", "OPTIONS"):
            return None
        return None if _is_same_origin(headers) else "form.foreign"

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().strip("[]")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _is_same_origin(headers: Headers) -> bool:
    """By the browser's own word, which no page can forge. Without any word only who brings no cookie may write."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    if headers.get("origin") is None:
        return f"{SESSION}=" not in headers.get("cookie", "")
    return _is_own_page(headers)


def _is_own_page(headers: Headers) -> bool:
    """A browser names the origin of whoever opens a WebSocket, whatever else it says."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _refused(key: str, path: str) -> Response:
    """In both languages; to programs in the shape of all refusals of the API."""
    status = 403 if key != "form.bad_host" else 421
    words = {language: catalogue(language)[key] for language in get_args(Language)}
    if path.startswith("/api/"):
        return JSONResponse({"code": key, "message": words}, status)
    return PlainTextResponse("\n".join([*words.values(), ""]), status)
