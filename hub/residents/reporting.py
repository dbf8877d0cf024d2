"""`/xa/report`: tell the commune what is broken. No account, no script; what was typed is never lost."""

import logging
import re
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.forms import Fields, FormError
from hub.people.door import PUBLIC, Door
from hub.people.kit import client
from hub.residents.guard import REPORTS, REPORTS_S, Often
from hub.residents.places import Places, kept
from hub.residents.public import PublicPages
from hub.residents.receiving import Receiver
from hub.residents.reports import Kind, Report, Reports
from hub.residents.settings import Residents
from hub.residents.site import Site
from hub.store import StoreFull

logger = logging.getLogger(__name__)

PATH = "/xa/report"
LONGEST = 1000
PHONE = re.compile(r"\+?\d{8,15}")


class Reporting:
    """The form, and what takes it."""

    def __init__(
        self, site: Site, reports: Reports, places: Places, receiver: Receiver, settings: Residents, pages: PublicPages
    ) -> None:
        self._site = site
        self._reports = reports
        self._places = places
        self._receiver = receiver
        self._settings = settings
        self._pages = pages
        self._often = Often(site.clock, REPORTS, REPORTS_S)

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        page = self._pages.open
        return [
            door.route(PATH, page(self._form), PUBLIC),
            door.route(PATH, page(self._take), PUBLIC, ["POST"]),
        ]

    async def _form(self, request: Request) -> Response:
        query = request.query_params
        return self._shown(request, {"where": query.get("p", "")[:8], "kind": query.get("kind", "")[:20]}, "")

    def _shown(
        self, request: Request, fields: Fields, wrong: str, status: int = 200, photo_lost: bool = False
    ) -> Response:
        areas, chosen = self._places.all(), self._places.find(fields.get("where", ""))
        pole = (fields["where"], self._places.name(chosen)) if chosen and chosen.node else None
        return self._site.page(
            request,
            "residents_report.html",
            status,
            fields=fields,
            wrong=wrong,
            photo_lost=photo_lost,
            kinds=list(Kind),
            areas=areas,
            pole=pole,
            longest=LONGEST,
        )

    async def _take(self, request: Request) -> Response:
        address, fields, photo = client(request), Fields(), ""
        try:
            full = self._often.full(address)
            fields, photo, bad = await self._receiver.received(request, address, not full)
            if full:
                raise FormError("residents.too_many")
            report = self._read(fields, photo)
            if bad is not None:
                raise bad
            await self._room()
            made = await self._reports.add(report)
        except FormError as error:
            await self._drop(photo)
            status = 429 if error.key in ("residents.too_many", "residents.full", "residents.busy") else 422
            wrong = self._site.words(request, error.key, **error.params)
            return self._shown(request, fields, wrong, status, bool(photo))
        except (SQLAlchemyError, StoreFull, OSError) as error:
            logger.error("a report of a resident was not kept: %s", error)
            await self._drop(photo)
            return self._shown(request, fields, self._site.words(request, "residents.not_kept"), 503, bool(photo))
        self._often.count(address)
        return RedirectResponse(f"/xa/reports/{made.number}?new=1", 303)

    def _read(self, fields: Fields, photo: str) -> Report:
        """Raises FormError."""
        if fields.get("kind") not in list(Kind):
            raise FormError("residents.no_kind")
        words = fields.get("words", "")
        if len(words) < 5:
            raise FormError("residents.no_words")
        if len(words) > LONGEST:
            raise FormError("form.too_long", limit=LONGEST)
        phone = re.sub(r"[\s.()-]", "", fields.get("phone", ""))
        if phone and not PHONE.fullmatch(phone):
            raise FormError("residents.bad_phone")
        where = fields.get("where", "")
        place = self._places.find(where) if where else self._places.home()
        if place is None:
            raise FormError("residents.bad_place")
        thing = kept(place) if place.node else ""
        return Report("", self._site.clock.now(), Kind(fields["kind"]), kept(place), words, phone, photo, thing=thing)

    async def _room(self) -> None:
        """Raises FormError when enough came today, SQLAlchemyError."""
        if await self._reports.since(self._site.clock.now() - timedelta(days=1)) >= self._settings.reports_per_day:
            raise FormError("residents.full")

    async def _drop(self, photo: str) -> None:
        if photo:
            (self._reports.folder / photo).unlink(missing_ok=True)
