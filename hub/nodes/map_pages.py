"""The map of a commune: its nodes on a local extract of a map, on a picture fitted by three points, or a sketch."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.reports import Position
from edge_agent.contract.sentences import Language
from hub.forms import Fields, FormError
from hub.language import remember, switched, translator
from hub.live import Live
from hub.node import Node
from hub.nodes.drawing import SIZE, STATES, Marker, Pin, markers, sketch_fit, state_of
from hub.nodes.grounds import PINS, NoPicture, brought
from hub.nodes.mapping import Mapping
from hub.nodes.rows import Row, row
from hub.nodes.tiles import Ground, Tiles
from hub.people.acting import person
from hub.people.door import Door, at_commune, somewhere
from hub.people.rights import Place, Right
from hub.render import Parts, Renderer, Shown
from hub.toasts import Toast, Toasts

CALM_S = 2.0
MOST_NAME = 28
LETTER = 38.0
"""Width of a letter on phones, in units of the drawing: of a bold one of 55, generously."""


@dataclass(frozen=True, slots=True)
class Point:
    """A node on an extract, where the browser draws it."""

    at: Position
    state: str
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class MapView:
    """`areas`: name, x, y. `placed`: the rows of each mark; `others`: rows of nodes that say no position.

    `name`: of the commune, as people call it. `tiles`: the extract that lies below, `points`: the nodes on it.
    """

    commune: str
    width: float
    height: float
    picture: str
    markers: tuple[Marker, ...]
    areas: tuple[tuple[str, float, float], ...]
    placed: tuple[tuple[int, tuple[Row, ...]], ...]
    others: tuple[Row, ...]
    name: str
    tiles: Ground | None = None
    points: tuple[Point, ...] = ()


class MapPages:
    """The map, and the page on which a picture is fitted."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        mapping: Mapping,
        tiles: Tiles,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._mapping = mapping
        self._tiles = tiles
        self._toasts = toasts
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/map", self._page, somewhere(Right.SEE)),
            door.route("/map/live", self._stream, somewhere(Right.SEE)),
            door.route("/map/{commune}/picture", self._picture, somewhere(Right.SEE)),
            door.route("/map/{commune}/ground.pmtiles", self._piece, somewhere(Right.SEE)),
            door.route("/map/{commune}/fit", self._fitting, at_commune(Right.ADMINISTER)),
            door.route("/map/{commune}/fit", self._change, at_commune(Right.ADMINISTER), ["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        language, communes = self._language(request), self._mapping.communes()
        asked = request.query_params.get("commune", "")
        commune = asked if asked in communes else (communes[0] if communes else "")
        html = self._renderer.sheet_of(
            "map.html",
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            v=await self._view(commune, language),
            drawn=request.query_params.get("ground") == "drawn",
            states=STATES,
            communes=[(code, self._mapping.called(code)) for code in communes[:500]],
            may_fit=bool(commune) and person().may(Right.ADMINISTER, Place(commune)),
            toast=self._toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        commune = request.query_params.get("commune", "")
        if commune not in self._mapping.communes():
            return self._live.response(self._language(request))

        async def draw(language: Language) -> Parts:
            view = await self._view(commune, language)
            macros = self._renderer.macros(language, "map_parts.html")
            return {"map-drawing": str(macros.drawing(view, True)), "map-list": str(macros.places(view, True))}

        return self._live.response(self._language(request), draw, CALM_S)

    async def _view(self, commune: str, language: Language) -> MapView:
        nodes, ground = self._mapping.nodes(commune), await self._mapping.ground(commune)
        tiles = await self._tiles.of(commune) if commune else None
        placed = [(node, node.about.position) for node in nodes if node.about and node.about.position]
        others = [node for node in nodes if not (node.about and node.about.position)]
        fitted = ground.fit if ground else None
        width, height, picture, scale = SIZE, SIZE * 0.6, "", 1.0
        if ground is not None and fitted is not None:
            scale = SIZE / ground.width
            height, picture = ground.height * scale, f"/map/{commune}/picture?{ground.changed}"
        elif placed:
            fitted, height = sketch_fit([position for _, position in placed])
        spots = []
        for node, position in placed:
            x, y = fitted.at(position) if fitted else (0.0, 0.0)
            spots.append((node, (min(max(x * scale, 30.0), width - 30), min(max(y * scale, 30.0), height - 30))))
        marks = markers(spots)
        return MapView(
            commune=commune,
            width=width,
            height=round(height),
            picture=picture,
            markers=marks,
            areas=_areas(spots, width),
            placed=tuple((m.number, tuple(row(self._shown, node, language) for node in m.nodes)) for m in marks),
            others=tuple(row(self._shown, node, language) for node in others),
            name=self._mapping.called(commune),
            tiles=tiles,
            points=tuple(Point(at, state_of(n), n.title, f"/nodes/{n.address}") for n, at in placed) if tiles else (),
        )

    async def _piece(self, request: Request) -> Response:
        commune = request.path_params["commune"]
        if commune not in self._mapping.communes():
            return Response(status_code=404)
        return await self._tiles.piece(commune, request)

    async def _picture(self, request: Request) -> Response:
        commune = request.path_params["commune"]
        picture = await self._mapping.picture(commune)
        if picture is None:
            return Response(status_code=404)
        return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})

    async def _fitting(self, request: Request) -> Response:
        language, commune = self._language(request), request.path_params["commune"]
        ground = await self._mapping.ground(commune)
        known = [(n.address, n.title) for n in self._mapping.nodes(commune) if n.about and n.about.position]
        html = self._renderer.sheet_of(
            "map_fit.html",
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            commune=commune,
            commune_name=self._mapping.called(commune),
            ground=ground,
            fitted=ground is not None and ground.fit is not None,
            pins_needed=PINS,
            known=known,
            toast=self._toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _change(self, request: Request) -> Response:
        commune, t = request.path_params["commune"], translator(self._language(request))
        try:
            toast = Toast(t(await self._act(commune, *await brought(request))), True)
        except FormError as error:
            toast = Toast(t(error.key, **error.params), False)
        except NoPicture:
            toast = Toast(t("node.map_no_picture"), False)
        return RedirectResponse(f"/map/{commune}/fit?said={self._toasts.keep(toast)}", 303)

    async def _act(self, commune: str, fields: Fields, picture: bytes) -> str:
        """What the form asks for; the key of what to say."""
        match fields.get("do"):
            case "picture" if picture:
                await self._mapping.put(commune, picture)
            case "remove":
                await self._mapping.remove(commune)
            case "unpin":
                await self._mapping.unpin(commune)
            case "pin":
                await self._mapping.pin(commune, self._pin_of(fields))
            case _:
                raise FormError("node.map_no_picture")
        return f"node.map_done_{fields['do']}"

    def _pin_of(self, fields: Fields) -> Pin:
        try:
            x, y = (float(amount.replace(",", ".")) for amount in _spot(fields))
            typed = (float(fields.get(name, "").replace(",", ".")) for name in ("latitude", "longitude"))
            lat, lon = self._mapping.position(fields.get("where", "")) or typed
        except ValueError as error:
            raise FormError("node.map_no_place") from error
        return Pin(x, y, lat, lon)


def _spot(fields: Fields) -> tuple[str, str]:
    """Where the point is on the picture: as it was tapped, or typed. Who presses a key on the picture sends 0, 0."""
    tapped = (fields.get("at.x", ""), fields.get("at.y", ""))
    typed = (fields.get("x", ""), fields.get("y", ""))
    return typed if all(typed) and tapped in (("", ""), ("0", "0")) else tapped


def _areas(spots: list[tuple[Node, tuple[float, float]]], width: float) -> tuple[tuple[str, float, float], ...]:
    inside: dict[str, list[tuple[float, float]]] = {}
    for node, spot in spots:
        if node.about and node.about.zone:
            inside.setdefault(node.about.zone.strip(), []).append(spot)
    return tuple(
        (name[:MOST_NAME], _within(sum(x for x, _ in found) / len(found), name, width), min(y for _, y in found) - 60)
        for name, found in sorted(inside.items())
    )


def _within(x: float, name: str, width: float) -> float:
    """Where the middle of a name stands, so that all of it lies on the drawing."""
    half = min(len(name), MOST_NAME) * LETTER / 2
    return min(max(x, half), max(width - half, half))
