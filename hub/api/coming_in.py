"""Who comes in by the API: a program by its token, or a person's own page by its cookie; and how often they may."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.errors import answer, faulty, refused
from hub.people.acting import acting
from hub.people.door import SAFE
from hub.people.kit import client
from hub.people.tokens import Tokens

BURST, PER_S = 500.0, 300.0
"""Requests of one token or person: so many at once, then so many a second."""
GUESSES, GUESSES_PER_S = 20.0, 0.2
"""Tokens that open nothing, of one address."""
MOST_BODY = 256 * 1024
MB = 1024 * 1024
_MOST_KNOWN = 5000
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Upload:
    """An address whose body is a file: of so many bytes at most, of kinds that begin so."""

    address: re.Pattern[str]
    most: int
    kinds: tuple[str, ...]


XML = ("application/cap+xml", "application/common-alerting-protocol+xml", "application/xml", "text/xml")
UPLOADS = (
    Upload(re.compile(r"/api/v1/alerts"), MB, XML),
    Upload(re.compile(r"/api/v1/map/[^/]+/picture"), 25 * MB, ("image/",)),
    Upload(re.compile(r"/api/v1/sounds"), 64 * MB, ("audio/", "application/octet-stream")),
)
"""No form of another site can send these kinds either; `wrong_kind` sees to it behind the door."""


class Bucket:
    """So many at once, then so many a second; for each of many keys, of which the least used are forgotten."""

    def __init__(self, burst: float, per_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_s = per_s
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, *, take: bool = True) -> float:
        """Seconds until the next is allowed; 0: this one is, and counts."""
        now = self._monotonic()
        left, at = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed and take else left, now)
        while len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_s


class ComingIn:
    """ASGI middleware of the API. The session that the cookie names was found before."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens
        self._rate = Bucket(BURST, PER_S)
        self._guesses = Bucket(GUESSES, GUESSES_PER_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with `person` in the scope, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            await self._program(scope, receive, send, secret.strip())
            return
        if (no := self._as_page(scope, headers)) is not None:
            await no(scope, receive, send)
            return
        await self._app(scope, limited(receive, _most(scope)), send)

    async def _program(self, scope: Scope, receive: Receive, send: Send, secret: str) -> None:
        where = client(HTTPConnection(scope))
        if wait := self._guesses.wait(where, take=False):
            await _too_many(wait)(scope, receive, send)
            return
        token = self._tokens.find(secret)
        if token is None:
            self._guesses.wait(where)
            no = faulty(401, "people.not_signed_in", "Authorization")
            no.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            await answer(no)(scope, receive, send)
            return
        if wait := self._rate.wait(token.id):
            await _too_many(wait)(scope, receive, send)
            return
        scope["person"], scope["session_of_person"] = token.person, None
        with acting(token.person):
            body = self._while_known(limited(receive, _most(scope)), lambda: self._tokens.is_known(token))
            await self._app(scope, body, send)

    def _while_known(self, receive: Receive, known: Callable[[], bool]) -> Receive:
        """An open stream ends when its token does: its endpoint hears that the other side left."""

        async def received() -> Message:
            coming = asyncio.ensure_future(receive())
            try:
                while not (await asyncio.wait((coming,), timeout=_LOOK_S))[0]:
                    if not known():
                        return {"type": "http.disconnect"}
                return coming.result()
            finally:
                coming.cancel()

        return received

    def _as_page(self, scope: Scope, headers: Headers) -> Response | None:
        """A person's browser: only a page of ours may make it do something, and JSON no form can send."""
        who = scope.get("person")
        if wait := self._rate.wait(who.id if who and who.id else client(HTTPConnection(scope))):
            return _too_many(wait)
        if scope["method"] in SAFE:
            return None
        is_json = _kind(headers) == "application/json"
        if not is_json and scope["method"] != "DELETE" and _upload(scope) is None:
            return answer(refused(415, "api.not_json", "Content-Type"))
        return None


def wrong_kind(scope: Scope) -> Response | None:
    """Why the body of an address that takes a file is not taken; None: it is, or it takes none."""
    upload = _upload(scope)
    if upload is None or _kind(Headers(scope=scope)).startswith(upload.kinds):
        return None
    return answer(refused(415, "api.not_file", "Content-Type", known=", ".join(upload.kinds)))


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _upload(scope: Scope) -> Upload | None:
    if scope["method"] not in ("POST", "PUT"):
        return None
    return next((upload for upload in UPLOADS if upload.address.fullmatch(scope["path"])), None)


def _most(scope: Scope) -> int:
    upload = _upload(scope)
    return upload.most if upload else MOST_BODY


def limited(receive: Receive, most: int = MOST_BODY) -> Receive:
    """The body, as long as it is not too long. Raises HTTPException."""
    come = 0

    async def received() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise HTTPException(413)
        return message

    return received


def _too_many(wait: float) -> Response:
    no = refused(429, "api.too_many")
    no.headers = {"Retry-After": str(int(wait) + 1)}
    return answer(no)
