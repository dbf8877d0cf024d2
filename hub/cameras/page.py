"""A camera's own page: live, its state in words, and the way back in time."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.reports import CameraState
from edge_agent.contract.sentences import Language
from hub.cameras.live import LiveDesk
from hub.cameras.looks import Look, Looks
from hub.cameras.public import LONGEST_REASON, PublicCameras
from hub.cameras.words import Fact, facts, span, technical
from hub.forms import Fields, FormError, read
from hub.language import catalogue, remember, sentence, switched
from hub.live import Live
from hub.node import Node
from hub.people.acting import person
from hub.people.door import Door, Refused, at_node
from hub.people.rights import Right
from hub.render import Parts, Renderer, Shown
from hub.sentences import Speaker
from hub.views import CameraView, NodeView, camera_view, node_zone

_BASE = "/nodes/{commune}/{node}/cameras/{camera}"
SHORTEST_REASON = 5
MOST_SHOWN = 2000
_PLAYER = "camera.player_"
"""Texts of the catalogue that the page's script says."""


@dataclass(frozen=True, slots=True)
class StateView:
    """The line below the picture."""

    node: NodeView
    camera: CameraView
    facts: tuple[Fact, ...]
    technical: str
    watching: int = 0


class CameraPages:
    """The page of each camera, and the stream of its state."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        language: Callable[[HTTPConnection], Language],
        people: tuple[LiveDesk, Looks, PublicCameras],
    ) -> None:
        """`people`: who looks now, who looked, and what everybody may see."""
        self._desk, self._looks, self._public = people
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route(_BASE, self._page, at_node(Right.WATCH)),
            door.route(f"{_BASE}/state", self._state, at_node(Right.WATCH)),
            door.route(f"{_BASE}/public", self._mark, at_node(Right.WATCH), ["POST"]),
        ]

    def has(self, address: str, camera: str) -> bool:
        """Whether a node is known to have this camera."""
        node = self._shown.registry.nodes.get(address)
        return node is not None and _has(node, camera)

    async def _page(self, request: Request) -> Response:
        return await self._draw(request)

    async def _mark(self, request: Request) -> Response:
        """Let everybody see it, or nobody else any more: by who answers residents here."""
        node, camera = self._node(request), request.path_params["camera"]
        if node is None:
            return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
        if not self._may_mark(node):
            raise Refused(True, at_node(Right.ANSWER))
        fields: Fields = {}
        try:
            fields = await read(request)
            if fields.get("public") == "0":
                await self._public.unmark(node.address, camera)
            elif len(reason := fields.get("reason", "")) < SHORTEST_REASON:
                raise FormError("camera.public_why")
            elif len(reason) > LONGEST_REASON:
                raise FormError("form.too_long", limit=LONGEST_REASON)
            else:
                await self._public.mark(node.address, camera, reason)
        except FormError as error:
            problem = sentence(self._language(request), error.key, **error.params)
            return await self._draw(request, 400, problem, fields.get("reason", "")[:MOST_SHOWN])
        return RedirectResponse(f"/nodes/{node.address}/cameras/{camera}", 303)

    def _may_mark(self, node: Node) -> bool:
        return person().may(Right.ANSWER, self._shown.areas.place(node))

    async def _draw(self, request: Request, status: int = 200, problem: str = "", reason: str = "") -> Response:
        language, node, camera = self._language(request), self._node(request), request.path_params["camera"]
        if node is None:
            return HTMLResponse(self._renderer.message(language, "page.not_found"), 404)
        view = self._view(node, camera, language)
        texts = catalogue(language)
        html = self._renderer.sheet_of(
            "camera.html",
            language,
            "cameras",
            other_language=switched(request.query_params, language),
            v=view,
            base=f"{view.node.path}/cameras/{camera}",
            problem=problem,
            reason=reason,
            **await self._of_people(node, camera, language),
            player={key.removeprefix(_PLAYER): text for key, text in texts.items() if key.startswith(_PLAYER)},
        )
        return remember(HTMLResponse(html, status, headers={"Vary": "Cookie"}), request.query_params)

    async def _of_people(self, node: Node, camera: str, language: Language) -> dict[str, object]:
        """Who looked, for administrators of the place; whether everybody may see it, for who may change that."""
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        public, looks = self._public.get(node.address, camera), None
        if person().may(Right.ADMINISTER, self._shown.areas.place(node)):
            found = await self._looks.last(node.address, camera)
            looks = [(speak.moment(look.at), _looked(look, speak)) for look in found]
        return {
            "may_public": self._may_mark(node),
            "public": public,
            "public_at": speak.moment(public.at) if public else "",
            "looks": looks,
            "watching": self._desk.who(node.address, camera),
        }

    async def _state(self, request: Request) -> Response:
        language, node, camera = self._language(request), self._node(request), request.path_params["camera"]
        if node is None:
            return Response(status_code=404)
        address = node.address

        async def draw(language: Language) -> Parts:
            node = self._shown.registry.nodes.get(address)
            if node is None or not _has(node, camera):
                return {}
            html = self._renderer.part("camera_state.html", language, "state", self._view(node, camera, language), True)
            return {"camera_state": html}

        return self._live.response(language, draw)

    def _node(self, request: Request) -> Node | None:
        path = request.path_params
        node = self._shown.registry.nodes.get(f"{path['commune']}/{path['node']}")
        return node if node is not None and _has(node, path["camera"]) else None

    def _view(self, node: Node, camera: str, language: Language) -> StateView:
        state = node.states.get(("camera", camera))
        state = state if isinstance(state, CameraState) else None
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        known = [c for c in (node.about.capabilities if node.about else ()) if (c.kind, c.id) == ("camera", camera)]
        name = known[0].name if known and known[0].name else camera
        seen = camera_view(camera, name, state, speak)
        return StateView(
            self._renderer.view(node, language),
            seen,
            facts(speak, state, node.online),
            technical(speak, state),
            len(self._desk.who(node.address, camera)),
        )


def _looked(look: Look, speak: Speaker) -> str:
    text = speak.t(f"camera.looked_{look.what}", name=look.name)
    if not look.seconds:
        return text
    return f"{text} · {span(speak, look.seconds)}"


def _has(node: Node, camera: str) -> bool:
    things = {c.id for c in (node.about.capabilities if node.about else ()) if c.kind == "camera"}
    return camera in things or ("camera", camera) in node.states
