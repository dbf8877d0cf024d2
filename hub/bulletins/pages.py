"""The pages of bulletins that are looked at: the lists, the story of each, and their live parts."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import times
from hub.bulletins import listening, machine
from hub.bulletins.desk import Bulletins
from hub.bulletins.dispatch import Dispatch
from hub.bulletins.model import HubBulletin, State, Step
from hub.bulletins.scope import Scope
from hub.bulletins.showing import Card, Place, Showing
from hub.bulletins.web import Web
from hub.language import translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Person, Right
from hub.plain import plain
from hub.render import Parts

TABS = ("mine", "waiting", "planned", "trouble", "past")
MOST = 200
"""Cards on a page."""
_PLANNED = (State.APPROVED, State.DISTRIBUTED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows."""

    show: str
    search: str = ""

    @classmethod
    def of(cls, request: Request) -> "Wanted":
        """As the address says."""
        show = request.query_params.get("show", "")
        return cls(show if show in TABS else "mine", request.query_params.get("q", "")[:100].strip())


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cluster that did not answer, will not take it, missed it or was not heard."""

    title: str
    path: str
    place: Place


class BulletinPages:
    """What is looked at."""

    def __init__(
        self,
        desk: Bulletins,
        dispatch: Dispatch,
        scope: Scope,
        showing: Showing,
        web: Web,
    ) -> None:
        self._desk = desk
        self._dispatch = dispatch
        self._scope = scope
        self._showing = showing
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/bulletins", self._list, somewhere(Right.SEE)),
            door.route("/bulletins/live", self._list_live, somewhere(Right.SEE)),
            door.route("/bulletins/{id}", self._one, somewhere(Right.SEE)),
            door.route("/bulletins/{id}/live", self._one_live, somewhere(Right.SEE)),
        ]

    async def visible(self, request: Request) -> HubBulletin | None:
        """The bulletin of the address, if this person may see it."""
        found = await self._desk.get(str(request.path_params["id"]))
        return found if found is not None and self._scope.may_see(person(), found) else None

    def not_there(self, request: Request) -> Response:
        """The answer for one that is not there, or not for these eyes."""
        return HTMLResponse(self._web.renderer.message(self._web.language(request), "bulletins.gone"), 404)

    async def _list(self, request: Request) -> Response:
        language, wanted = self._web.language(request), Wanted.of(request)
        cards, troubles = await self._cards(wanted, person(), language)
        return self._web.page(
            request,
            "bulletins_list.html",
            wanted=wanted,
            tabs=TABS,
            cards=cards,
            troubles=troubles,
            may_write=person().may_somewhere(Right.WRITE),
            may_approve=person().may_somewhere(Right.APPROVE),
            waiting=self._waiting(person()),
        )

    async def _list_live(self, request: Request) -> Response:
        wanted, who = Wanted.of(request), person()

        async def draw(language: Language) -> Parts:
            cards, troubles = await self._cards(wanted, who, language)
            part = self._web.part(language, "cards", wanted, cards, troubles)
            return {"bulletins": part}

        return self._web.live.response(self._web.language(request), draw)

    def _waiting(self, who: Person) -> int:
        """How many wait for this person's approval."""
        submitted = [b for b in self._desk.open.values() if b.state is State.SUBMITTED]
        return sum("approve" in self._showing.can(bulletin, who) for bulletin in submitted)

    async def _cards(self, wanted: Wanted, who: Person, language: Language) -> tuple[list[Card], list[Trouble]]:
        if wanted.show == "trouble":
            return [], self._troubles(who, language)
        past = wanted.show == "past"
        found = list(self._desk.open.values())
        over = {bulletin.id for bulletin in found if self._showing.came(bulletin) in ("aired", "partly", "missed")}
        if past:
            found = [*(bulletin for bulletin in found if bulletin.id in over), *await self._desk.past(MOST)]
        seen = [b for b in found if self._scope.may_see(who, b) and _in_tab(b, wanted.show, who, b.id in over)]
        words = plain(wanted.search)
        if words:
            seen = [bulletin for bulletin in seen if words in plain(bulletin.content.title)]
        seen.sort(key=lambda bulletin: bulletin.changed, reverse=True)
        cards = []
        for bulletin in seen[:MOST]:
            rows = await self._dispatch.past(bulletin.id) if past else None
            cards.append(self._showing.card(bulletin, who, language, rows))
        if wanted.show == "planned":
            cards.sort(key=lambda card: (not card.next, self._next_of(card.id)))
        return cards, []

    def _next_of(self, id_: str) -> str:
        bulletin = self._desk.open.get(id_)
        schedule = bulletin.schedule if bulletin else None
        ten = self._showing.next_ten(schedule, "vi", 1) if schedule else []
        return ten[0].at if ten else ""

    def _troubles(self, who: Person, language: Language) -> list[Trouble]:
        found: list[Trouble] = []
        for bulletin in self._desk.open.values():
            if bulletin.released is not None and self._scope.may_see(who, bulletin):
                places = self._showing.places(self._dispatch.of(bulletin.id), who, language)
                path = f"/bulletins/{bulletin.id}"
                found += [Trouble(bulletin.content.title, path, place) for place in places if place.bad]
        return found[:MOST]

    async def _one(self, request: Request) -> Response:
        language, bulletin = self._web.language(request), await self.visible(request)
        if bulletin is None:
            return self.not_there(request)
        return self._web.page(request, "bulletins_one.html", **await self._story(bulletin, person(), language))

    async def _one_live(self, request: Request) -> Response:
        who, first = person(), await self.visible(request)
        if first is None:
            return self.not_there(request)

        async def draw(language: Language) -> Parts:
            bulletin = await self._desk.get(first.id)
            if bulletin is None or not self._scope.may_see(who, bulletin):
                return {}
            story = await self._story(bulletin, who, language)
            parts: Parts = {}
            for name, what in (("head", "v"), ("places", "places"), ("history", "history")):
                part = self._web.part(language, name, story[what])
                parts[f"bulletin_{name}"] = part
            return parts

        return self._web.live.response(self._web.language(request), draw)

    async def _story(self, bulletin: HubBulletin, who: Person, language: Language) -> dict[str, Any]:
        rows = await self._dispatch.past(bulletin.id)
        schedule = bulletin.schedule
        missed = self._showing.came(bulletin, rows) == "missed"
        return {
            "v": self._showing.card(bulletin, who, language, rows),
            "places": self._showing.places(rows, who, language),
            "ten": self._showing.next_ten(schedule, language) if schedule else [],
            "versions": listening.parts(bulletin, language),
            "silent": listening.silent(bulletin, language),
            "length": listening.length(bulletin, translator(language)),
            "history": [self._step(step, missed, language) for step in reversed(bulletin.history)],
        }

    def _step(self, step: Step, missed: bool, language: Language) -> tuple[str, str, str]:
        speak = self._showing.speaker(language)
        key = (
            "bulletins.did_finish_missed" if missed and step.act == machine.Act.FINISH else f"bulletins.did_{step.act}"
        )
        done = translator(language)(key, name=step.name or speak.t("bulletins.the_hub"))
        return times.dated(step.at, speak.zone, language), done, step.word


def _in_tab(bulletin: HubBulletin, show: str, who: Person, over: bool) -> bool:
    match show:
        case "mine":
            return bulletin.created_by == who.id or who.id in machine.authors(bulletin)
        case "waiting":
            return bulletin.state is State.SUBMITTED
        case "planned":
            return not over and (bulletin.state in _PLANNED or bulletin.released is not None)
        case _:
            return True
