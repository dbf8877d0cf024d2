"""`/air/rounds/{id}`: what became of what was asked of many clusters, live; and once more those that are left."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.proofs import Proofs
from hub.air.rounds import Round, Rounds
from hub.air.site import Site
from hub.air.spoken import FATES, LEFT, Told, answered, told
from hub.language import remember, switched
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.registry import Node
from hub.render import Parts
from hub.toasts import Toast

ROWS = 100
_DONE = ("heard", "unheard", "unknown", "done")
_CUT = ("stopped", "partly")
_SUMS = {
    "answered": (*_DONE, *_CUT, "accepted", "lost"),
    "done": _DONE,
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

    def __init__(self, site: Site, rounds: Rounds, proofs: Proofs) -> None:
        self._site = site
        self._rounds = rounds
        self._proofs = proofs

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
        nodes, areas, who = self._site.shown.registry.nodes, self._site.areas, person()
        fates = await self._told(made, language)
        asked = [nodes[address] for address, one in fates.items() if one.fate in LEFT and address in nodes]
        left = [node for node in asked if areas.may(who, Right.SPEAK, node.address)]
        if not left:
            toast = self._site.toasts.keep(Toast(self._site.speaker(language).t("air.nobody_left"), False))
            return RedirectResponse(f"/air/rounds/{made.id}?said={toast}", 303)
        args = made.args.model_copy(update={"at": None}) if hasattr(made.args, "at") else made.args
        again = self._rounds.begin(made.kind, made.what, args, left, limit=made.limit, life=made.life)
        return RedirectResponse(f"/air/rounds/{again.id}", 303)

    def _mine(self, request: Request) -> Round | None:
        made = self._rounds.get(request.path_params["id"])
        return made if made is not None and made.owner == person().id else None

    async def _told(self, made: Round, language: Language) -> dict[str, Told]:
        """What became of it at each cluster."""
        try:
            proofs = await self._proofs.of_round(made) if made.kind == "speak" else {}
        except SQLAlchemyError:
            proofs = {}
        known, speaker, here = self._nodes, self._site.speaker_at(language), self._site.speaker(language)
        found = {}
        for address in made.nodes:
            speak = speaker(known[address]) if address in known else here
            state, outcome = made.state(address, here.now), made.outcomes.get(address)
            if made.kind == "speak":
                found[address] = told(state, outcome, proofs.get(address), speak, over=made.over)
            else:
                found[address] = answered(state, outcome, speak)
        return found

    async def _view(self, made: Round, language: Language) -> RoundView:
        rows, known = [], self._nodes
        for address, one in (await self._told(made, language)).items():
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
