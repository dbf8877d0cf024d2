"""`/air`: every cluster that somebody may use, a page at a time; live, but only what the page shows is drawn."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.commands import SetVolume
from edge_agent.contract.sentences import Language
from hub import forms
from hub.air.emergency_acts import EmergencyActs
from hub.air.now import ClusterView, cluster
from hub.air.proofs import Proofs
from hub.air.round_acts import RoundActs
from hub.air.rounds import Round
from hub.air.site import Site
from hub.forms import Fields, FormError
from hub.language import remember, sentence, switched
from hub.marks import Mark
from hub.node import Node
from hub.nodes.listing import Asked, Found, find, places
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Parts
from hub.store import StoreFull
from hub.toasts import Toast

SHOWS = ("on_air", "unready", "silent", "away", "faults")
_CACHED = 2000


@dataclass(frozen=True)
class AirSums:
    """Of what is listed: how many there are of each kind; how many play and can be stopped by who looks."""

    counts: tuple[tuple[str, int], ...]
    all: int
    playing: int


class AirPage:
    """The list, its live parts, and what is done to a whole place."""

    def __init__(self, site: Site, acts: RoundActs, emergencies: EmergencyActs, proofs: Proofs) -> None:
        self._site = site
        self._acts = acts
        self._emergencies = emergencies
        self._proofs = proofs
        self._drawn: dict[tuple[Language, str, frozenset[str]], tuple[ClusterView, Parts]] = {}

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.SPEAK)
        return [
            door.route("/air", self._page, may),
            door.route("/air/live", self._stream, may),
            door.route("/air/stop", self._all(self._stop), may, ["POST"]),
            door.route("/air/volume", self._all(self._volume), may, ["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        language, asked = self._site.language(request), Asked.of(request.query_params)
        found = find(self._site.shown, asked)
        html = self._site.renderer.sheet_of(
            "air.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            asked=asked,
            found=found,
            sums=self._sums(asked, found),
            shows=SHOWS,
            places=places(self._site.shown),
            clusters=await self._clusters(found.nodes, language),
            rounds=self._acts.mine[:5],
            sounding=self._sounding(language),
            may_sound=person().may_somewhere(Right.EMERGENCY),
            toast=self._site.toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        asked = Asked.of(request.query_params)
        shown = [node.address for node in find(self._site.shown, asked).nodes]
        who = person()

        async def draw(language: Language) -> Parts:
            known, areas = self._site.shown.registry.nodes, self._site.shown.areas
            nodes = [known[a] for a in shown if a in known and areas.may(who, Right.SEE, a)]
            sums = self._sums(asked, find(self._site.shown, asked))
            parts = {"air-sums": self._site.renderer.part("air_parts.html", language, "sums", sums, asked, True)}
            for view in await self._clusters(nodes, language):
                parts |= self._parts(view, language)
            return parts

        return self._site.live.response(self._site.language(request), draw)

    def _sounding(self, language: Language) -> list[dict[str, str]]:
        """The last emergencies that who asks may see."""
        now, shown = self._site.shown.clock.now(), []
        for each in self._emergencies.seen[:3]:
            state = "cleared" if each.cleared else "on" if each.repeats(now) else "over"
            word = sentence(language, f"emergency.state_{state}")
            shown.append({"id": each.id, "title": each.words.title, "word": word})
        return shown

    def _sums(self, asked: Asked, found: Found) -> AirSums:
        marked = self._site.shown.registry.standings.marked[Mark.ON_AIR]
        nodes = self._acts.within(asked.place) if marked else []
        playing = sum(node.address in marked for node in nodes)
        return AirSums(tuple((show, found.counts[show]) for show in SHOWS), found.counts[""], playing)

    async def _clusters(self, nodes: Sequence[Node], language: Language) -> list[ClusterView]:
        speaker, accounts = self._site.speaker_at(language), self._site.shown.ledger.accounts
        try:
            last = await self._proofs.last(nodes)
        except SQLAlchemyError:
            last = {}
        return [
            cluster(node, accounts.get(a), last.get(a), speaker(node), self._may(node))
            for node in nodes
            for a in (node.address,)
        ]

    def _may(self, node: Node) -> frozenset[str]:
        who, place = person(), self._site.areas.place(node)
        return frozenset(right.value for right in (Right.SPEAK, Right.EMERGENCY) if who.may(right, place))

    def _parts(self, view: ClusterView, language: Language) -> Parts:
        """Drawn once for all who look, and only where it looks different than before."""
        key = (language, view.address, view.may)
        known = self._drawn.get(key)
        if known is not None and known[0] == view:
            return known[1]
        draw = self._site.renderer.part
        parts = {f"air_{view.key}": draw("air_parts.html", language, "cluster_state", view, True)}
        for speaker in view.speakers:
            parts[f"speaker_{view.key}_{speaker.id}"] = draw(
                "parts.html", language, "speaker_state", view, speaker, True
            )
        if len(self._drawn) > _CACHED:
            self._drawn.clear()
        self._drawn[key] = view, parts
        return parts

    def _all(self, act: Callable[[Fields], Round]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language = self._site.language(request)
            try:
                made = act(await forms.read(request))
            except FormError as error:
                return self._refused(sentence(language, error.key, **error.params))
            except (ValidationError, StoreFull):
                return self._refused(sentence(language, "form.bad"))
            return RedirectResponse(f"/air/rounds/{made.id}", 303)

        return endpoint

    def _refused(self, text: str) -> Response:
        return RedirectResponse(f"/air?said={self._site.toasts.keep(Toast(text, False))}", 303)

    def _stop(self, fields: Fields) -> Round:
        return self._acts.stop(fields.get("place", ""))

    def _volume(self, fields: Fields) -> Round:
        args = SetVolume.model_validate({"volume": fields.get("volume", "")})
        return self._acts.volume(args, fields.get("place", ""))
