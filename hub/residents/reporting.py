"""`/xa/report`: tell the commune what is broken. No account, no script; what was typed is never lost."""

import logging
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.forms import Fields, FormError
from hub.people.door import PUBLIC, Door
from hub.people.kit import client
from hub.residents.communes import Communes
from hub.residents.filing import BUSY, LONGEST, Filing, Told
from hub.residents.places import Places
from hub.residents.public import PublicPages
from hub.residents.receiving import Receiver
from hub.residents.reports import Kind
from hub.residents.site import Site
from hub.store import StoreFull

logger = logging.getLogger(__name__)

PATH = "/xa/report"


class Reporting:
    """The form, and what takes it."""

    def __init__(
        self, site: Site, filing: Filing, places: tuple[Places, Communes], receiver: Receiver, pages: PublicPages
    ) -> None:
        self._site = site
        self._filing = filing
        self._places, self._communes = places
        self._receiver = receiver
        self._pages = pages

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
        chosen = self._places.find(fields.get("where", ""))
        commune = fields.get("commune", "") or self._communes.chosen(request, chosen) or ""
        areas = self._places.all(commune)
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
            commune=commune,
            pole=pole,
            longest=LONGEST,
        )

    async def _take(self, request: Request) -> Response:
        address, fields, photo, filing = client(request), Fields(), "", self._filing
        bad: FormError | None = None
        try:
            full = filing.full(address)
            fields, photo, bad = await self._receiver.received(request, address, not full)
            if full:
                raise FormError("residents.too_many")
            report = filing.read(_told(fields, self._communes.all()), photo)
            if bad is not None:
                raise bad
            made = await filing.take(report, address)
        except FormError as error:
            filing.drop(photo)
            wrong = self._site.words(request, error.key, **error.params)
            lost = bool(photo) or (error is bad and error.key in BUSY)
            return self._shown(request, fields, wrong, 429 if error.key in BUSY else 422, lost)
        except (SQLAlchemyError, StoreFull, OSError) as error:
            logger.error("a report of a resident was not kept: %s", error)
            filing.drop(photo)
            return self._shown(request, fields, self._site.words(request, "residents.not_kept"), 503, bool(photo))
        return RedirectResponse(f"/xa/reports/{made.number}?new=1", 303)


def _told(fields: Fields, known: Collection[str]) -> Told:
    commune = fields.get("commune", "")
    told = Told(*(fields.get(name, "") for name in ("kind", "words", "where", "phone")))
    return replace(told, commune=commune if commune in known else "")
