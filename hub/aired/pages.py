"""`GET /aired`: the log of a month as a page, as CSV, and as a PDF."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import ceil
from urllib.parse import urlencode

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.aired import files, month, rows
from hub.aired.paper import Job, local_now
from hub.aired.rows import CLASSES, SHOWS, Totals, Wanted
from hub.aired.words import Line, Wording
from hub.language import remember, sort_key, switched, translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import EVERYWHERE, Place, Right
from hub.plain import area_id
from hub.render import Renderer, Shown
from hub.store import Store

logger = logging.getLogger(__name__)

PER_PAGE = 50
CHUNK = 500
"""Rows of a CSV that are read at a time: whoever fetches it slowly holds no connection."""
PAPER_S = 120.0
"""A PDF that takes longer is given up."""
WAITING = 4
"""PDFs that are made or wait at the same time; one is made at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    month: str
    where: str = ""
    show: str = ""
    class_: str = ""
    page: int = 1

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

    def __init__(self, shown: Shown, renderer: Renderer, store: Store, language: Callable[[Request], Language]) -> None:
        self._shown = shown
        self._renderer = renderer
        self._store = store
        self._language = language
        self._printing = asyncio.Semaphore(1)
        self._waiting = 0

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
            wanted = await self._wanted(asked, Right.SEE)
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
        asked = self._asked(request)
        try:
            wanted = await self._wanted(asked, Right.REPORTS)
        except month.Unclear as error:
            return HTMLResponse(self._renderer.message(self._language(request), str(error)), 400)
        headers = {"Content-Disposition": f'attachment; filename="{_file(asked)}.csv"'}
        return StreamingResponse(self._lines(wanted), media_type="text/csv; charset=utf-8", headers=headers)

    async def _lines(self, wanted: Wanted) -> AsyncIterator[str]:
        names = await self._store.read(rows.names)
        head, after = True, None
        while True:
            found, after = await self._store.read(lambda c, last=after: rows.chunk(c, wanted, last, CHUNK))  # type: ignore[misc]
            lines = files.csv_lines(found, self._shown.zone, names, head=head)
            yield "".join(lines)
            head = False
            if after is None:
                return

    async def _pdf(self, request: Request) -> Response:
        language, asked = self._language(request), self._asked(request)
        try:
            wanted = await self._wanted(asked, Right.REPORTS)
        except month.Unclear as error:
            return HTMLResponse(self._renderer.message(language, str(error)), 400)
        if self._waiting >= WAITING:
            return HTMLResponse(self._renderer.message(language, "aired.paper_busy"), 503, {"Retry-After": "30"})
        job = self._job(asked, wanted, language)
        self._waiting += 1
        try:
            async with self._printing:
                made, code = await _printed(job)
        finally:
            self._waiting -= 1
        if code == 3:
            return HTMLResponse(self._renderer.message(language, "aired.paper_long"), 413)
        if code != 0:
            return HTMLResponse(self._renderer.message(language, "aired.paper_failed"), 503)
        headers = {"Content-Disposition": f'attachment; filename="{_file(asked)}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)

    def _job(self, asked: Asked, wanted: Wanted, language: Language) -> Job:
        zone = self._shown.zone
        title = self._shown.name or translator(language)("page.console")
        return Job(
            *(self._store.address.render_as_string(hide_password=False), asked.month, asked.where, asked.show),
            *(asked.class_, zone.key, language, title),
            printed=local_now(zone),
            within=wanted.within,
        )

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

    async def _wanted(self, asked: Asked, right: Right) -> Wanted:
        """What is asked for, of what the reader may see. Raises month.Unclear."""
        wanted = month.wanted(asked.month, self._shown.zone, asked.where, asked.show, asked.class_)
        places = person().places(right)
        if EVERYWHERE in places:
            return wanted
        zones = await self._store.read(rows.zones) if any(place.area for place in places) else {}
        return replace(wanted, within=within(places, zones))

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


def _places(names: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What one can choose: communes where there are several, then nodes."""
    communes = sorted({address.partition("/")[0] for address in names})
    nodes = sorted(names.items(), key=lambda item: (sort_key(item[1]), item[0]))
    return (*((c, c) for c in communes if len(communes) > 1), *nodes)


def _file(asked: Asked) -> str:
    return "-".join(part for part in ("aired", asked.month, asked.where.replace("/", "-"), asked.show) if part)


async def _printed(job: Job) -> tuple[bytes, int]:
    """Have a child make it; the exit code says how it went (-9: it took too long)."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub.aired.paper"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:  # no memory, no more processes
        logger.error("no PDF could be begun: %s", error)
        return b"", -1
    try:
        async with asyncio.timeout(PAPER_S):
            made, complaint = await child.communicate(job.order())
    except TimeoutError:
        return b"", -9
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode not in (0, 3):
        logger.error("no PDF was made: %s", complaint.decode(errors="replace")[-500:])
    return made, child.returncode or 0
