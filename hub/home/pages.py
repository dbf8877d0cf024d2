"""`/`: the first page, by role, kept true while one looks at it."""

from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.home.today import Today, Waiting, today
from hub.language import known, remember, switched
from hub.live import Live
from hub.people.door import SIGNED_IN, Door
from hub.render import Parts, Renderer, Shown
from hub.toasts import Toasts

CALM_S = 1.0


def nothing_waits(_: Language) -> list[Waiting]:
    """Where nobody approves."""
    return []


class HomePages:
    """The first page."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
        waiting: Callable[[Language], list[Waiting]] = nothing_waits,
        lists: tuple[Callable[[Language], list[Waiting]], Callable[[Language], list[Waiting]]] = (
            nothing_waits,
            nothing_waits,
        ),
    ) -> None:
        """`waiting`: what waits for the approval of whom asks.

        `lists`: what residents told, that they answer; bulletins that nobody aired.
        """
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._toasts = toasts
        self._language = language
        self._waiting = waiting
        self._told, self._missed = lists

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [door.route("/", self._page, SIGNED_IN), door.route("/home/live", self._stream, SIGNED_IN)]

    async def _page(self, request: Request) -> Response:
        language = self._language(request)
        if known(request.query_params.get("lang")):
            return remember(RedirectResponse("/", 303), request.query_params)
        html = self._renderer.sheet_of(
            "home.html",
            language,
            "home",
            other_language=switched(request.query_params, language),
            v=self._today(language),
            communes=self._renderer.communes(language),
            known=bool(self._shown.registry.nodes),
            broker=self._shown.broker,
            toast=self._toasts.take(request.query_params.get("said")),
        )
        return HTMLResponse(html, headers={"Vary": "Cookie"})

    async def _stream(self, request: Request) -> Response:
        async def draw(language: Language) -> Parts:
            view = self._today(language)
            macros = self._renderer.macros(language, "home_parts.html")
            parts = {f"home-{block}": str(macros.block(view, block, True)) for block in view.blocks if block != "doing"}
            communes = self._renderer.communes(language)
            return parts | {"communes": self._renderer.part("things.html", language, "communes", communes, True)}

        return self._live.response(self._language(request), draw, CALM_S)

    def _today(self, language: Language) -> Today:
        return today(self._shown, language, self._waiting(language), self._told(language), self._missed(language))
