"""`/alerts`: alerts that wait, and those that are over; one alert with everything about it; the message as it came."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.cap.looking import Found, Looking
from hub.language import remember, switched
from hub.live import Live
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Parts, Renderer, Shown
from hub.sentences import Speaker
from hub.sheet import Sheet
from hub.toasts import Toast, Toasts

BASE = "/alerts"
PAUSE_S = 1.0
_OF_ONE = ("cap_head", "cap_where", "cap_aired", "cap_history")
_NO_FETCH = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "attachment"}


class CapPages:
    """What is looked at."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        looking: Looking,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._looking = looking
        self._toasts = toasts
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        get: dict[str, Callable[[Request], Awaitable[Response]]] = {
            BASE: self._list,
            f"{BASE}/live": self._list_live,
            f"{BASE}/{{alert}}": self._detail,
            f"{BASE}/{{alert}}/live": self._detail_live,
            f"{BASE}/{{alert}}/message": self._message,
        }
        return [door.route(path, endpoint, somewhere(Right.WRITE)) for path, endpoint in get.items()]

    def speak(self, language: Language) -> Speaker:
        """Who words it."""
        return Speaker(language, self._shown.zone, self._shown.clock.now())

    async def found(self, request: Request) -> Found | None:
        """The alert of the address. Raises SQLAlchemyError."""
        return await self._looking.find(request.path_params["alert"])

    def missing(self, request: Request) -> Response:
        """There is no such alert, or not for who asks."""
        return HTMLResponse(self._renderer.message(self._language(request), "cap.not_found"), 404)

    def unreadable(self, request: Request) -> Response:
        """The database does not answer."""
        headers = {"Retry-After": "10"}
        return HTMLResponse(self._renderer.message(self._language(request), "cap.unreadable"), 503, headers)

    async def list_page(
        self, request: Request, toast: Toast | None = None, status: int = 200, **more: object
    ) -> Response:
        """The page of all alerts; `more`: what was wrong with a file. Raises SQLAlchemyError."""
        language = self._language(request)
        view = await self._looking.listed(_page(request), self.speak(language))
        values = {"v": view, "toast": toast, "problems": (), **more}
        other = switched(request.query_params, language)
        html = self._renderer.sheet_of("cap_list.html", language, "alerts", other_language=other, **values)
        return remember(HTMLResponse(html, status, headers={"Vary": "Cookie"}), request.query_params)

    async def detail_page(
        self, request: Request, found: Found, sheets: dict[int, Sheet] | None = None, **more: object
    ) -> Response:
        """The page of one alert; `sheets`: what stands under its forms. Raises SQLAlchemyError."""
        language = self._language(request)
        view = await self._looking.detail(found, self.speak(language), sheets)
        fields = {"texts": {}, "word": "", "chosen": (), "toast": None, **more}
        other = switched(request.query_params, language)
        html = self._renderer.sheet_of("cap_detail.html", language, "alerts", other_language=other, v=view, **fields)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _list(self, request: Request) -> Response:
        try:
            return await self.list_page(request, self._toasts.take(request.query_params.get("said")))
        except SQLAlchemyError:
            return self.unreadable(request)

    async def _detail(self, request: Request) -> Response:
        try:
            found = await self.found(request)
            if found is None:
                return self.missing(request)
            toast = self._toasts.take(request.query_params.get("said"))
            return await self.detail_page(request, found, toast=toast)
        except SQLAlchemyError:
            return self.unreadable(request)

    async def _list_live(self, request: Request) -> Response:
        page, calm = _page(request), _Calm()

        async def draw(language: Language) -> Parts:
            await calm.wait()
            view = await self._looking.listed(page, self.speak(language))
            own = {name: self._part(language, name, view) for name in ("cap_waiting", "cap_others", "cap_feeds")}
            return {**await self._renderer.shell(language), **own}

        return self._live.response(self._language(request), draw)

    async def _detail_live(self, request: Request) -> Response:
        if await self.found(request) is None:
            return self.missing(request)
        calm = _Calm()

        async def draw(language: Language) -> Parts:
            await calm.wait()
            shell = await self._renderer.shell(language)
            found = await self.found(request)
            if found is None:
                return shell
            view = await self._looking.detail(found, self.speak(language))
            own = {name: self._part(language, name, view) for name in _OF_ONE}
            return {**shell, **own}

        return self._live.response(self._language(request), draw)

    async def _message(self, request: Request) -> Response:
        """The XML as it came, for who wants to look: as a file, never as a page of ours."""
        try:
            found = await self.found(request)
        except SQLAlchemyError:
            return self.unreadable(request)
        if found is None:
            return self.missing(request)
        return Response(found.row.body, media_type="application/cap+xml", headers=_NO_FETCH)

    def _part(self, language: Language, name: str, view: object) -> str:
        return self._renderer.part("cap_parts.html", language, name, view, True)


class _Calm:
    """Lets a stream draw once a second: each drawing asks the database, and nodes say something all the time."""

    def __init__(self) -> None:
        self._next = 0.0

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next - loop.time())
        self._next = loop.time() + PAUSE_S


def _page(request: Request) -> int:
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1
