"""`/reports-of-residents/notices`: planned power cuts and numbers to call, for who answers residents."""

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub import forms, times
from hub.bulletins.desk import Bulletins
from hub.forms import Fields, FormError
from hub.language import sentence
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door, somewhere
from hub.people.rights import Place, Right
from hub.residents.answering import PATH as ABOVE
from hub.residents.answering import drafted
from hub.residents.notices import MOST_CUTS, MOST_LINES, Cut, Line, Notices
from hub.residents.places import Places
from hub.residents.site import Site
from hub.store import StoreFull

PATH = f"{ABOVE}/notices"
LONGEST = 300


class NoticePages:
    """The page and its forms."""

    def __init__(
        self, site: Site, notices: Notices, places: Places, areas: Areas, audit: Audit, desk: Bulletins
    ) -> None:
        self._site = site
        self._notices = notices
        self._places = places
        self._areas = areas
        self._audit = audit
        self._desk = desk

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.ANSWER)
        return [door.route(PATH, self._page, may), door.route(PATH, self._do, may, ["POST"])]

    async def _page(self, request: Request) -> Response:
        return self._shown(request, {})

    def _shown(self, request: Request, fields: Fields, wrong: str = "", status: int = 200) -> Response:
        mine = [cut for cut in self._notices.cuts() if self._may(cut.place)]
        known = list(self._notices.lines)
        lines = [(line.name, line.number) for line in known] + [("", "")] * min(3, MOST_LINES - len(known))
        if "name.0" in fields:
            lines = [(fields.get(f"name.{n}", ""), fields.get(f"number.{n}", "")) for n in range(len(lines))]
        return self._site.page(
            request,
            "residents_notices.html",
            status,
            cuts=mine,
            areas=self._choices(request),
            fields=fields,
            wrong=wrong,
            lines=lines if self._may_lines() else None,
            longest=LONGEST,
            may_write=person().may_somewhere(Right.WRITE),
        )

    def _choices(self, request: Request) -> list[tuple[str, str]]:
        """Places in which this person may announce a cut."""
        areas = [(str(a.place), a.name) for a in self._areas.all() if person().may(Right.ANSWER, a.place)]
        home = str(self._places.home())
        return [(home, self._site.words(request, "residents.whole")), *areas] if self._may(home) else areas

    def _may(self, place: str) -> bool:
        return person().may(Right.ANSWER, Place.parse(place))

    def _may_lines(self) -> bool:
        return any(place.is_wide for place in person().places(Right.ANSWER))

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
        match fields.get("do"):
            case "cut":
                cut = await self._notices.write(self._cut(fields))
                self._audit.note("resident.cut", cut.place, cut.where)
                return self._site.say(request, PATH, "residents.done_cut")
            case "remove":
                cut = self._own(fields)
                self._audit.note("resident.cut_remove", cut.place, cut.where)
                await self._notices.remove(cut.id)
                return self._site.say(request, PATH, "residents.done_cut_remove")
            case "draft":
                return await self._draft(self._own(fields))
            case "lines":
                lines = self._lines(fields)
                self._audit.note("resident.lines", "", ", ".join(line.number for line in lines))
                await self._notices.call(lines)
                return self._site.say(request, PATH, "residents.done_lines")
            case _:
                raise FormError("form.bad")

    def _own(self, fields: Fields) -> Cut:
        cut = self._notices.cut(fields.get("id", ""))
        if cut is None or not self._may(cut.place):
            raise FormError("residents.no_cut")
        return cut

    def _cut(self, fields: Fields) -> Cut:
        where, why, place = fields.get("where", ""), fields.get("why", ""), fields.get("place", "")
        if not where:
            raise FormError("residents.no_where")
        if len(where) > LONGEST or len(why) > LONGEST:
            raise FormError("form.too_long", limit=LONGEST)
        known = {str(self._places.home()), *(str(area.place) for area in self._areas.all())}
        if place not in known or not self._may(place):
            raise FormError("residents.bad_place")
        zone = self._site.zone
        try:
            begins = times.from_form(fields.get("date", ""), fields.get("from", ""), zone)
            ends = times.from_form(fields.get("until_date") or fields.get("date", ""), fields.get("until", ""), zone)
        except ValueError as error:
            raise FormError("residents.bad_time") from error
        if ends <= begins or ends <= self._site.clock.now():
            raise FormError("residents.bad_span")
        if len(self._notices.cuts()) >= MOST_CUTS:
            raise FormError("residents.many_cuts", limit=MOST_CUTS)
        return Cut("", begins, ends, place, where, why)

    def _lines(self, fields: Fields) -> tuple[Line, ...]:
        if not self._may_lines():
            raise FormError("residents.not_all")
        found = []
        for n in range(MOST_LINES):
            name, number = fields.get(f"name.{n}", ""), fields.get(f"number.{n}", "")
            if not name and not number:
                continue
            digits = "".join(c for c in number if c not in " .-()")
            if not name or len(name) > 100 or not digits.removeprefix("+").isdigit() or not 3 <= len(digits) <= 15:
                raise FormError("residents.bad_line", line=n + 1)
            found.append(Line(name, number))
        return tuple(found)

    async def _draft(self, cut: Cut) -> Response:
        """The cut as a draft of a bulletin."""
        if not person().may_somewhere(Right.WRITE):
            raise FormError("residents.may_not_write")
        zone = self._site.zone
        begins, ends = (f"{at.astimezone(zone):%H:%M ngày %d/%m/%Y}" for at in (cut.begins, cut.ends))
        words = {"begins": begins, "ends": ends, "where": cut.where, "why": cut.why}
        text = sentence("vi", "residents.cut_text", **words).strip()
        id_ = await drafted(self._desk, sentence("vi", "residents.cut_title"), text)
        self._audit.note("resident.draft", cut.place, cut.where, bulletin=id_)
        return RedirectResponse(f"/bulletins/{id_}", 303)
