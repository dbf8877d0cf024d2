"""Moving one instance of a bulletin, or all of them: dragged on the week, or typed."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract.bulletins import Change, Recurrence
from hub import forms, times
from hub.bulletins import machine, sentence
from hub.bulletins.desk import Bulletins
from hub.bulletins.machine import Act, Conflict, NotNow
from hub.bulletins.model import HubBulletin, Schedule
from hub.bulletins.pages import BulletinPages
from hub.bulletins.showing import Showing
from hub.bulletins.web import Web
from hub.forms import Fields, FormError
from hub.language import translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.store import StoreFull


class Moved(Conflict):
    """Somebody changed it meanwhile; the time that was chosen still stands in the form."""

    def __init__(self, bulletin: HubBulletin) -> None:
        super().__init__(bulletin)
        self.key = "bulletins.conflict_plain"


class MovePages:
    """`/bulletins/{id}/move`."""

    def __init__(self, desk: Bulletins, showing: Showing, pages: BulletinPages, web: Web) -> None:
        self._desk = desk
        self._showing = showing
        self._pages = pages
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/bulletins/{id}/move", self._ask, somewhere(Right.WRITE)),
            door.route("/bulletins/{id}/move", self._move, somewhere(Right.WRITE), ["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        """Which instance, to when, and whether once or always."""
        bulletin = await self._pages.visible(request)
        planned = _instant(request.query_params.get("planned", ""))
        if bulletin is None or planned is None or "plan" not in self._showing.can(bulletin, person()):
            return self._pages.not_there(request)
        query, zone = request.query_params, self._showing.speaker("vi").zone
        there = planned.astimezone(zone)
        typed = {"date": query.get("date") or f"{there:%Y-%m-%d}", "time": query.get("time") or f"{there:%H:%M}"}
        return self._asked(request, bulletin, planned, typed)

    def _asked(
        self,
        request: Request,
        bulletin: HubBulletin,
        planned: datetime,
        typed: dict[str, str],
        notice: str = "",
    ) -> Response:
        language = self._web.language(request)
        speak = self._showing.speaker(language)
        return self._web.page(
            request,
            "bulletins_move.html",
            409 if notice else 200,
            v=self._showing.card(bulletin, person(), language),
            number=bulletin.number,
            planned=planned.isoformat(),
            before=times.dated(planned, speak.zone, language),
            again=bulletin.schedule is not None and bulletin.schedule.recurrence is not None,
            typed=typed,
            notice=notice,
            signs=self._showing.signs(bulletin, person()),
        )

    async def _move(self, request: Request) -> Response:
        bulletin = await self._pages.visible(request)
        if bulletin is None or "plan" not in self._showing.can(bulletin, person()):
            return self._pages.not_there(request)
        t, zone = translator(self._web.language(request)), self._showing.speaker("vi").zone
        fields: Fields = {}
        try:
            fields = await forms.read(request)
            to = _typed(fields, zone)
            await self._change(bulletin, fields, to)
        except (FormError, NotNow) as no:
            now = no.bulletin if isinstance(no, Conflict) else bulletin
            planned = _instant(fields.get("planned", "")) or self._showing.speaker("vi").now
            typed = {"date": fields.get("date", ""), "time": fields.get("time", "")}
            return self._asked(request, now, planned, typed, t(no.key, **no.params))
        there = to.astimezone(zone)
        told = t("plan.moved_to", title=bulletin.content.title, at=f"{there:%H:%M %d/%m/%Y}")
        return self._web.said(f"/bulletins/week?from={there:%Y-%m-%d}", told, True)

    async def _change(self, bulletin: HubBulletin, fields: Fields, to: datetime) -> None:
        """Raises NotNow, FormError."""
        planned, number = _instant(fields.get("planned", "")), fields.get("number", "")
        if planned is None or not number.isdigit() or len(number) > 9:
            raise FormError("form.bad")
        once, seen = fields.get("how") != "all", int(number)
        try:
            await self._desk.change(bulletin.id, lambda b: self._moved(b, planned, to, seen, once=once), Act.PLAN)
        except Conflict as conflict:
            raise Moved(conflict.bulletin) from conflict
        except (SQLAlchemyError, StoreFull) as error:
            raise NotNow("bulletins.not_kept") from error

    def _moved(self, bulletin: HubBulletin, planned: datetime, to: datetime, number: int, *, once: bool) -> HubBulletin:
        zone, now = self._showing.speaker("vi").zone, self._showing.speaker("vi").now
        schedule = bulletin.schedule
        if schedule is None:
            raise NotNow("plan.no_time")
        if to < now and (once or schedule.recurrence is None):
            raise NotNow("form.past", at=f"{to.astimezone(zone):%H:%M %d/%m/%Y}")
        moved = moved_once(schedule, planned, to) if once else moved_all(schedule, planned, to, zone)
        signs = self._showing.signs(bulletin, person())
        return machine.plan(bulletin, bulletin.targets, moved, self._desk.doing(number), signs=signs)


def moved_once(schedule: Schedule, planned: datetime, to: datetime) -> Schedule:
    """Only that instance is at another time. Raises NotNow where there are too many of such."""
    again = schedule.recurrence
    if again is None:
        return Schedule(at=to)
    others = [change for change in again.changes if change.planned != planned]
    changes = others if to == planned else [*others, Change(planned=planned, at=to)]
    try:
        dumped = again.model_dump(by_alias=True)
        return schedule.model_copy(update={"recurrence": Recurrence.model_validate(dumped | {"changes": changes})})
    except ValidationError as error:
        raise NotNow("plan.too_many_changes") from error


def moved_all(schedule: Schedule, planned: datetime, to: datetime, zone: ZoneInfo) -> Schedule:
    """The whole series is at another time of day; a weekly one that comes on one weekday also on another weekday."""
    said = sentence.sentence_of(schedule, zone)
    if said is None or schedule.recurrence is None:
        return Schedule(at=to)
    there, before = to.astimezone(zone), planned.astimezone(zone)
    shift = (there.date() - before.date()).days % 7
    changes: dict[str, object] = {"time": f"{there:%H:%M}", "left_out": ()}
    if said.kind == "weekly" and shift:
        gone = (before.weekday(), there.weekday())
        changes["days"] = tuple(sorted({gone[1] if day == gone[0] else day for day in said.days}))
    return sentence.schedule_of(replace(said, **changes), zone)  # type: ignore[arg-type]


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _typed(fields: Fields, zone: ZoneInfo) -> datetime:
    """Raises FormError."""
    try:
        return times.from_form(fields.get("date", ""), fields.get("time", ""), zone)
    except (ValueError, OverflowError) as error:
        raise FormError("form.bad_time") from error
