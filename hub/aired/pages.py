"""`GET /aired`: the log of a month as a page, as CSV, and as a PDF."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from urllib.parse import urlencode

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.aired import month, rows
from hub.aired.book import AiredBook, Choice, NoPaper
from hub.aired.rows import CLASSES, SHOWS, Totals, Wanted
from hub.aired.words import Line, Wording
from hub.language import remember, sort_key, switched, translator
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Renderer, Shown
from hub.store import Store

logger = logging.getLogger(__name__)

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    month: str
    where: str = ""
    show: str = ""
    class_: str = ""
    page: int = 1

    @property
    def choice(self) -> Choice:
        """Without the page."""
        return Choice(self.month, self.where, self.show, self.class_)

    def query(self, **other: object) -> str:
        """The same as a query, with some of it changed."""
        values = {"month": self.month, "where": self.where, "show": self.show, "class": self.class_, **other}
        return urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page."""

    asked: Asked
    title: str
    before: str
    after: str
    days: tuple[tuple[str, str, tuple[Line, ...]], ...] = ()
    sums: tuple[tuple[str, str], ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    pages: int = 1
    shows: tuple[str, ...] = SHOWS
    classes: tuple[str, ...] = CLASSES
    notice: str = ""
    totals: Totals = field(default_factory=Totals)


class AiredPages:
    """Only reads: no write waits for it."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        store: Store,
        language: Callable[[Request], Language],
        book: AiredBook,
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._store = store
        self._language = language
        self._book = book

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/aired", self._page, somewhere(Right.SEE)),
            door.route("/aired.csv", self._csv, somewhere(Right.REPORTS)),
            door.route("/aired.pdf", self._pdf, somewhere(Right.REPORTS)),
        ]

    async def _page(self, request: Request) -> Response:
        language = self._language(request)
        asked = self._asked(request)
        try:
            wanted = await self._book.wanted(asked.choice, Right.SEE)
        except month.Unclear as error:
            return HTMLResponse(self._renderer.message(language, str(error)), 400)
        try:
            view = await self._store.read(lambda connection: self._look(connection, asked, wanted, language))
        except SQLAlchemyError as error:
            logger.error("the as-aired log cannot be read: %s", error)
            return HTMLResponse(self._renderer.message(language, "aired.unreadable"), 503)
        other = switched(request.query_params, language)
        html = self._renderer.sheet_of("aired.html", language, "aired", other_language=other, v=view)
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _csv(self, request: Request) -> Response:
        choice = self._asked(request).choice
        try:
            wanted = await self._book.wanted(choice, Right.REPORTS)
        except month.Unclear as error:
            return HTMLResponse(self._renderer.message(self._language(request), str(error)), 400)
        headers = {"Content-Disposition": f'attachment; filename="{choice.file}.csv"'}
        return StreamingResponse(self._book.lines(wanted), media_type="text/csv; charset=utf-8", headers=headers)

    async def _pdf(self, request: Request) -> Response:
        language, choice = self._language(request), self._asked(request).choice
        try:
            made = await self._book.pdf(choice, await self._book.wanted(choice, Right.REPORTS), language)
        except month.Unclear as error:
            return HTMLResponse(self._renderer.message(language, str(error)), 400)
        except NoPaper as error:
            again = {"Retry-After": "30"} if error.key == "aired.paper_busy" else None
            return HTMLResponse(self._renderer.message(language, error.key), error.status, again)
        headers = {"Content-Disposition": f'attachment; filename="{choice.file}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)

    def _asked(self, request: Request) -> Asked:
        get = request.query_params.get
        page = get("page", "")
        return Asked(
            month=get("month") or month.month_of(self._shown.clock.now(), self._shown.zone),
            where=get("where", ""),
            show=get("show", ""),
            class_=get("class", ""),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    def _look(self, connection: Connection, asked: Asked, wanted: Wanted, language: Language) -> View:
        names = {address: name for address, name in rows.names(connection).items() if rows.seen(address, wanted)}
        wording = Wording(language, self._shown.zone, names)
        pages = max(1, ceil(rows.count(connection, wanted) / PER_PAGE))
        page = min(asked.page, pages)
        found = rows.rows(connection, wanted, PER_PAGE, (page - 1) * PER_PAGE, newest=True)
        lines = [wording.line(row) for row in found]
        totals = rows.totals(connection, wanted)
        days = tuple((*key, tuple(of)) for key, of in groupby(lines, lambda line: (line.day, line.weekday)))
        year, number = asked.month.split("-")
        return View(
            asked=Asked(asked.month, asked.where, asked.show, asked.class_, page),
            title=translator(language)("aired.month", month=number, year=year),
            before=month.beside(asked.month, -1),
            after=month.beside(asked.month, 1),
            days=days,
            sums=tuple(wording.totals(totals)),
            places=_places(names),
            pages=pages,
            totals=totals,
        )


def _places(names: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What one can choose: communes where there are several, then nodes."""
    communes = sorted({address.partition("/")[0] for address in names})
    nodes = sorted(names.items(), key=lambda item: (sort_key(item[1]), item[0]))
    return (*((c, c) for c in communes if len(communes) > 1), *nodes)
