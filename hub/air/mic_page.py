"""`/air/mic`: the page of the live microphone."""

import json
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.choosing import offered
from hub.air.voices import LIMITS_S
from hub.language import remember, switched, translator
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Renderer
from hub.security import HEADERS

MICROPHONE = {"Permissions-Policy": HEADERS["Permissions-Policy"].replace("microphone=()", "microphone=(self)")}
"""For pages that use it; all others may not."""
_WORDS = (
    *("on", "off", "opening", "ready", "hold", "tap", "tap_end", "let_go", "connecting", "counting", "speaking"),
    *("ending", "cancelled", "nowhere", "denied", "none", "failed", "lost", "broken", "out", "sum"),
)
"""What the page says by itself."""


class MicPage:
    """The page alone; the socket does the rest."""

    def __init__(self, renderer: Renderer, areas: Areas, language: Callable[[HTTPConnection], Language]) -> None:
        self._renderer = renderer
        self._areas = areas
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [door.route("/air/mic", self._page, somewhere(Right.SPEAK))]

    async def _page(self, request: Request) -> Response:
        language = self._language(request)
        t = translator(language)
        html = self._renderer.sheet_of(
            "air_mic.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            offered=offered(self._areas, person(), Right.SPEAK, request.query_params.getlist("at")),
            limits=LIMITS_S,
            words=json.dumps({w: t(f"mic.{w}", ready="{ready}", all="{all}") for w in _WORDS}, ensure_ascii=False),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie", **MICROPHONE}), request.query_params)
