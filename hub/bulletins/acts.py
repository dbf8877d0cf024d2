"""What people do with a bulletin but writing and planning: hand in, take back, approve, send back, cancel."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.bulletins import law, listening, machine, timely
from hub.bulletins.desk import Bulletins, Change
from hub.bulletins.machine import Act, Conflict, Doing, NotNow
from hub.bulletins.model import HubBulletin, Schedule, State
from hub.bulletins.pages import BulletinPages
from hub.bulletins.planview import PlanDrawing
from hub.bulletins.scope import Scope
from hub.bulletins.settings import Approval
from hub.bulletins.showing import Showing
from hub.bulletins.web import Web
from hub.forms import Fields, FormError
from hub.language import translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.outcomes import not_done
from hub.people.rights import Right
from hub.render import Parts
from hub.store import StoreFull

LONGEST_WORD = 1000
HURRY = timedelta(minutes=15)
"""So long before its instant it is said until when it must be signed."""


@dataclass(frozen=True, slots=True)
class Form:
    """What came of a form. `seen`: the number of the bulletin that the person looked at."""

    fields: Fields
    seen: int
    word: str

    @classmethod
    async def read(cls, request: Request) -> "Form":
        """Raises FormError."""
        fields = await forms.read(request)
        number = fields.get("number", "")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise FormError("form.bad")
        word = fields.get("word", "")
        if len(word) > LONGEST_WORD:
            raise FormError("form.too_long", limit=LONGEST_WORD)
        return cls(fields, int(number), word)


class Refusing(NotNow):
    """Not with these rights."""

    def __init__(self) -> None:
        super().__init__("bulletins.no_right")


class BulletinActs:
    """The forms, and the page of those who approve."""

    def __init__(
        self,
        desk: Bulletins,
        scope: Scope,
        showing: Showing,
        drawing: PlanDrawing,
        pages: BulletinPages,
        rules: Approval,
        web: Web,
    ) -> None:
        self._desk = desk
        self._scope = scope
        self._showing = showing
        self._drawing = drawing
        self._pages = pages
        self._rules = rules
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        write = (Act.SUBMIT, Act.TAKE_BACK, Act.CANCEL)
        sign = (Act.APPROVE, Act.SEND_BACK)
        return [
            *(door.route(f"/bulletins/{{id}}/{a}", self._act(a), somewhere(Right.WRITE), ["POST"]) for a in write),
            *(door.route(f"/bulletins/{{id}}/{a}", self._act(a), somewhere(Right.APPROVE), ["POST"]) for a in sign),
            door.route("/bulletins/{id}/again", self._again, somewhere(Right.WRITE), ["POST"]),
            door.route("/approve", self._approve_page, somewhere(Right.APPROVE)),
            door.route("/approve/live", self._approve_live, somewhere(Right.APPROVE)),
        ]

    def _act(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language, bulletin = self._web.language(request), await self._pages.visible(request)
            if bulletin is None:
                return self._pages.not_there(request)
            form = Form({}, 0, "")
            try:
                form = await Form.read(request)
                changed = await self._desk.change(bulletin.id, self._changing(act, form), act)
            except (NotNow, FormError) as no:
                return await self._refused(request, bulletin, act, form, no, language)
            except (SQLAlchemyError, StoreFull):
                return await self._refused(request, bulletin, act, form, NotNow("bulletins.not_kept"), language)
            told = self._done(act, changed, form, language)
            where = "/approve" if act in (Act.APPROVE, Act.SEND_BACK) else f"/bulletins/{bulletin.id}"
            return self._web.said(where, told, True)

        return endpoint

    def _changing(self, act: Act, form: Form) -> Change:
        if act is Act.SUBMIT:
            handing = changing(self._desk, self._showing, self._rules, act, form)
            return lambda bulletin: self._lawful(handing(bulletin))
        if act is not Act.APPROVE or form.fields.get("soonest") != "yes":
            return changing(self._desk, self._showing, self._rules, act, form)
        signing = changing(self._desk, self._showing, self._rules, act, replace(form, seen=form.seen + 1))
        return lambda bulletin: signing(self._sooner(bulletin, form))

    def _lawful(self, bulletin: HubBulletin) -> HubBulletin:
        """A plan that was kept in a draft may stand outside the hours of the law. Raises NotNow."""
        if unlawful := self._drawing.hindered(bulletin).unlawful:
            raise law.refusal(unlawful[0], listening.seconds_of(bulletin))
        return bulletin

    def _sooner(self, bulletin: HubBulletin, form: Form) -> HubBulletin:
        """The same at the first instant that nodes can keep. Raises NotNow."""
        at = timely.soonest(self._showing.speaker("vi").now, signed=True)
        planned = bulletin.model_copy(update={"schedule": Schedule(at=at)})
        if bulletin.schedule is None or bulletin.schedule.recurrence is not None:
            raise NotNow("plan.no_time")
        if self._drawing.hindered(planned).unlawful:
            raise NotNow("approve.soonest_unlawful")
        return machine.plan(bulletin, bulletin.targets, planned.schedule, self._desk.doing(form.seen), signs=False)

    def _done(self, act: Act, changed: HubBulletin, form: Form, language: Language) -> str:
        t, title = translator(language), changed.content.title
        if act is Act.APPROVE and not self._scope.nodes(changed.targets):
            return t("bulletins.done_approve_nobody", title=title)
        if act in (Act.APPROVE, Act.CANCEL) and self._showing.is_kept(changed):
            return t(f"bulletins.done_{act}_later", title=title)
        if act is Act.APPROVE and form.fields.get("soonest") == "yes" and changed.schedule:
            at = self._showing.speaker(language).moment(changed.schedule.at)
            return t("bulletins.done_approve_soonest", title=title, at=at)
        return t(f"bulletins.done_{act}", title=title)

    async def _refused(
        self, request: Request, seen: HubBulletin, act: Act, form: Form, no: NotNow | FormError, language: Language
    ) -> Response:
        """Say why, where the form was, with what was typed."""
        now = await self._desk.get(seen.id) or seen
        told = self._why(no, now, language)
        if act not in (Act.APPROVE, Act.SEND_BACK):
            return self._web.said(f"/bulletins/{seen.id}", told, False, no.key)
        cards = self._cards(language, now)
        typed = {seen.id: form.word}
        not_done(no.key, told)
        return self._web.page(request, "bulletins_approve.html", 409, cards=cards, typed=typed, notice=told)

    def _why(self, no: NotNow | FormError, now: HubBulletin, language: Language) -> str:
        t = translator(language)
        if isinstance(no, Conflict):
            last = now.history[-1]
            speak = self._showing.speaker(language)
            what = t(f"bulletins.did_{last.act}", name=last.name or t("bulletins.the_hub"))
            return t("bulletins.conflict", what=what, at=speak.moment(last.at))
        params = dict(no.params)
        if "state" in params:
            params["state"] = t(f"bulletins.state_{params['state']}")
        return t(no.key, **params)

    async def _again(self, request: Request) -> Response:
        """Make the sound once more that could not be made."""
        language, bulletin = self._web.language(request), await self._pages.visible(request)
        if bulletin is None:
            return self._pages.not_there(request)
        try:
            await self._desk.change(bulletin.id, machine.sound_again)
        except (NotNow, SQLAlchemyError, StoreFull):
            return self._web.said(
                f"/bulletins/{bulletin.id}", translator(language)("bulletins.not_kept"), False, "bulletins.not_kept"
            )
        return self._web.said(f"/bulletins/{bulletin.id}", translator(language)("approve.making_again"), True)

    async def _approve_page(self, request: Request) -> Response:
        cards = self._cards(self._web.language(request))
        return self._web.page(request, "bulletins_approve.html", cards=cards, typed={}, notice="")

    async def _approve_live(self, request: Request) -> Response:
        """Only says that the list changed: the cards hold fields, and sounds that are being listened to."""

        async def draw(language: Language) -> Parts:
            stamp = " ".join(str(card["stamp"]) for card in self._cards(language))
            part = self._web.part(language, "changed", stamp)
            return {"approve-changed": part}

        return self._web.live.response(self._web.language(request), draw)

    def _cards(self, language: Language, first: HubBulletin | None = None) -> list[dict[str, object]]:
        who = person()
        waiting = [b for b in self._desk.open.values() if b.state is State.SUBMITTED and self._scope.may_see(who, b)]
        waiting.sort(key=lambda b: (first is None or b.id != first.id, b.schedule.at if b.schedule else b.changed))
        cards: list[dict[str, object]] = []
        here = self._showing.speaker(language)
        for bulletin in waiting:
            view = self._showing.card(bulletin, who, language)
            if not view.can & {"approve", "see_approve"}:
                continue
            ten = self._showing.next_ten(bulletin.schedule, language, 3) if bulletin.schedule else []
            silent = listening.silent(bulletin, language)
            sounding = bool(bulletin.content.unrendered) and not silent
            schedule = bulletin.schedule
            late = schedule is not None and timely.is_late(schedule, here.now, here.zone)
            near = schedule is not None and not late and schedule.at - here.now < HURRY and not schedule.recurrence
            cards.append(
                {
                    "v": view,
                    "ten": ten,
                    "versions": listening.parts(bulletin, language),
                    "silent": silent,
                    "sounding": sounding,
                    "late": late,
                    "once": schedule is not None and schedule.recurrence is None,
                    "before": here.moment(schedule.at) if near and schedule else "",
                    "nowhere": self._showing.nowhere(bulletin, language),
                    "stamp": f"{bulletin.id}:{bulletin.number}:{sounding:d}{bool(silent):d}{late:d}",
                    "length": listening.length(bulletin, translator(language)),
                }
            )
        return cards


def changing(desk: Bulletins, showing: Showing, rules: Approval, act: Act, form: Form) -> Change:
    """What an act of the acting person makes of a bulletin, by the rights that they have then."""
    who, doing = person(), desk.doing(form.seen, form.word)

    def change(bulletin: HubBulletin) -> HubBulletin:
        if act not in showing.can(bulletin, who) and machine.can(bulletin, act):
            if act is Act.APPROVE and who.id in machine.authors(bulletin):
                raise NotNow("approve.own")
            raise Refusing  # its places were changed meanwhile
        if act in (Act.SUBMIT, Act.APPROVE) and machine.can(bulletin, act) and doing.seen == bulletin.number:
            here = showing.speaker("vi")
            timely.check(bulletin.schedule, here.now, here.zone)
        return _changed(bulletin, act, form, doing, rules)

    return change


def _changed(bulletin: HubBulletin, act: Act, form: Form, doing: Doing, rules: Approval) -> HubBulletin:
    match act:
        case Act.SUBMIT:
            sure(bulletin, form.fields, person().may_somewhere(Right.EMERGENCY))
            return machine.submit(bulletin, doing)
        case Act.TAKE_BACK:
            return machine.take_back(bulletin, doing)
        case Act.CANCEL:
            return machine.cancel(bulletin, doing)
        case Act.SEND_BACK:
            return machine.send_back(bulletin, doing)
        case _:
            sure(bulletin, form.fields, person().may_somewhere(Right.EMERGENCY))
            own, unheard = rules.may_own(person()), form.fields.get("unheard") == "yes"
            return machine.approve(bulletin, doing, own_allowed=own, unheard=unheard)


def sure(bulletin: HubBulletin, fields: Fields, may: bool) -> None:
    """An emergency is only let through by the button that stands beside what it does. Raises NotNow."""
    if bulletin.content.class_ != "emergency":
        return
    if not may:
        raise NotNow("bulletins.no_emergency")
    if fields.get("do") != "emergency":
        raise NotNow("bulletins.sure_emergency")
