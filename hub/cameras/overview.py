"""`/cameras`: the cameras that who asks may look through, a page of tiles at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.reports import CameraState
from edge_agent.contract.sentences import Language
from hub.cameras.live import LiveDesk
from hub.cameras.lookback_rows import camera_moved, instant, millis
from hub.cameras.public import PublicCameras
from hub.language import remember, switched
from hub.live import Live
from hub.node import Node
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.plain import plain
from hub.render import Parts, Renderer, Shown
from hub.sentences import Speaker
from hub.store import Store
from hub.views import CameraView, camera_view, node_zone

ON_PAGE = 12
HOURS = 6
"""Motion of the last so many hours is told."""
CALM_S = 1.0
_LONGEST = 100
Key = tuple[str, str]
Moved = dict[Key, tuple[int, int]]
"""Camera -> how often something moved, and when last (ms since 1970)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A camera on the page."""

    key: str
    path: str
    node: str
    area: str
    camera: CameraView
    online: bool
    moved: str
    watching: int
    public: bool


@dataclass(frozen=True, slots=True)
class View:
    """A page of tiles."""

    tiles: tuple[Tile, ...]
    all: int
    words: str
    page: int
    pages: int


class CameraOverview:
    """Pictures are fetched by the page itself, of what can be seen on the screen only."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        store: Store,
        desk: LiveDesk,
        public: PublicCameras,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._store = store
        self._desk = desk
        self._public = public
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/cameras", self._page, somewhere(Right.WATCH)),
            door.route("/cameras/live", self._stream, somewhere(Right.WATCH)),
        ]

    async def _page(self, request: Request) -> Response:
        language, query = self._language(request), request.query_params
        view = await self._view(query.get("q", ""), query.get("page", ""), language)
        other = switched(query, language)
        html = self._renderer.sheet_of("camera_list.html", language, "cameras", other_language=other, v=view)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), query)

    async def _stream(self, request: Request) -> Response:
        query = request.query_params

        async def draw(language: Language) -> Parts:
            view = await self._view(query.get("q", ""), query.get("page", ""), language)
            macros = self._renderer.macros(language, "camera_tiles.html")
            return {f"{tile.key}_state": str(macros.state(tile, True)) for tile in view.tiles}

        return self._live.response(self._language(request), draw, CALM_S)

    async def _view(self, words: str, page: str, language: Language) -> View:
        words = " ".join(words[:_LONGEST].split())
        found = list(self._cameras(plain(words).split()))
        pages = max(1, ceil(len(found) / ON_PAGE))
        number = min(int(page), pages) if page.isascii() and page.isdigit() and len(page) < 7 and int(page) else 1
        here = found[(number - 1) * ON_PAGE : number * ON_PAGE]
        since = millis(self._shown.clock.now() - timedelta(hours=HOURS))
        moved = await self._store.read(lambda c: moved_since(c, [(n.address, id_) for n, id_, _ in here], since))
        tiles = tuple(self._tile(node, id_, name, moved, language) for node, id_, name in here)
        return View(tiles, len(found), words, number, pages)

    def _cameras(self, terms: list[str]) -> Iterable[tuple[Node, str, str]]:
        for node in self._shown.nodes(Right.WATCH):
            for thing in node.about.capabilities if node.about else ():
                if thing.kind != "camera":
                    continue
                name = thing.name or thing.id
                if not terms or all(term in f"{node.words} {plain(name)}" for term in terms):
                    yield node, thing.id, name

    def _tile(self, node: Node, camera: str, name: str, moved: Moved, language: Language) -> Tile:
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        state = node.states.get(("camera", camera))
        count, last = moved.get((node.address, camera), (0, 0))
        words = (
            speak.t("camera.moved_lately", count=count, hours=HOURS, at=speak.moment(instant(last))) if count else ""
        )
        return Tile(
            key=f"{node.key}_c_{camera}",
            path=f"/nodes/{node.address}/cameras/{camera}",
            node=node.title,
            area=(node.about.zone or "") if node.about else "",
            camera=camera_view(camera, name, state if isinstance(state, CameraState) else None, speak),
            online=node.online,
            moved=words or speak.t("camera.moved_none", hours=HOURS),
            watching=len(self._desk.who(node.address, camera)),
            public=self._public.is_public(node.address, camera),
        )


def moved_since(connection: Connection, cameras: list[Key], since: int) -> Moved:
    """Of some cameras: how often something moved since an instant (ms since 1970), and when it last began."""
    table = camera_moved.c
    if not cameras:
        return {}
    theirs = sa.or_(*(sa.and_(table.address == address, table.camera == camera) for address, camera in cameras))
    query = sa.select(table.address, table.camera, sa.func.count(), sa.func.max(table.begin))
    found = connection.execute(query.where(theirs, table.begin >= since).group_by(table.address, table.camera))
    return {(address, camera): (count, last) for address, camera, count, last in found}
