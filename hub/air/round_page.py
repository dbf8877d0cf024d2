"""`/air/rounds/{id}`: what became of what was asked of many clusters, live; and once more those that are left."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.round_acts import RoundActs
from hub.air.rounds import Round
from hub.air.site import Site
from hub.air.spoken import DONE, FATES, LEFT
from hub.forms import FormError
from hub.language import remember, switched
from hub.node import Node
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Parts
from hub.toasts import Toast

ROWS = 100
_CUT = ("stopped", "partly")
_SUMS = {
    "answered": (*DONE, *_CUT, "accepted", "lost"),
    "done": DONE,
    "unheard": ("unheard",),
    "cut": _CUT,
    "left": LEFT,
}


@dataclass(frozen=True)
class RoundRow:
    """A cluster and its answer."""

    title: str
    path: str
    state: str
    words: str


@dataclass(frozen=True)
class RoundView:
    """`answered`: clusters that took it; `done`: to the end; `left`: that could be asked once more.

    Of words: `unheard`: clusters of which the microphone heard nothing; `cut`: that did not come to their end.
    """

    id: str
    kind: str
    what: str
    who: str
    at: str
    over: bool
    all: int
    answered: int
    done: int
    unheard: int
    cut: int
    left: int
    rows: tuple[RoundRow, ...]
    more: int


class RoundPage:
    """Only who asked may look: others have no business with it."""

    def __init__(self, site: Site, acts: RoundActs) -> None:
        self._site = site
        self._acts = acts

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may, one = somewhere(Right.SPEAK), "/air/rounds/{id}"
        return [
            door.route(one, self._page, may),
            door.route(f"{one}/live", self._stream, may),
            door.route(f"{one}/again", self._again, may, ["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        language, made = self._site.language(request), self._mine(request)
        if made is None:
            return HTMLResponse(self._site.renderer.message(language, "air.round_gone"), 404)
        html = self._site.renderer.sheet_of(
            "air_round.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            v=await self._view(made, language),
            toast=self._site.toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        """Also of a round that is not remembered: a page that was open when the hub ended asks again for ever."""

        async def draw(language: Language) -> Parts:
            made = self._mine(request)
            view = await self._view(made, language) if made is not None else None
            return {"round": self._site.renderer.part("air_parts.html", language, "round", view, True)}

        return self._site.live.response(self._site.language(request), draw)

    async def _again(self, request: Request) -> Response:
        language, made = self._site.language(request), self._mine(request)
        if made is None:
            return HTMLResponse(self._site.renderer.message(language, "air.round_gone"), 404)
        try:
            again = await self._acts.again(made)
        except FormError as error:
            toast = self._site.toasts.keep(Toast(self._site.speaker(language).t(error.key), False))
            return RedirectResponse(f"/air/rounds/{made.id}?said={toast}", 303)
        return RedirectResponse(f"/air/rounds/{again.id}", 303)

    def _mine(self, request: Request) -> Round | None:
        return self._acts.get(request.path_params["id"])

    async def _view(self, made: Round, language: Language) -> RoundView:
        rows, known = [], self._nodes
        for address, one in (await self._acts.told(made, language)).items():
            title = known[address].title if address in known else address.partition("/")[2]
            rows.append(RoundRow(title, f"/nodes/{address}", one.fate, one.words))
        rows.sort(key=lambda row: FATES.index(row.state))
        counts = Counter(row.state for row in rows)
        sums = {name: sum(counts[fate] for fate in fates) for name, fates in _SUMS.items()}
        return RoundView(
            id=made.id,
            kind=made.kind,
            what=made.what,
            who=made.who,
            at=self._site.speaker(language).moment(made.at),
            over=made.over,
            all=len(rows),
            rows=tuple(rows[:ROWS]),
            more=max(0, len(rows) - ROWS),
            **sums,
        )

    @property
    def _nodes(self) -> Mapping[str, Node]:
        return self._site.shown.registry.nodes
