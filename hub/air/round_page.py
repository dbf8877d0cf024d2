"""`/air/rounds/{id}`: what became of what was asked of many clusters, live; and once more those that are left."""

from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.rounds import Round, Rounds
from hub.air.site import Site
from hub.language import remember, switched
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Parts
from hub.toasts import Toast

ROWS = 100
_ORDER = ("failed", "rejected", "silent", "unsent", "away", "open", "accepted", "done")
_LEFT = ("failed", "rejected", "silent", "unsent", "away")


@dataclass(frozen=True)
class RoundRow:
    """A cluster and its answer."""

    title: str
    path: str
    state: str
    words: str


@dataclass(frozen=True)
class RoundView:
    """`answered`: clusters that took it; `left`: that could be asked once more."""

    id: str
    kind: str
    what: str
    who: str
    at: str
    over: bool
    all: int
    answered: int
    done: int
    left: int
    rows: tuple[RoundRow, ...]
    more: int


class RoundPage:
    """Only who asked may look: others have no business with it."""

    def __init__(self, site: Site, rounds: Rounds) -> None:
        self._site = site
        self._rounds = rounds

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
            v=self._view(made, language),
            toast=self._site.toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        made = self._mine(request)
        if made is None:
            return Response(status_code=404)

        async def draw(language: Language) -> Parts:
            part = self._site.renderer.part("air_parts.html", language, "round", self._view(made, language), True)
            return {"round": part}

        return self._site.live.response(self._site.language(request), draw)

    async def _again(self, request: Request) -> Response:
        language, made = self._site.language(request), self._mine(request)
        if made is None:
            return HTMLResponse(self._site.renderer.message(language, "air.round_gone"), 404)
        nodes, areas, who = self._site.shown.registry.nodes, self._site.areas, person()
        now = self._site.shown.clock.now()
        asked = [nodes[a] for a in made.nodes if made.state(a, now) in _LEFT and a in nodes]
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

    def _view(self, made: Round, language: Language) -> RoundView:
        known, speaker = self._site.shown.registry.nodes, self._site.speaker_at(language)
        here, rows = self._site.speaker(language), []
        for address in made.nodes:
            node, outcome, state = known.get(address), made.outcomes.get(address), made.state(address, here.now)
            local = speaker(node) if node else here
            words = local.fault(outcome.fault) if outcome and state in ("failed", "rejected") else ""
            title = node.title if node else address.partition("/")[2]
            rows.append(RoundRow(title, f"/nodes/{address}", state, words or here.t(f"air.answer_{state}")))
        rows.sort(key=lambda row: _ORDER.index(row.state))
        counts = Counter(row.state for row in rows)
        return RoundView(
            id=made.id,
            kind=made.kind,
            what=made.what,
            who=made.who,
            at=here.moment(made.at),
            over=made.over,
            all=len(rows),
            answered=counts["done"] + counts["accepted"],
            done=counts["done"],
            left=sum(counts[state] for state in _LEFT),
            rows=tuple(rows[:ROWS]),
            more=max(0, len(rows) - ROWS),
        )
