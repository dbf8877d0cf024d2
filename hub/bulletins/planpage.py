"""The page on which a bulletin gets its time and its places: taps only, read back as a sentence."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.bulletins import law, machine, sentence, timely
from hub.bulletins.acts import sure
from hub.bulletins.desk import Bulletins
from hub.bulletins.instants import is_known
from hub.bulletins.listening import seconds_of
from hub.bulletins.machine import Act, Conflict, Doing, NotNow
from hub.bulletins.model import HubBulletin, Targets
from hub.bulletins.pages import BulletinPages
from hub.bulletins.planview import PlanDrawing, Tapped
from hub.bulletins.scope import Scope
from hub.bulletins.sentence import Sentence
from hub.bulletins.showing import Showing
from hub.bulletins.web import Web
from hub.forms import Fields, FormError
from hub.language import translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.store import StoreFull


class PlanPage:
    """`GET` and `POST /bulletins/{id}/plan`."""

    def __init__(
        self, desk: Bulletins, scope: Scope, showing: Showing, pages: BulletinPages, drawing: PlanDrawing, web: Web
    ) -> None:
        self._desk = desk
        self._scope = scope
        self._showing = showing
        self._pages = pages
        self._drawing = drawing
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/bulletins/{id}/plan", self._get, somewhere(Right.WRITE)),
            door.route("/bulletins/{id}/plan", self._post, somewhere(Right.WRITE), ["POST"]),
        ]

    async def _get(self, request: Request) -> Response:
        bulletin = await self._mine(request)
        if bulletin is None:
            return self._pages.not_there(request)
        speak = self._showing.speaker(self._web.language(request))
        schedule = bulletin.schedule
        said = sentence.sentence_of(schedule, speak.zone) if schedule else None
        said = said or sentence.default(speak.now, speak.zone)
        sayable = schedule is not None and is_known(schedule.recurrence)
        proposed = schedule if schedule and sayable else sentence.schedule_of(said, speak.zone)
        tapped = Tapped(said, bulletin.targets, proposed, bulletin.number)
        return self._page(
            request, bulletin, tapped, notice=speak.t("plan.unsayable") if schedule and not sayable else ""
        )

    async def _mine(self, request: Request) -> HubBulletin | None:
        bulletin = await self._pages.visible(request)
        return bulletin if bulletin is not None and self._scope.may_write(person(), bulletin) else None

    async def _post(self, request: Request) -> Response:
        language, bulletin = self._web.language(request), await self._mine(request)
        if bulletin is None:
            return self._pages.not_there(request)
        t = translator(language)
        try:
            fields = await forms.read(request)
        except FormError as error:
            return self._web.said(f"/bulletins/{bulletin.id}/plan", t(error.key, **error.params), False, error.key)
        tapped = self._tapped(fields, bulletin, language)
        do = fields.get("do", "show")
        if do not in ("save", "submit", "emergency") or tapped.wrong or tapped.moved:
            return self._page(request, bulletin, tapped, notice=tapped.wrong if do != "show" else "")
        return await self._keep(request, bulletin, tapped, fields)

    async def _keep(self, request: Request, bulletin: HubBulletin, tapped: Tapped, fields: Fields) -> Response:
        """Write it down, or say why not with all that was tapped."""
        language, do = self._web.language(request), fields["do"]
        t = translator(language)
        try:
            check(self._showing, self._drawing, bulletin, tapped, hand_in=do != "save")
            await self._desk.change(bulletin.id, lambda b: self._changed(b, tapped, do, fields), Act.PLAN)
        except Conflict as conflict:
            notice = self._conflict(conflict, language)
            newer = replace(tapped, number=conflict.bulletin.number)
            return self._page(request, conflict.bulletin, newer, 409, notice=notice)
        except NotNow as no:
            params = {n: t(f"bulletins.state_{v}") if n == "state" else v for n, v in no.params.items()}
            return self._page(request, bulletin, tapped, 409, notice=t(no.key, **params))
        except (SQLAlchemyError, StoreFull):
            return self._page(request, bulletin, tapped, 503, notice=t("bulletins.not_kept"))
        done = t("plan.saved" if do == "save" else "bulletins.done_submit", title=bulletin.content.title)
        return self._web.said(f"/bulletins/{bulletin.id}", done, True)

    def _changed(self, bulletin: HubBulletin, tapped: Tapped, do: str, fields: Fields) -> HubBulletin:
        who, doing = person(), self._desk.doing(tapped.number)
        planned = bulletin.model_copy(update={"targets": tapped.targets})
        if not self._scope.may_write(who, planned):
            raise NotNow("plan.not_your_place")
        kept = sentence.keep_changes(tapped.schedule, bulletin.schedule, self._zone) if tapped.schedule else None
        signs = self._showing.signs(planned, who)
        after = machine.plan(bulletin, tapped.targets, kept, doing, signs=signs)
        if do == "save" or not machine.can(after, Act.SUBMIT):
            return after
        sure(after, fields, who.may_somewhere(Right.EMERGENCY))
        return machine.submit(after, Doing(doing.at, None, doing.by, doing.name))

    @property
    def _zone(self) -> ZoneInfo:
        return self._showing.speaker("vi").zone

    def _conflict(self, conflict: Conflict, language: Language) -> str:
        speak, last = self._showing.speaker(language), conflict.bulletin.history[-1]
        what = speak.t(f"bulletins.did_{last.act}", name=last.name or speak.t("bulletins.the_hub"))
        return speak.t("plan.conflict", what=what, at=speak.moment(last.at))

    def _tapped(self, fields: Fields, bulletin: HubBulletin, language: Language) -> Tapped:
        """What the form says, with what is wrong in it. Nothing that was tapped is lost."""
        zone, t = self._zone, translator(language)
        places = tuple(dict.fromkeys(v for n, v in fields.items() if n.startswith("place.") and len(v) <= 120))
        number = int(fields["number"]) if fields.get("number", "").isdigit() and len(fields["number"]) < 10 else 0
        try:
            said = self._left_out(sentence.of_form(fields, zone), fields.get("do", ""))
            chosen, said = said, sentence.ahead(said, self._showing.speaker(language).now, zone)
            schedule = sentence.schedule_of(said, zone)
        except FormError as error:
            said = _as_far(fields, sentence.default(self._showing.speaker(language).now, zone))
            return Tapped(said, Targets(places=places), None, number, t(error.key, **error.params))
        return Tapped(said, Targets(places=places), schedule, number, moved=said != chosen)

    def _left_out(self, said: Sentence, do: str) -> Sentence:
        """One tap leaves an instant out, one takes it in again. Raises FormError."""
        act, _, text = do.partition(":")
        if act not in ("skip", "unskip"):
            return said
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise FormError("form.bad") from error
        others = tuple(each for each in said.left_out if each != at)
        return replace(said, left_out=(*others, at) if act == "skip" and at.tzinfo else others)

    def _page(
        self, request: Request, bulletin: HubBulletin, tapped: Tapped, status: int = 200, notice: str = ""
    ) -> Response:
        values = self._drawing.values(bulletin, tapped, self._web.language(request))
        refused = request.method == "POST" and "hx-request" not in request.headers  # not while somebody still chooses
        return self._web.page(request, "bulletins_plan.html", status, **values, notice=notice, refused=refused)


def check(showing: Showing, drawing: PlanDrawing, bulletin: HubBulletin, tapped: Tapped, *, hand_in: bool) -> None:
    """Raises NotNow for what nodes would refuse."""
    speak, schedule = showing.speaker("vi"), tapped.schedule
    if schedule is None:
        raise NotNow("plan.no_time")
    if not is_known(schedule.recurrence):
        raise NotNow("plan.unsayable")
    if schedule.recurrence is None and schedule.at <= speak.now:
        raise NotNow("form.past", at=f"{schedule.at.astimezone(speak.zone):%H:%M %d/%m/%Y}")
    if not showing.next_ten(schedule, "vi", 1):
        raise NotNow("plan.never")
    if hand_in or bulletin.released is not None:
        timely.check(schedule, speak.now, speak.zone)
    if hand_in and not tapped.targets.places:
        raise NotNow("plan.no_place")
    if hand_in and (unlawful := drawing.against(bulletin, tapped).unlawful):
        raise law.refusal(unlawful[0], seconds_of(bulletin))


def _as_far(fields: Fields, plain: Sentence) -> Sentence:
    """What was tapped so far, where it makes no sentence yet."""
    kind = fields.get("kind", "")
    prefix = {"weekly": "wd.", "monthly": "md.", "lunar": "ld."}.get(kind, "-")
    days = tuple(int(n[3:]) for n in fields if n.startswith(prefix) and n[3:].isdigit() and len(n) < 6)
    hour = fields.get("time", "")[:5]
    return replace(plain, kind=kind if kind in sentence.KINDS else plain.kind, time=hour or plain.time, days=days)
