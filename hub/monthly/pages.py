"""`GET /reports`: a month in tables, as a page, as CSV, as JSON, and as a PDF."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.aired import month as months
from hub.aired.words import Wording as AiredWording
from hub.language import remember, switched, translator
from hub.monthly.book import Book
from hub.monthly.sums import KINDS, Asked
from hub.monthly.words import Shown as Words
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.printing import Busy
from hub.render import Renderer

logger = logging.getLogger(__name__)

ON_PAGE = 50
"""Rows of a table at most; a CSV has all."""


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

    def __init__(self, book: Book, renderer: Renderer, language: Callable[[Request], Language]) -> None:
        self._book = book
        self._renderer = renderer
        self._language = language

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
            try:
                asked = await self._book.asked(request.query_params.get("month", ""))
                response: Response = await answer(request, asked)
            except months.Unclear as error:
                return HTMLResponse(self._renderer.message(language, str(error)), 400)
            except SQLAlchemyError as error:
                logger.error("the sums of a month cannot be read: %s", error)
                return HTMLResponse(self._renderer.message(language, "aired.unreadable"), 503)
            return response

        return endpoint

    async def _page(self, request: Request, asked: Asked) -> Response:
        language, query = self._language(request), request.query_params
        found = await self._book.tables(asked, ON_PAGE)
        wording = self._book.wording(language)
        year, number = asked.month.split("-")
        view = View(
            month=asked.month,
            title=translator(language)("aired.month", month=number, year=year),
            before=months.beside(asked.month, -1),
            after=months.beside(asked.month, 1),
            tables=tuple(wording.table(table) for table in found),
            aired=tuple(AiredWording(language, asked.zone, {}).totals(await self._book.aired(asked))),
        )
        other = switched(query, language)
        html = self._renderer.sheet_of("monthly_page.html", language, "reports", other_language=other, v=view)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), query)

    async def _csv(self, request: Request, asked: Asked) -> Response:
        kind = request.path_params["table"]
        if kind not in KINDS:
            return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
        headers = {"Content-Disposition": f'attachment; filename="{kind}-{asked.month}.csv"'}
        return Response(await self._book.csv(kind, asked), media_type="text/csv; charset=utf-8", headers=headers)

    async def _json(self, _: Request, asked: Asked) -> Response:
        return Response(to_json(await self._book.json(asked)), media_type="application/json")

    async def _pdf(self, request: Request, asked: Asked) -> Response:
        language = self._language(request)
        try:
            made = await self._book.pdf(asked, language)
        except Busy:
            return HTMLResponse(self._renderer.message(language, "aired.paper_busy"), 503, {"Retry-After": "30"})
        if made is None:
            return HTMLResponse(self._renderer.message(language, "aired.paper_failed"), 503)
        headers = {"Content-Disposition": f'attachment; filename="report-{asked.month}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)
