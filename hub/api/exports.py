"""What leaves the hub as a file: the audit log, the as-aired log, a month's tables, posters."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from edge_agent.contract.sentences import Language
from hub.aired import month
from hub.aired.book import NoPaper
from hub.api.errors import refused
from hub.api.parts import Hub, Parts, needs, reply, router
from hub.api.texts import CLEANED
from hub.monthly.sums import Asked
from hub.people import audit_pages
from hub.people.audit_rows import Filter
from hub.people.door import somewhere
from hub.people.rights import Right
from hub.printing import Busy
from hub.residents.child import ChildFailed

routes = router("files")
REPORTS = somewhere(Right.REPORTS)

Month = Annotated[str, Query(alias="month", max_length=7, description="`2026-11`; absent: this month")]
Where = Annotated[str, Query(max_length=81, description="A commune, or a node `26734/tram-bom`")]
Show = Annotated[str, Query(max_length=20, description="all, aired, partly, missed, unheard")]
Class = Annotated[str, Query(alias="class", max_length=20)]
Name = Annotated[str, CLEANED, Query(max_length=100, description="Part of a person's name")]
Act = Annotated[str, CLEANED, Query(max_length=100, description="Such as `light.switch`")]
InPlace = Annotated[str, CLEANED, Query(max_length=200)]
Day = Annotated[date | None, Query(description="ISO 8601, the commune's day")]
Spoken = Annotated[Language, Query(description="Of the words on paper")]
Kind = Annotated[Literal["energy", "faults", "fault_list", "commands", "nodes", "cameras"], Path(alias="table")]


class MonthTables(BaseModel):
    """A month: each table as a list of rows by the names of its columns; null where nobody knows."""

    month: str
    energy: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    fault_list: list[dict[str, Any]]
    commands: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    cameras: list[dict[str, Any]]
    aired: dict[str, Any]


def _file(kind: str, words: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {}}, "description": words}}


CSV = _file("text/csv", "UTF-8 with its mark, RFC 4180")
PDF = _file("application/pdf", "A4")


@routes.get("/audit.csv", response_class=Response, responses=CSV)
@needs(somewhere(Right.ADMINISTER))
async def audit_csv(
    hub: Hub, name: Name = "", act: Act = "", place: InPlace = "", first: Day = None, last: Day = None
) -> Response:
    """The audit log, the newest first; `hash` chains the rows. For administrators who are signed in."""
    select = audit_pages.select_of(_filter(name, act, place, first, last), hub.areas, hub.zone)
    hub.audit.note("audit.export", what="CSV")
    return _attached(audit_pages.csv_lines(hub.store, select, hub.zone), "text/csv; charset=utf-8", "audit.csv")


@routes.get("/audit.json", response_class=Response, responses=_file("application/json", "A list, one row a line"))
@needs(somewhere(Right.ADMINISTER))
async def audit_json(
    hub: Hub, name: Name = "", act: Act = "", place: InPlace = "", first: Day = None, last: Day = None
) -> Response:
    """The same as one list."""
    select = audit_pages.select_of(_filter(name, act, place, first, last), hub.areas, hub.zone)
    hub.audit.note("audit.export", what="JSON")
    return _attached(audit_pages.json_lines(hub.store, select), "application/json", "audit.json")


@routes.get("/aired.csv", response_class=Response, responses=CSV)
@needs(REPORTS)
async def aired_csv(hub: Hub, chosen: Month = "", where: Where = "", show: Show = "", class_: Class = "") -> Response:
    """The as-aired log of a month."""
    book = hub.more.aired
    choice = book.choice(chosen, where, show, class_)
    try:
        wanted = await book.wanted(choice, Right.REPORTS)
    except month.Unclear as error:
        raise refused(422, str(error), "query") from error
    return _attached(book.lines(wanted), "text/csv; charset=utf-8", f"{choice.file}.csv")


@routes.get("/aired.pdf", response_class=Response, responses=PDF)
@needs(REPORTS)
async def aired_pdf(
    hub: Hub, chosen: Month = "", where: Where = "", show: Show = "", class_: Class = "", language: Spoken = "vi"
) -> Response:
    """The same on paper, for signing. 503 while many are printed."""
    book = hub.more.aired
    choice = book.choice(chosen, where, show, class_)
    try:
        made = await book.pdf(choice, await book.wanted(choice, Right.REPORTS), language)
    except month.Unclear as error:
        raise refused(422, str(error), "query") from error
    except NoPaper as error:
        raise refused(error.status, error.key) from error
    return _whole(made, f"{choice.file}.pdf")


@routes.get("/reports", response_model=MonthTables)
@needs(REPORTS)
async def month_tables(hub: Hub, chosen: Month = "") -> Response:
    """Lights and energy, faults, commands, availability of nodes and cameras, of the places that one may see."""
    return reply(await hub.more.months.json(await _asked(hub, chosen)))


@routes.get("/reports.pdf", response_class=Response, responses=PDF)
@needs(REPORTS)
async def month_pdf(hub: Hub, chosen: Month = "", language: Spoken = "vi") -> Response:
    """The same on paper, for signing. 503 while many are printed."""
    asked = await _asked(hub, chosen)
    try:
        made = await hub.more.months.pdf(asked, language)
    except Busy as error:
        raise refused(503, "aired.paper_busy") from error
    if made is None:
        raise refused(503, "aired.paper_failed")
    return _whole(made, f"report-{asked.month}.pdf")


@routes.get("/reports/{table}.csv", response_class=Response, responses=CSV)
@needs(REPORTS)
async def month_csv(hub: Hub, kind: Kind, chosen: Month = "") -> Response:
    """One of the tables, whole."""
    asked = await _asked(hub, chosen)
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{asked.month}.csv"'}
    return Response(await hub.more.months.csv(kind, asked), media_type="text/csv; charset=utf-8", headers=headers)


@routes.get("/residents/posters.pdf", response_class=Response, responses=PDF)
@needs(somewhere(Right.ANSWER))
async def posters(
    request: Request,
    hub: Hub,
    at: Annotated[str, Query(pattern=r"^([a-z2-7]{8})?$", description="Code of an area or pole; empty: all")] = "",
    poles: Annotated[bool, Query(description="Of an area: one for each pole")] = False,
) -> Response:
    """Sheets with the QR code of the residents' page."""
    book = hub.more.residents.posters
    wanted = book.wanted(at, poles)
    if not wanted:
        raise refused(422, "residents.no_place", "query.at")
    try:
        return _whole(await book.printed(request, wanted), "poster.pdf")
    except ChildFailed as error:
        raise refused(503, "residents.no_poster") from error


async def _asked(hub: Parts, chosen: str) -> Asked:
    try:
        return await hub.more.months.asked(chosen)
    except month.Unclear as error:
        raise refused(422, str(error), "query.month") from error


def _filter(name: str, act: str, place: str, first: date | None, last: date | None) -> Filter:
    for day, where in ((first, "query.first"), (last, "query.last")):
        if day is not None and not 2000 <= day.year < 3000:
            raise refused(422, "api.bad_day", where)
    return Filter(name, act, place, first, last)


def _attached(body: AsyncIterator[bytes] | AsyncIterator[str], kind: str, name: str) -> Response:
    return StreamingResponse(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _whole(made: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made, media_type="application/pdf", headers=headers)
