"""A camera's own page: live, its state in words, and the way back in time."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.reports import CameraState
from edge_agent.contract.sentences import Language
from hub.cameras.words import Fact, facts, technical
from hub.language import catalogue, remember, switched
from hub.live import Live
from hub.people.door import Door, at_node
from hub.people.rights import Right
from hub.registry import Node
from hub.render import Parts, Renderer, Shown
from hub.sentences import Speaker
from hub.views import CameraView, NodeView, camera_view, node_zone

_BASE = "/nodes/{commune}/{node}/cameras/{camera}"
_PLAYER = "camera.player_"
"""Texts of the catalogue that the page's script says."""


@dataclass(frozen=True, slots=True)
class StateView:
    """The line below the picture."""

    node: NodeView
    camera: CameraView
    facts: tuple[Fact, ...]
    technical: str


class CameraPages:
    """The page of each camera, and the stream of its state."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route(_BASE, self._page, at_node(Right.WATCH)),
            door.route(f"{_BASE}/state", self._state, at_node(Right.WATCH)),
        ]

    def has(self, address: str, camera: str) -> bool:
        """Whether a node is known to have this camera."""
        node = self._shown.registry.nodes.get(address)
        return node is not None and _has(node, camera)

    async def _page(self, request: Request) -> Response:
        language, node, camera = self._language(request), self._node(request), request.path_params["camera"]
        if node is None:
            return HTMLResponse(self._renderer.message(language, "page.not_found"), 404)
        view = self._view(node, camera, language)
        texts = catalogue(language)
        html = self._renderer.sheet_of(
            "camera.html",
            language,
            "camera",
            other_language=switched(request.query_params, language),
            v=view,
            base=f"{view.node.path}/cameras/{camera}",
            player={key.removeprefix(_PLAYER): text for key, text in texts.items() if key.startswith(_PLAYER)},
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

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
            self._renderer.view(node, language), seen, facts(speak, state, node.online), technical(speak, state)
        )


def _has(node: Node, camera: str) -> bool:
    things = {c.id for c in (node.about.capabilities if node.about else ()) if c.kind == "camera"}
    return camera in things or ("camera", camera) in node.states
