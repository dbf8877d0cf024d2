"""A resident's report on its way in: the same for the form and for the API."""

import re
from dataclasses import dataclass
from datetime import timedelta

from hub.clock import Clock
from hub.forms import FormError
from hub.residents.guard import REPORTS, REPORTS_S, Often
from hub.residents.places import Places, kept
from hub.residents.reports import Kind, Report, Reports
from hub.residents.settings import Residents

LONGEST = 1000
PHONE = re.compile(r"\+?\d{8,15}")


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody tells. `where`: the code of an area or a pole; empty: the commune. `phone`: empty if untold.

    `commune`: which one, where there are several.
    """

    kind: str
    words: str
    where: str = ""
    phone: str = ""
    commune: str = ""


class Filing:
    """Looks at what comes, and keeps it; from one address only so many in an hour, from all so many a day."""

    def __init__(self, reports: Reports, places: Places, settings: Residents, clock: Clock) -> None:
        self._reports = reports
        self._places = places
        self._settings = settings
        self._clock = clock
        self._often = Often(clock, REPORTS, REPORTS_S)

    @property
    def is_open(self) -> bool:
        """Whether the commune wants reports of everybody."""
        return self._settings.public

    def full(self, address: str) -> bool:
        """Whether so many came from this address that no more is taken now."""
        return self._often.full(address)

    def read(self, told: Told, photo: str) -> Report:
        """What can be kept; `photo`: the name of its file. Raises FormError."""
        if told.kind not in list(Kind):
            raise FormError("residents.no_kind")
        if len(told.words) < 5:
            raise FormError("residents.no_words")
        if len(told.words) > LONGEST:
            raise FormError("form.too_long", limit=LONGEST)
        phone = re.sub(r"[\s.()-]", "", told.phone)
        if phone and not PHONE.fullmatch(phone):
            raise FormError("residents.bad_phone")
        place = self._places.find(told.where) if told.where else self._places.home(told.commune)
        if place is None:
            raise FormError("residents.bad_place")
        thing = kept(place) if place.node else ""
        now = self._clock.now()
        return Report("", now, Kind(told.kind), kept(place), told.words, phone, photo, thing=thing)

    async def take(self, report: Report, address: str) -> Report:
        """Keep it; it has its number then. Raises FormError, SQLAlchemyError, StoreFull."""
        if self.full(address):
            raise FormError("residents.too_many")
        if await self._reports.since(self._clock.now() - timedelta(days=1)) >= self._settings.reports_per_day:
            raise FormError("residents.full")
        made = await self._reports.add(report)
        self._often.count(address)
        return made

    def drop(self, photo: str) -> None:
        """The photo of a report that was not taken."""
        if photo:
            (self._reports.folder / photo).unlink(missing_ok=True)


BUSY = frozenset({"residents.too_many", "residents.full", "residents.busy"})
"""Why a report is not taken now, though nothing is wrong with it."""
