"""`GET /nodes/{commune}/{node}/birth`: the birth record of a node, its pictures, and the same on paper."""

import logging
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.births.book import Births
from hub.language import remember, switched
from hub.people.door import Door, at_node
from hub.people.rights import Right
from hub.printing import Busy
from hub.render import Renderer

logger = logging.getLogger(__name__)

_BIRTH = "/nodes/{commune}/{node}/birth"


class BirthPages:
    """Only reads."""

    def __init__(self, births: Births, renderer: Renderer, language: Callable[[HTTPConnection], Language]) -> None:
        self._births = births
        self._renderer = renderer
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route(_BIRTH, self._page, at_node(Right.SEE)),
            door.route(f"{_BIRTH}.pdf", self._pdf, at_node(Right.SEE)),
            door.route(f"{_BIRTH}/{{step}}.jpg", self._picture, at_node(Right.SEE)),
        ]

    async def _page(self, request: Request) -> Response:
        language, address = self._language(request), _address(request)
        birth, refused = await self._births.of(address), await self._births.refused(address)
        speak = self._births.speaker(address, language)
        turned = ""
        if refused is not None:
            turned = speak.t("birth.refused", at=speak.moment(refused.came), why=speak.t(f"birth.why_{refused.why}"))
        html = self._renderer.sheet_of(
            "birth.html",
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            v=self._births.view(birth, speak) if birth is not None else None,
            turned=turned,
            path=f"/nodes/{address}",
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _pdf(self, request: Request) -> Response:
        language, address = self._language(request), _address(request)
        birth = await self._births.of(address)
        if birth is None:
            return HTMLResponse(self._renderer.message(language, "page.not_found"), 404)
        try:
            made = await self._births.pdf(birth, language)
        except Busy:
            html = self._renderer.message(language, "aired.paper_busy")
            return HTMLResponse(html, 503, headers={"Retry-After": "60"})
        if made is None:
            return HTMLResponse(self._renderer.message(language, "aired.paper_failed"), 503)
        headers = {"Content-Disposition": f'attachment; filename="birth-{request.path_params["node"]}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)

    async def _picture(self, request: Request) -> Response:
        step = str(request.path_params["step"])
        jpeg = await self._births.picture(_address(request), int(step)) if step.isdecimal() and len(step) < 5 else None
        if jpeg is None:
            return Response(status_code=404)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _address(request: Request) -> str:
    return f"{request.path_params['commune']}/{request.path_params['node']}"
