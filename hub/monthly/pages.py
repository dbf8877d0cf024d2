"""`GET /reports`: a month in tables, as a page, as CSV, as JSON, and as a PDF."""

import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.aired import month as months
from hub.aired import rows as aired
from hub.aired.pages import within
from hub.aired.paper import local_now
from hub.aired.rows import Totals
from hub.aired.words import Wording as AiredWording
from hub.language import remember, switched, translator
from hub.monthly import files, sums
from hub.monthly.printing import Busy, Printer
from hub.monthly.sums import KINDS, Asked, Table
from hub.monthly.tables import millis
from hub.monthly.words import Shown as Words
from hub.monthly.words import Wording
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import EVERYWHERE, Right
from hub.render import Renderer, Shown
from hub.store import Store

logger = logging.getLogger(__name__)

ON_PAGE, ON_PAPER = 50, 500
"""Rows of a table at most; a CSV has all."""
_MONTH = re.compile(r"20[2-9]\d-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page. `aired`: sums of the as-aired log."""

    month: str
    title: str
    before: str
    after: str
    tables: tuple[Words, ...]
    aired: tuple[tuple[str, str], ...]


class MonthlyPages:
    """Only reads; of the places where the reader may."""

    def __init__(self, shown: Shown, renderer: Renderer, store: Store, language: Callable[[Request], Language]) -> None:
        self._shown = shown
        self._renderer = renderer
        self._store = store
        self._language = language
        self._printer = Printer()

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        ends: dict[str, Callable[[Request, Asked], Any]] = {
            "/reports": self._page,
            "/reports.json": self._json,
            "/reports.pdf": self._pdf,
            "/reports/{table}.csv": self._csv,
        }
        return [door.route(path, self._endpoint(answer), somewhere(Right.REPORTS)) for path, answer in ends.items()]

    def _endpoint(self, answer: Callable[[Request, Asked], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            language = self._language(request)
            month = request.query_params.get("month") or self._now()
            if not _MONTH.fullmatch(month):
                return HTMLResponse(self._renderer.message(language, "aired.bad_month"), 400)
            try:
                asked = await self._asked(month)
                response: Response = await answer(request, asked)
            except SQLAlchemyError as error:
                logger.error("the sums of a month cannot be read: %s", error)
                return HTMLResponse(self._renderer.message(language, "aired.unreadable"), 503)
            return response

        return endpoint

    async def _page(self, request: Request, asked: Asked) -> Response:
        language, query = self._language(request), request.query_params
        found = await self._tables(asked, ON_PAGE)
        wording = self._wording(language)
        year, number = asked.month.split("-")
        view = View(
            month=asked.month,
            title=translator(language)("aired.month", month=number, year=year),
            before=months.beside(asked.month, -1),
            after=months.beside(asked.month, 1),
            tables=tuple(wording.table(table) for table in found),
            aired=tuple(AiredWording(language, self._shown.zone, {}).totals(await self._aired(asked))),
        )
        other = switched(query, language)
        html = self._renderer.sheet_of("monthly_page.html", language, "reports", other_language=other, v=view)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), query)

    async def _csv(self, request: Request, asked: Asked) -> Response:
        kind = request.path_params["table"]
        if kind not in KINDS:
            return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
        table = await self._store.read(lambda c: sums.table(c, kind, asked))
        headers = {"Content-Disposition": f'attachment; filename="{kind}-{asked.month}.csv"'}
        return Response(files.as_csv(table), media_type="text/csv; charset=utf-8", headers=headers)

    async def _json(self, _: Request, asked: Asked) -> Response:
        body = files.as_json(asked.month, await self._tables(asked, None))
        return Response(to_json({**body, "aired": asdict(await self._aired(asked))}), media_type="application/json")

    async def _pdf(self, request: Request, asked: Asked) -> Response:
        language = self._language(request)
        t, (year, number) = translator(language), asked.month.split("-")
        wording = self._wording(language)
        tables = [asdict(wording.table(table)) for table in await self._tables(asked, ON_PAPER)]
        job = {
            "title": (self._shown.name or t("page.console")).upper(),
            "head": t("monthly.paper_title", month=number, year=year),
            "foot": t("aired.printed", at=local_now(self._shown.zone)),
            "page": t("monthly.paper_page"),
            "signed": [t("aired.signed_by"), t("aired.approved_by")],
            "tables": tables,
        }
        try:
            made = await self._printer.printed(job)
        except Busy:
            return HTMLResponse(self._renderer.message(language, "aired.paper_busy"), 503, {"Retry-After": "30"})
        if made is None:
            return HTMLResponse(self._renderer.message(language, "aired.paper_failed"), 503)
        headers = {"Content-Disposition": f'attachment; filename="report-{asked.month}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)

    async def _asked(self, month: str) -> Asked:
        places = person().places(Right.REPORTS)
        theirs = None
        if EVERYWHERE not in places:
            zones = await self._store.read(aired.zones) if any(place.area for place in places) else {}
            theirs = within(places, zones)
        return Asked(month, self._shown.zone, millis(self._shown.clock.now()), theirs)

    async def _tables(self, asked: Asked, most: int | None) -> tuple[Table, ...]:
        few = Asked(asked.month, asked.zone, asked.now, asked.within, most)
        return await self._store.read(lambda c: sums.tables(c, few))

    async def _aired(self, asked: Asked) -> Totals:
        wanted = months.wanted(asked.month, asked.zone)
        wanted = type(wanted)(wanted.start, wanted.end, within=asked.within)
        return await self._store.read(lambda c: aired.totals(c, wanted))

    def _wording(self, language: Language) -> Wording:
        many = len(self._shown.areas.communes()) > 1
        return Wording(language, self._shown.zone, self._called, many)

    def _called(self, address: str, thing: str) -> str:
        """As its node calls it now; of what is gone, its id."""
        node, (kind, _, id_) = self._shown.registry.nodes.get(address), thing.partition("/")
        known = node.about.capabilities if node and node.about else ()
        return next((c.name for c in known if (c.kind, c.id) == (kind, id_) and c.name), id_ or thing)

    def _now(self) -> str:
        return months.month_of(self._shown.clock.now(), self._shown.zone)
