"""The as-aired log for whoever asks, as CSV and as a PDF: the same for the page and for the API."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from edge_agent.contract.sentences import Language
from hub.aired import files, month, rows
from hub.aired.paper import Job, local_now
from hub.aired.rows import Wanted
from hub.language import translator
from hub.people.acting import person
from hub.people.rights import EVERYWHERE, Place, Right
from hub.plain import area_id
from hub.printing import Busy, Printer
from hub.shown import Shown
from hub.store import Store

CHUNK = 500
"""Rows of a CSV that are read at a time: whoever fetches it slowly holds no connection."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows: of a month, a commune or node, `show` (all, aired, ...), and class; empty: all."""

    month: str
    where: str = ""
    show: str = ""
    class_: str = ""

    @property
    def file(self) -> str:
        """A name for a file of them."""
        return "-".join(part for part in ("aired", self.month, self.where.replace("/", "-"), self.show) if part)


class NoPaper(Exception):
    """No PDF was made. `key` says why, `status` as HTTP does."""

    def __init__(self, key: str, status: int) -> None:
        super().__init__(key)
        self.key = key
        self.status = status


class AiredBook:
    """Only reads; of the places where the acting person has the right that is named. All raise SQLAlchemyError."""

    def __init__(self, shown: Shown, store: Store) -> None:
        self._shown = shown
        self._store = store
        self._printer = Printer("hub.aired.paper")

    def choice(self, month_: str, where: str, show: str, class_: str) -> Choice:
        """Of this month, if none is named."""
        now = month.month_of(self._shown.clock.now(), self._shown.zone)
        return Choice(month_ or now, where, show, class_)

    async def wanted(self, choice: Choice, right: Right) -> Wanted:
        """What is asked for, of what the reader may see. Raises month.Unclear."""
        wanted = month.wanted(choice.month, self._shown.zone, choice.where, choice.show, choice.class_)
        places = person().places(right)
        if EVERYWHERE in places:
            return wanted
        zones = await self._store.read(rows.zones) if any(place.area for place in places) else {}
        return replace(wanted, within=within(places, zones))

    async def lines(self, wanted: Wanted) -> AsyncIterator[str]:
        """The CSV, a piece at a time."""
        names = await self._store.read(rows.names)
        head, after = True, None
        while True:
            found, after = await self._store.read(lambda c, last=after: rows.chunk(c, wanted, last, CHUNK))  # type: ignore[misc]
            yield "".join(files.csv_lines(found, self._shown.zone, names, head=head))
            head = False
            if after is None:
                return

    async def pdf(self, choice: Choice, wanted: Wanted, language: Language) -> bytes:
        """For signing. Raises NoPaper."""
        try:
            made, code = await self._printer.printed(self._job(choice, wanted, language).order())
        except Busy as busy:
            raise NoPaper("aired.paper_busy", 503) from busy
        if code == 3:
            raise NoPaper("aired.paper_long", 413)
        if code != 0:
            raise NoPaper("aired.paper_failed", 503)
        return made

    def _job(self, choice: Choice, wanted: Wanted, language: Language) -> Job:
        zone = self._shown.zone
        title = self._shown.name or translator(language)("page.console")
        return Job(
            *(self._store.address.render_as_string(hide_password=False), choice.month, choice.where, choice.show),
            *(choice.class_, zone.key, language, title),
            printed=local_now(zone),
            within=wanted.within,
        )


def within(places: Iterable[Place], zones: dict[str, str]) -> tuple[str, ...]:
    """Communes and addresses that lie in some places. `zones`: address -> area as the node called it."""
    found: list[str] = []
    for place in places:
        if not place.area:
            found.append(str(place))
            continue
        for address, zone in zones.items():
            commune, _, node = address.partition("/")
            if place.holds(Place(commune, area_id(zone), node)):
                found.append(address)
    return tuple(dict.fromkeys(found))
