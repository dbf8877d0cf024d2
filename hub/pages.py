"""What is only looked at and belongs to no other part: calendar, pictures, the stream of every page, static files."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.language import COOKIE, choose, remember, switched
from hub.live import Live
from hub.people.door import Door, at_node, somewhere
from hub.people.rights import Right
from hub.pictures import Picture, Pictures
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.statics import Statics
from hub.views import node_zone


def language_of(default: Language) -> Callable[[HTTPConnection], Language]:
    """How a request's language is found."""

    def find(request: HTTPConnection) -> Language:
        return choose(request.query_params.get("lang"), request.cookies.get(COOKIE), default)

    return find


class Pages:
    """Everything that is only looked at."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        pictures: Pictures,
        language: Callable[[Request], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._pictures = pictures
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/calendar", self._calendar, somewhere(Right.SEE)),
            door.route("/live", self._stream, somewhere(Right.SEE)),
            door.route("/nodes/{commune}/{node}/cameras/{camera}/picture", self._picture, at_node(Right.WATCH)),
            door.mount("/static", Statics()),
        ]

    async def not_found(self, request: Request, _: Exception) -> Response:
        """The answer to any other address."""
        return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)

    async def _calendar(self, request: Request) -> Response:
        language, places = self._language(request), self._renderer.places()
        where = request.query_params.get("where", "")
        where = where if where in dict(places) else ""
        html = self._renderer.sheet_of(
            "calendar.html",
            language,
            "calendar",
            other_language=switched(request.query_params, language),
            days=self._renderer.days(language, where),
            places=places,
            where=where,
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        return self._live.response(self._language(request))

    async def _picture(self, request: Request) -> Response:
        language = self._language(request)
        path = request.path_params
        address, camera = f"{path['commune']}/{path['node']}", path["camera"]
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return Response(status_code=403)  # another site's page must not make cameras work
        node = self._shown.registry.nodes.get(address)
        things = {c.id for c in (node.about.capabilities if node and node.about else ()) if c.kind == "camera"}
        if node is None or (camera not in things and ("camera", camera) not in node.states):
            return Response(status_code=404)
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        if not node.online:
            return self._excuse(speak, speak.t("node.offline"))
        picture = await self._pictures.latest(address, camera)
        if picture.medium is None:
            why = speak.outcome(picture.outcome, "camera.no_picture", "outcome.accepted") if picture.outcome else ""
            return self._excuse(speak, why)
        return FileResponse(picture.medium.path, media_type="image/jpeg", headers=_headers(picture, speak))

    def _excuse(self, speak: Speaker, why: str) -> Response:
        svg = self._renderer.picture(speak.t("camera.no_picture"), why)
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
        return Response(svg, media_type="image/svg+xml", headers=headers)


def _headers(picture: Picture, speak: Speaker) -> dict[str, str]:
    try:
        at = datetime.fromisoformat(picture.at)
        words = speak.moment(at) if at.tzinfo is None else f"{at.astimezone(speak.zone):%H:%M:%S}"
    except (ValueError, OverflowError):
        words = speak.moment(speak.now)
    return {"Cache-Control": "no-store", "X-Picture-Words": quote(speak.t("camera.taken", at=words))}
