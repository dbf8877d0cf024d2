"""`PUT` and `PATCH /media/{sha256}` for nodes (bearer token), `GET` for pages and nodes (ETag, Range, If-Range).

`PATCH` carries a file in pieces, after the manner of resumable uploads elsewhere; docs/hub-api.md describes it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hub.keys import Tokens
from hub.language import sentence
from hub.media import MAX_BYTES, MediaStore, Medium
from hub.media_parts import MediaRefused, Progress, WrongOffset
from hub.notice import Notice
from hub.people.door import PUBLIC, Door, person_of
from hub.people.rights import Right

logger = logging.getLogger(__name__)

RECEIVE_S = 300.0
"""A file or a piece that takes longer to come is let go: it holds one of few places."""
REST_S = 10.0
"""How long the rest of a refused file is taken in."""
_DIGITS = 15


class MediaRoutes:
    """The store over HTTP."""

    def __init__(self, store: MediaStore, tokens: Tokens, notice: Notice) -> None:
        self._store = store
        self._tokens = tokens
        self._notice = notice
        self.public: list[Callable[[str], bool]] = []
        """Asked in turn whether a file, by its SHA-256, is one that everybody may have: an announcement on the
        residents' page."""

    def routes(self, door: Door) -> list[Route]:
        """For the application."""
        return [
            door.route("/media/{sha256}", self.put, PUBLIC, ["PUT"]),
            door.route("/media/{sha256}", self.patch, PUBLIC, ["PATCH"]),
            door.route("/media/{sha256}", self.get, PUBLIC, ["GET", "HEAD"]),
        ]

    def for_nodes(self) -> list[Route]:
        """The same for the listener of the nodes, where nobody signs in."""
        handlers = ((self.put, ["PUT"]), (self.patch, ["PATCH"]), (self.get, ["GET", "HEAD"]))
        return [Route("/media/{sha256}", handler, methods=methods) for handler, methods in handlers]

    def _may_have(self, request: Request, sha256: str) -> bool:
        if person_of(request).may_somewhere(Right.SEE) or self._tokens.allow(request.headers.get("authorization", "")):
            return True
        return any(is_public(sha256) for is_public in self.public)

    async def put(self, request: Request) -> Response:
        """201 when taken, 200 when it was there already; else a refusal with its sentences."""
        if not self._tokens.allow(request.headers.get("authorization", "")):
            return _refusal(MediaRefused(401, "media.bad_token"))
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > MAX_BYTES:
            return _refusal(MediaRefused(413, "media.too_large"))
        sha256 = str(request.path_params["sha256"])
        if self._store.hold(sha256):
            async for _ in _bounded(request.stream()):
                pass
            return JSONResponse({"sha256": sha256})
        said = request.headers.get("content-type", "")
        medium = await self._taken(self._store.put(sha256, request.stream(), said))
        if isinstance(medium, MediaRefused):
            await _rest(request)
            return _refusal(medium)
        return JSONResponse({"sha256": sha256}, 201)

    async def patch(self, request: Request) -> Response:
        """204 when a piece was taken, 201 when the file is whole with it, 200 when it was there already."""
        if not self._tokens.allow(request.headers.get("authorization", "")):
            return _refusal(MediaRefused(401, "media.bad_token"))
        offset, total = _number(request, "upload-offset"), _number(request, "upload-length")
        if offset is None or not total or offset > total:
            return _refusal(MediaRefused(400, "media.bad_upload"))
        sha256 = str(request.path_params["sha256"])
        if self._store.hold(sha256):
            async for _ in _bounded(request.stream()):
                pass
            return JSONResponse({"sha256": sha256}, headers=_progress(self._store.progress(sha256)))
        said = request.headers.get("content-type", "")
        medium = await self._taken(self._store.append(sha256, offset, total, _bounded(request.stream()), said))
        if isinstance(medium, MediaRefused):
            await _rest(request)
            return _refusal(medium)
        headers = _progress(self._store.progress(sha256))
        return JSONResponse({"sha256": sha256}, 201, headers) if medium else Response(status_code=204, headers=headers)

    async def _taken(self, receiving: Awaitable[Medium | None]) -> Medium | MediaRefused | None:
        try:
            async with asyncio.timeout(RECEIVE_S):
                medium = await receiving
        except MediaRefused as refused:
            return refused
        except ClientDisconnect:
            return MediaRefused(400, "media.bad_hash")
        except TimeoutError:
            return MediaRefused(408, "media.slow")
        except OSError as error:
            logger.error("cannot keep a file: %s", error)
            return MediaRefused(507, "media.no_room")
        if medium is not None and not medium.is_picture:
            self._notice.bump()  # a page may have been waiting to offer this sound or clip
        return medium

    async def get(self, request: Request) -> Response:
        """The file; its name is its content, so a browser may keep it for ever, and a node may go on where it broke.

        For who has signed in, for nodes by their token (which they give once they are asked by 401), for everybody
        only what is public. `HEAD` gives nothing away but how much of a file has come.
        """
        sha256 = str(request.path_params["sha256"])
        if request.method != "HEAD" and not self._may_have(request, sha256):
            return _refusal(MediaRefused(401, "media.bad_token"))
        medium = self._store.get(sha256)
        if medium is None:  # of a file that is still coming, `HEAD` asks where to go on
            return Response(status_code=404, headers=_progress(self._store.progress(sha256)))
        headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return FileResponse(medium.path, media_type=medium.type, headers=headers)


async def _bounded(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            return
        yield chunk


async def _rest(request: Request) -> None:
    """Take in, for a while, what is still on its way: who has its connection cut while it sends never reads why."""
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):
        async with asyncio.timeout(REST_S):
            async for _ in _bounded(request.stream()):
                pass


def _number(request: Request, name: str) -> int | None:
    value = request.headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _DIGITS else None


def _progress(progress: Progress | None) -> dict[str, str]:
    if progress is None:
        return {}
    return {"Upload-Offset": str(progress.received), "Upload-Length": str(progress.total)}


def _refusal(refused: MediaRefused) -> Response:
    body = {"code": refused.reason, "vi": sentence("vi", refused.reason), "en": sentence("en", refused.reason)}
    headers = {"Connection": "close"}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refused, WrongOffset):
        headers["Upload-Offset"] = str(refused.offset)
    return JSONResponse(body, status_code=refused.status, headers=headers)
