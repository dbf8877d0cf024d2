"""Power cuts and numbers to call, as staff write them: the same for the page and for the API."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.bulletins.desk import Bulletins
from hub.clock import Clock
from hub.forms import FormError
from hub.language import sentence
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.rights import Place, Right
from hub.residents.answers import drafted
from hub.residents.notices import MOST_CUTS, Cut, Line, Notices
from hub.residents.places import Places

LONGEST = 300
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Noticing:
    """For the acting person. All acts raise FormError, SQLAlchemyError, StoreFull."""

    notices: Notices
    places: Places
    areas: Areas
    audit: Audit
    desk: Bulletins
    clock: Clock
    zone: ZoneInfo

    def mine(self) -> list[Cut]:
        """The cuts of places where the person answers residents, the next first."""
        return [cut for cut in self.notices.cuts() if self.may(cut.place)]

    def may(self, place: str) -> bool:
        """Whether they announce cuts there."""
        return person().may(Right.ANSWER, Place.parse(place))

    def may_lines(self) -> bool:
        """Whether they say which numbers everybody calls."""
        return any(place.is_wide for place in person().places(Right.ANSWER))

    def own(self, id_: str) -> Cut:
        """One of `mine`."""
        cut = self.notices.cut(id_)
        if cut is None or not self.may(cut.place):
            raise FormError("residents.no_cut")
        return cut

    async def announce(self, cut: Cut) -> Cut:
        """A new one, which is checked; its id is made here."""
        self._check(cut)
        made = await self.notices.write(cut)
        self.audit.note("resident.cut", made.place, made.where)
        return made

    async def remove(self, cut: Cut) -> None:
        """It will not be."""
        self.audit.note("resident.cut_remove", cut.place, cut.where)
        await self.notices.remove(cut.id)

    async def call(self, lines: Iterable[tuple[str, str]]) -> tuple[Line, ...]:
        """Other numbers to call, each with its name, in the order of the page; those without both are left out."""
        kept = self._lines(lines)
        self.audit.note("resident.lines", "", ", ".join(line.number for line in kept))
        await self.notices.call(kept)
        return kept

    async def draft(self, cut: Cut) -> str:
        """The cut as a draft of a bulletin; its id."""
        if not person().may_somewhere(Right.WRITE):
            raise FormError("residents.may_not_write")
        begins, ends = (f"{at.astimezone(self.zone):%H:%M ngày %d/%m/%Y}" for at in (cut.begins, cut.ends))
        words = {"begins": begins, "ends": ends, "where": cut.where, "why": cut.why}
        text = sentence("vi", "residents.cut_text", **words).strip()
        id_ = await drafted(self.desk, sentence("vi", "residents.cut_title"), text)
        self.audit.note("resident.draft", cut.place, cut.where, bulletin=id_)
        return id_

    def _check(self, cut: Cut) -> None:
        if not cut.where:
            raise FormError("residents.no_where")
        if len(cut.where) > LONGEST or len(cut.why) > LONGEST:
            raise FormError("form.too_long", limit=LONGEST)
        self.check_place(cut.place)
        if cut.ends <= cut.begins or cut.ends <= self.clock.now():
            raise FormError("residents.bad_span")
        if len(self.notices.cuts()) >= MOST_CUTS:
            raise FormError("residents.many_cuts", limit=MOST_CUTS)

    def check_place(self, place: str) -> None:
        """A place that there is, and where they answer."""
        known = {str(self.places.home()), *(str(area.place) for area in self.areas.all())}
        if place not in known or not self.may(place):
            raise FormError("residents.bad_place")

    def _lines(self, lines: Iterable[tuple[str, str]]) -> tuple[Line, ...]:
        if not self.may_lines():
            raise FormError("residents.not_all")
        found = []
        for n, (name, number) in enumerate(lines, 1):
            if not name and not number:
                continue
            digits = "".join(c for c in number if c not in " .-()")
            bad = not digits.isascii() or not digits.removeprefix("+").isdigit() or not 3 <= len(digits) <= 15
            if not name or len(name) > LONGEST_NAME or bad:
                raise FormError("residents.bad_line", line=n)
            found.append(Line(name, number))
        return tuple(found)
