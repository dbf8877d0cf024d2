"""The week as a grid on wide screens, as an agenda on phones."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import lunar, times
from hub.bulletins.desk import Bulletins
from hub.bulletins.dispatch import Dispatch
from hub.bulletins.instants import instances
from hub.bulletins.model import HubBulletin, Schedule
from hub.bulletins.scope import Scope
from hub.bulletins.showing import TROUBLES, Showing
from hub.bulletins.web import Web
from hub.language import translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Person, Right
from hub.render import Parts

FIRST, LAST = 5, 21
"""Hours that the grid always shows."""
MOST = 2000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """An instance on the calendar. `move`: the address that moves it, empty where this person may not."""

    id: str
    title: str
    path: str
    move: str
    time: str
    minute: str
    class_: str
    word: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day: `hours` has the slots of each."""

    iso: str
    name: str
    lunar: str
    feast: bool
    today: bool
    slots: tuple[Slot, ...]
    hours: dict[int, list[Slot]]


class WeekPages:
    """`/bulletins/week`."""

    def __init__(self, desk: Bulletins, dispatch: Dispatch, scope: Scope, showing: Showing, web: Web) -> None:
        self._desk = desk
        self._dispatch = dispatch
        self._scope = scope
        self._showing = showing
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; before those of single bulletins."""
        return [
            door.route("/bulletins/week", self._week, somewhere(Right.SEE)),
            door.route("/bulletins/week/live", self._live, somewhere(Right.SEE)),
        ]

    async def _week(self, request: Request) -> Response:
        language, monday = self._web.language(request), self._monday(request)
        return self._web.page(
            request,
            "bulletins_week.html",
            monday=monday.isoformat(),
            before=(monday - 7 * _DAY).isoformat(),
            after=(monday + 7 * _DAY).isoformat(),
            span=f"{monday:%d/%m} – {monday + 6 * _DAY:%d/%m/%Y}",
            may_approve=person().may_somewhere(Right.APPROVE),
            **self._values(monday, person(), language),
        )

    async def _live(self, request: Request) -> Response:
        monday, who = self._monday(request), person()

        async def draw(language: Language) -> Parts:
            values = self._values(monday, who, language)
            return {"week": self._web.renderer.part("bulletins_grid.html", language, "week", *values.values(), True)}

        return self._web.live.response(self._web.language(request), draw)

    def _monday(self, request: Request) -> date:
        speak = self._showing.speaker("vi")
        try:
            day = date.fromisoformat(request.query_params.get("from", ""))
        except ValueError:
            day = times.local(speak.now, speak.zone).date()
        day = min(max(day, date(2020, 1, 10)), date(2100, 1, 1))
        return day - day.weekday() * _DAY

    def _values(self, monday: date, who: Person, language: Language) -> dict[str, Any]:
        speak = self._showing.speaker(language)
        today = times.local(speak.now, speak.zone).date()
        slots: dict[date, list[tuple[datetime, Slot]]] = {monday + n * _DAY: [] for n in range(7)}
        for bulletin in self._desk.open.values():
            if bulletin.schedule is not None and self._scope.may_see(who, bulletin):
                self._enter(slots, bulletin, bulletin.schedule, who, language)
        days = [
            self._day(day, today, sorted(found, key=lambda each: each[0]), language) for day, found in slots.items()
        ]
        hours = {FIRST, LAST} | {hour for day in days for hour in day.hours}
        return {"days": days, "hours": list(range(min(hours), max(hours) + 1))}

    def _enter(
        self,
        slots: dict[date, list[tuple[datetime, Slot]]],
        bulletin: HubBulletin,
        schedule: Schedule,
        who: Person,
        language: Language,
    ) -> None:
        zone = self._showing.speaker(language).zone
        start = datetime.combine(min(slots), time(), zone)
        rows = self._dispatch.of(bulletin.id)
        bad = any(self._showing.standing(row) in TROUBLES for row in rows if row.wanted)
        word = self._showing.state(bulletin, rows, language)
        mine = "plan" in self._showing.can(bulletin, who)
        for each in instances(schedule, start, start + 7 * _DAY, zone):
            there = each.at.astimezone(zone)
            found = slots[there.date()]
            if len(found) < MOST:
                path = f"/bulletins/{bulletin.id}"
                found.append(
                    (
                        each.at,
                        Slot(
                            id=f"s_{bulletin.id}_{each.planned:%Y%m%d%H%M}",
                            title=bulletin.content.title,
                            path=path,
                            move=f"{path}/move?planned={each.planned:%Y-%m-%dT%H:%M:%SZ}" if mine else "",
                            time=f"{there:%H:%M}",
                            minute=f"{there:%M}",
                            class_=bulletin.content.class_,
                            word=word,
                            bad=bad,
                        ),
                    )
                )

    def _day(self, day: date, today: date, found: list[tuple[datetime, Slot]], language: Language) -> Day:
        t = translator(language)
        hours: dict[int, list[Slot]] = {}
        for _, slot in found:
            hours.setdefault(int(slot.time[:2]), []).append(slot)
        name = f"{t(f'weekday.{day.weekday()}')} {day:%d/%m}"
        slots = tuple(slot for _, slot in found)
        return Day(day.isoformat(), name, lunar.words(day, t), lunar.is_feast(day), day == today, slots, hours)
