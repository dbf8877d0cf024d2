"""The list of nodes, and the page of each."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.language import remember, switched
from hub.live import Draw, Live
from hub.node import Node
from hub.nodes.checkup import Check, checkup
from hub.nodes.doctor import doctor_view
from hub.nodes.forgetting import Forgetting, came_back
from hub.nodes.history import History, LastWords, history
from hub.nodes.listing import SHOWS, Asked, Found, find, places
from hub.nodes.rows import Row, row
from hub.nodes.stray import strangers_in_words
from hub.people.acting import person
from hub.people.door import Door, at_node, somewhere
from hub.people.rights import Right
from hub.render import Parts, Renderer, Shown
from hub.sentences import Speaker
from hub.store import Store
from hub.toasts import Toasts
from hub.views import names_of, node_zone, presence

_NODE = "/nodes/{commune}/{node}"
CALM_S = 1.0
"""Rows of a list change at most so often: of thousands, one always changes."""


@dataclass(frozen=True, slots=True)
class ListView:
    """A page of the list."""

    asked: Asked
    rows: tuple[Row, ...]
    counts: tuple[tuple[str, int], ...]
    page: int
    pages: int
    strangers: tuple[str, ...]


class NodePages:
    """GET only; what can be done on a card is done by `hub.actions`."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        live: Live,
        store: Store,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
        forgetting: Forgetting,
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._live = live
        self._store = store
        self._toasts = toasts
        self._language = language
        self._forgetting = forgetting
        self.facts: Callable[[str, Speaker], list[tuple[str, str]]] = _nothing_more
        """More of a node, by its address: name and words."""
        self.boxes: Callable[[str, Speaker], list[tuple[str, str]]] = _nothing_more
        """What became of its boxes: when and what."""

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/nodes", self._list, somewhere(Right.SEE)),
            door.route("/nodes/live", self._list_live, somewhere(Right.SEE)),
            door.route(_NODE, self._page, at_node(Right.SEE)),
            door.route(f"{_NODE}/card", self._card, at_node(Right.SEE)),
            door.route(f"{_NODE}/live", self._page_live, at_node(Right.SEE)),
        ]

    async def _list(self, request: Request) -> Response:
        language, asked = self._language(request), Asked.of(request.query_params)
        html = self._renderer.sheet_of(
            "nodes.html",
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            v=self._view(asked, find(self._shown, asked), language),
            places=places(self._shown),
            known=bool(self._shown.registry.nodes),
            broker=self._shown.broker,
            forgotten=len(self._forgetting.hidden()),
            may_trust=person().may_somewhere(Right.ADMINISTER),
            toast=self._toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _list_live(self, request: Request) -> Response:
        asked = Asked.of(request.query_params)
        return self._live.response(self._language(request), self._drawing_list(asked), CALM_S)

    def _drawing_list(self, asked: Asked) -> Draw:
        before: list[str] = []

        async def draw(language: Language) -> Parts:
            found = find(self._shown, asked)
            view = self._view(asked, found, language)
            macro = self._renderer.macros(language, "nodes_parts.html")
            parts = {"node-shows": str(macro.counts(view, True)), "strangers": str(macro.strangers(view, True))}
            if before != (keys := [each.key for each in view.rows]):
                before[:] = keys
                return parts | {"node-rows": str(macro.rows(view, True))}
            return parts | {f"{each.key}_row": str(macro.row(each, True)) for each in view.rows}

        return draw

    def _view(self, asked: Asked, found: Found, language: Language) -> ListView:
        rows = tuple(row(self._shown, node, language) for node in found.nodes)
        counts = tuple((show, found.counts[show]) for show in ("", *SHOWS))
        speak = Speaker(language, self._shown.zone, self._shown.clock.now())
        return ListView(asked, rows, counts, found.page, found.pages, strangers_in_words(self._shown, speak))

    async def _page(self, request: Request) -> Response:
        language, node = self._language(request), self._node(request)
        if node is None:
            hidden = self._shown.registry.forgotten.hides(_address(request))
            why = "forget.is_hidden" if hidden else "page.not_found"
            return HTMLResponse(self._renderer.message(language, why), 404)
        known = await history(self._store, node.address, self._shown.clock.now())
        speak = self._speaker(node, language)
        card = self._renderer.cards.card(node, language)
        html = self._renderer.sheet_of(
            "node.html",
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            n=card["view"],
            cards=[card],
            checks=self._checks(node, known, speak),
            facts=[*_facts(node, speak), *self.facts(node.address, speak)],
            boxes=self.boxes(node.address, speak),
            doctor=doctor_view(self._shown, node, speak),
            charts=known.charts(speak),
            last=_last_words(node, known, speak),
            back=came_back(self._shown, node.address, speak),
            may_forget=not node.online and person().may(Right.INSTALL, self._shown.areas.place(node)),
            toast=self._toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _card(self, request: Request) -> Response:
        """The card alone, with its forms: for a page whose node has other things than before."""
        language, node = self._language(request), self._node(request)
        if node is None:
            return Response(status_code=404)
        return HTMLResponse(self._renderer.card_of(node, language))

    async def _page_live(self, request: Request) -> Response:
        language, node = self._language(request), self._node(request)
        if node is None:
            return Response(status_code=404)
        address = node.address

        async def draw(language: Language) -> Parts:
            node = self._shown.registry.nodes.get(address)
            if node is None:
                return {}
            view = self._renderer.view(node, language)
            shape = self._renderer.part("parts.html", language, "shape", view.shape, True)
            found = doctor_view(self._shown, node, self._speaker(node, language))
            doctor = self._renderer.part("nodes_parts.html", language, "doctor", found, True)
            return {**self._renderer.cards.parts(node, language), "shape": shape, f"{node.key}_doctor": doctor}

        return self._live.response(language, draw)

    def _node(self, request: Request) -> Node | None:
        return self._shown.registry.nodes.get(_address(request))

    def _speaker(self, node: Node, language: Language) -> Speaker:
        return Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())

    def _checks(self, node: Node, known: History, speak: Speaker) -> tuple[Check, ...]:
        account = self._shown.ledger.accounts.get(node.address)
        return checkup(node, account.sample if account else None, known.tested, speak)


def _nothing_more(_: str, __: Speaker) -> list[tuple[str, str]]:
    return []


def _address(request: Request) -> str:
    return f"{request.path_params['commune']}/{request.path_params['node']}"


def _last_words(node: Node, known: History, speak: Speaker) -> LastWords | None:
    if node.offline is None:
        return None
    return known.last_words(node.offline, presence(node, speak)[1], speak, names_of(node))


def _facts(node: Node, speak: Speaker) -> list[tuple[str, str]]:
    about, status = node.about, node.status
    facts = [(speak.t("node.address"), node.address)]
    if status:
        facts.append((speak.t("node.version"), status.version))
    if about and about.voices:
        voices = [each.name or each.id for each in about.speaks] or about.voices
        facts.append((speak.t("node.voices"), ", ".join(voices[:5])))
    if about and about.position:
        facts.append((speak.t("node.position"), f"{about.position.latitude:.5f}, {about.position.longitude:.5f}"))
    return facts
