"""`GET /live`: the parts of the page that change, as server-sent events."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from edge_agent.contract.sentences import Language
from hub.language import sentence
from hub.notice import Notice
from hub.render import Parts, Renderer

HEARTBEAT_S = 15.0
RETRY_MS = 3000
"""What a browser waits before it connects again."""
GATHER_S = 0.1
"""Changes within this time travel together."""
BEAT = b"event: beat\ndata: 1\n\n"
"""Tells a page that what it shows is still true; a comment it would not see."""
SEND_S = 30.0
"""A viewer who takes nothing for so long is gone."""

Draw = Callable[[Language], Awaitable[Parts]]


class Live:
    """Serves a bounded number of viewers; all streams end when `closing` is set."""

    def __init__(self, renderer: Renderer, notice: Notice, most: int, closing: asyncio.Event) -> None:
        self._renderer = renderer
        self._notice = notice
        self._most = most
        self._closing = closing
        self.viewers = 0

    def response(self, language: Language, draw: Draw | None = None, gather: float = GATHER_S) -> Response:
        """A stream for this viewer, or 503 when there are too many.

        `draw`: makes the page's own parts, besides those that every page has; `gather`: seconds between two pieces.
        """
        if self.viewers >= self._most or self._closing.is_set():
            return PlainTextResponse(sentence(language, "live.full"), 503, {"Retry-After": "30"})

        async def parts() -> Parts:
            own = await draw(language) if draw else {}
            return {**await self._renderer.shell(language), **own}

        return Stream(lambda send: self._serve(send, parts, gather))

    async def _serve(
        self, send: Callable[[bytes], Awaitable[None]], draw: Callable[[], Awaitable[Parts]], gather: float
    ) -> None:
        self.viewers += 1
        try:
            await send(f"retry: {RETRY_MS}\n\n".encode())
            shown: Parts = {}
            while not self._closing.is_set():
                seen = self._notice.version
                parts = await draw()
                fresh = [html for part, html in parts.items() if shown.get(part) != html]
                shown = parts
                if fresh:
                    await send(_event("parts", "\n".join(fresh)))
                while not self._closing.is_set() and not await self._notice.wait(seen, HEARTBEAT_S):
                    await send(BEAT)
                await asyncio.sleep(gather)
        finally:
            self.viewers -= 1


class Stream(Response):
    """An event stream that ends when its viewer leaves, or takes nothing any more."""

    media_type = "text/event-stream"

    def __init__(self, serve: Callable[..., object]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(data: bytes) -> None:
            async with asyncio.timeout(SEND_S):
                await send({"type": "http.response.body", "body": data, "more_body": True})

        async def serve() -> None:
            await self._serve(write)  # type: ignore[misc]
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        stream = asyncio.create_task(serve())
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((stream, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stream, leaving):
                task.cancel()
            await asyncio.gather(stream, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n".encode()
