"""`/reports-of-residents/notices`: planned power cuts and numbers to call, for who answers residents."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub import forms, times
from hub.forms import Fields, FormError
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.residents.answering import PATH as ABOVE
from hub.residents.notices import MOST_LINES, Cut
from hub.residents.noticing import LONGEST, Noticing
from hub.residents.site import Site
from hub.store import StoreFull

PATH = f"{ABOVE}/notices"


class NoticePages:
    """The page and its forms."""

    def __init__(self, site: Site, noticing: Noticing) -> None:
        self._site = site
        self._noticing = noticing

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.ANSWER)
        return [door.route(PATH, self._page, may), door.route(PATH, self._do, may, ["POST"])]

    async def _page(self, request: Request) -> Response:
        return self._shown(request, {})

    def _shown(self, request: Request, fields: Fields, wrong: str = "", status: int = 200) -> Response:
        known = list(self._noticing.notices.lines)
        lines = [(line.name, line.number) for line in known] + [("", "")] * min(3, MOST_LINES - len(known))
        if "name.0" in fields:
            lines = [(fields.get(f"name.{n}", ""), fields.get(f"number.{n}", "")) for n in range(len(lines))]
        return self._site.page(
            request,
            "residents_notices.html",
            status,
            cuts=self._noticing.mine(),
            areas=self._choices(request),
            fields=fields,
            wrong=wrong,
            lines=lines if self._noticing.may_lines() else None,
            longest=LONGEST,
            may_write=person().may_somewhere(Right.WRITE),
        )

    def _choices(self, request: Request) -> list[tuple[str, str]]:
        """Places in which this person may announce a cut."""
        known, may = self._noticing.areas.all(), self._noticing.may
        areas = [(str(area.place), area.name) for area in known if may(str(area.place))]
        home = str(self._noticing.places.home())
        return [(home, self._site.words(request, "residents.whole")), *areas] if may(home) else areas

    async def _do(self, request: Request) -> Response:
        fields = Fields()
        try:
            fields = await forms.read(request)
            return await self._done(request, fields)
        except FormError as error:
            return self._shown(request, fields, self._site.words(request, error.key, **error.params), 422)
        except (SQLAlchemyError, StoreFull):
            return self._shown(request, fields, self._site.words(request, "residents.not_kept"), 503)

    async def _done(self, request: Request, fields: Fields) -> Response:
        """Raises FormError, SQLAlchemyError, StoreFull."""
        done = fields.get("do", "")
        match done:
            case "cut":
                await self._noticing.announce(self._cut(fields))
            case "remove":
                done = "cut_remove"
                await self._noticing.remove(self._own(fields))
            case "draft":
                id_ = await self._noticing.draft(self._own(fields))
                return RedirectResponse(f"/bulletins/{id_}", 303)
            case "lines":
                lines = ((fields.get(f"name.{n}", ""), fields.get(f"number.{n}", "")) for n in range(MOST_LINES))
                await self._noticing.call(lines)
            case _:
                raise FormError("form.bad")
        return self._site.say(request, PATH, f"residents.done_{done}")

    def _own(self, fields: Fields) -> Cut:
        return self._noticing.own(fields.get("id", ""))

    def _cut(self, fields: Fields) -> Cut:
        """What was typed; the rest is looked at when it is announced."""
        where, why, place = fields.get("where", ""), fields.get("why", ""), fields.get("place", "")
        if not where:
            raise FormError("residents.no_where")
        self._noticing.check_place(place)
        zone = self._site.zone
        try:
            begins = times.from_form(fields.get("date", ""), fields.get("from", ""), zone)
            ends = times.from_form(fields.get("until_date") or fields.get("date", ""), fields.get("until", ""), zone)
        except ValueError as error:
            raise FormError("residents.bad_time") from error
        return Cut("", begins, ends, place, where, why)
