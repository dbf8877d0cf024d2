"""`/lights`: villages, then the rows and lamps of one, live; and what is done to all of them at once."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from pydantic import ValidationError
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.back import back
from hub.forms import Fields, FormError, read
from hub.language import remember, switched, translator
from hub.live import Live
from hub.node import Node
from hub.people.acting import person
from hub.people.door import Door, Needs, Refused, somewhere
from hub.people.rights import Right
from hub.render import Parts, Renderer, Shown
from hub.store import Store
from hub.things.acts import ThingActs
from hub.things.campaigns import Campaigns
from hub.things.drawing import Drawing
from hub.things.villages import ON_PAGE, Village, VillageRow, pages, row, village, villages
from hub.toasts import Toast, Toasts

_VILLAGE = "/lights/{commune}/{area}"
_SWITCH: Needs = somewhere(Right.SWITCH)
CALM_S = 0.5
_LONGEST = 100
_NODE_PARTS = ("_l_", "_w_", "_g_", "_r_", "_count", "_alerts", "_sensors", "_cabinets", "_head")
"""Of a node's card, what stands on these pages."""


@dataclass(frozen=True, slots=True)
class ListView:
    """A page of villages."""

    rows: tuple[VillageRow, ...]
    words: str
    page: int
    pages: int


class LightPages:
    """Pages of lights, and the acts on a whole village."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        store: Store,
        toasts: Toasts,
        acts: tuple[ThingActs, Campaigns],
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._toasts = toasts
        self._acts, campaigns = acts
        self._drawing = Drawing(shown, store, campaigns)
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/lights", self._list, _SWITCH),
            door.route("/lights/live", self._list_live, _SWITCH),
            door.route("/lights/undo/{token}", self._undo, _SWITCH, ["POST"]),
            door.route(_VILLAGE, self._village, _SWITCH),
            door.route(f"{_VILLAGE}/live", self._village_live, _SWITCH),
            door.route(f"{_VILLAGE}/cards", self._cards, _SWITCH),
            door.route(f"{_VILLAGE}/switch", self._switch, _SWITCH, ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        language, query = self._language(request), request.query_params
        words = " ".join(query.get("q", "")[:_LONGEST].split())
        found = villages(self._shown, language, words)
        if len(found) == 1 and not words:
            return RedirectResponse(f"{found[0].path}?{query}" if query else found[0].path, 303)
        view = _list_view(found, words, _number(query.get("page", "")), language)
        communes = self._renderer.communes(language)
        return self._page(request, "lights_list.html", v=view, communes=communes)

    async def _list_live(self, request: Request) -> Response:
        language, query = self._language(request), request.query_params
        found = villages(self._shown, language, query.get("q", "")[:_LONGEST])
        page = min(_number(query.get("page", "")), max(1, ceil(len(found) / ON_PAGE)))
        shown = [(each.commune, each.area) for each in found[(page - 1) * ON_PAGE : page * ON_PAGE]]

        async def draw(language: Language) -> Parts:
            macros = self._renderer.macros(language, "lights_parts.html")
            now = (village(self._shown, commune, area, language) for commune, area in shown)
            rows = [row(each, language) for each in now if each is not None]
            communes = self._renderer.part("things.html", language, "communes", self._renderer.communes(language), True)
            return {"communes": communes, **{each.key: str(macros.row(each, True)) for each in rows}}

        return self._live.response(language, draw, CALM_S)

    async def _village(self, request: Request) -> Response:
        language = self._language(request)
        each = self._found(request, language)
        if each is None:
            return HTMLResponse(self._renderer.message(language, "page.not_found"), 404)
        sheets = pages(each)
        page = min(_number(request.query_params.get("page", "")), len(sheets))
        nodes = sheets[page - 1]
        return self._page(
            request,
            "lights_place.html",
            v=await self._drawing.view(each, nodes, language),
            nodes=[self._renderer.view(node, language) for node in nodes],
            shape=self._shape(nodes, language),
            energy=await self._drawing.energy(each, language),
            page=page,
            pages=len(sheets),
            alone=len(villages(self._shown, language)) == 1,
        )

    async def _village_live(self, request: Request) -> Response:
        path, page = request.path_params, _number(request.query_params.get("page", ""))

        async def draw(language: Language) -> Parts:
            each = village(self._shown, path["commune"], path["area"], language)
            if each is None:
                return {}
            nodes = _of(each, page)
            macros = self._renderer.macros(language, "lights_parts.html")
            view = await self._drawing.view(each, nodes, language)
            parts = {"lights-head": str(macros.head(view, True)), "lights-panel": str(macros.panel(view, True))}
            for node in nodes:
                of_node = self._renderer.cards.parts(node, language)
                length = len(node.key)
                parts |= {id_: html for id_, html in of_node.items() if id_[length:].startswith(_NODE_PARTS)}
            shape = self._shape(nodes, language)
            return parts | {"shape": self._renderer.part("parts.html", language, "shape", shape, True)}

        return self._live.response(self._language(request), draw, CALM_S)

    async def _cards(self, request: Request) -> Response:
        """The nodes alone, with their forms: for a page whose nodes have other things than before."""
        language = self._language(request)
        each = self._found(request, language)
        if each is None:
            return Response(status_code=404)
        nodes = _of(each, _number(request.query_params.get("page", "")))
        macros = self._renderer.macros(language, "lights_parts.html")
        return HTMLResponse("".join(str(macros.node(self._renderer.view(node, language))) for node in nodes))

    async def _switch(self, request: Request) -> Response:
        """All of a village."""
        language = self._language(request)
        each = self._found(request, language)
        if each is None or not person().may(Right.SWITCH, each.place):
            raise Refused(True, _SWITCH)

        async def act(fields: Fields) -> Toast:
            return await self._acts.everywhere(request, fields, language)

        return await self._answer(request, act, language, each.path)

    async def _undo(self, request: Request) -> Response:
        language = self._language(request)

        async def act(_: Fields) -> Toast:
            return await self._acts.undo(request.path_params["token"], language)

        return await self._answer(request, act, language, "/lights")

    async def _answer(
        self, request: Request, act: Callable[[Fields], object], language: Language, page: str
    ) -> Response:
        t = translator(language)
        try:
            toast = await act(await read(request))  # type: ignore[misc]
        except FormError as error:
            toast = Toast(t(error.key, **error.params), False, key=error.key)
        except ValidationError:
            toast = Toast(t("form.bad"), False, key="form.bad")
        if request.headers.get("hx-request") != "true":
            return RedirectResponse(back(request, page, self._toasts.keep(toast)), 303)
        html = self._renderer.toast(language, toast.text, toast.good, toast.undo, toast.key)
        return HTMLResponse(html, headers={"HX-Reswap": "afterbegin"})

    def _shape(self, nodes: list[Node], language: Language) -> str:
        return "|".join(self._renderer.view(node, language).shape for node in nodes)

    def _found(self, request: Request, language: Language) -> Village | None:
        return village(self._shown, request.path_params["commune"], request.path_params["area"], language)

    def _page(self, request: Request, template: str, **values: object) -> Response:
        language, query = self._language(request), request.query_params
        values["toast"] = self._toasts.take(query.get("said"))
        html = self._renderer.sheet_of(template, language, "lights", other_language=switched(query, language), **values)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), query)


def _list_view(found: list[Village], words: str, page: int, language: Language) -> ListView:
    pages_ = max(1, ceil(len(found) / ON_PAGE))
    page = min(page, pages_)
    rows = tuple(row(each, language) for each in found[(page - 1) * ON_PAGE : page * ON_PAGE])
    return ListView(rows, words, page, pages_)


def _of(each: Village, page: int) -> list[Node]:
    sheets = pages(each)
    return sheets[min(page, len(sheets)) - 1]


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
