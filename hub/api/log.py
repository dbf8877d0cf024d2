"""What was broadcast, and who did what."""

import base64
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import JsonObject
from hub.aired import files, month, rows
from hub.api.errors import faulty, refused
from hub.api.parts import Hub, Limit, needs, reply, router
from hub.people import audit_rows
from hub.people.acting import person
from hub.people.door import somewhere
from hub.people.rights import Right

routes = router("log")


class AiredPage(BaseModel):
    """A page of the as-aired log, in the order in which things began; the columns are those of the CSV."""

    items: list[dict[str, Any]]
    next: str | None = Field(default=None, description="`after` of the next page; absent: that was all")


class Act(BaseModel):
    """A row of the audit log. `hash` chains the rows."""

    id: int
    at: datetime
    person: str
    name: str
    act: str
    place: str
    what: str
    outcome: str
    details: JsonObject
    hash: str


class ActPage(BaseModel):
    """The newest first."""

    items: list[Act]
    next: int | None = Field(default=None, description="`before` of the next page; absent: that was all")


@routes.get("/aired", response_model=AiredPage)
@needs(somewhere(Right.REPORTS))
async def aired(
    hub: Hub,
    chosen: Annotated[str, Query(alias="month", max_length=7, description="`2026-11`; absent: this month")] = "",
    where: Annotated[str, Query(max_length=81, description="A commune, or a node `26734/tram-bom`")] = "",
    show: Annotated[str, Query(max_length=20, description="all, aired, partly, missed, unheard")] = "",
    class_: Annotated[str, Query(alias="class", max_length=20)] = "",
    after: Annotated[str, Query(max_length=500)] = "",
    limit: Limit = 200,
) -> Response:
    """What was broadcast where in a month, whether it was heard, by whose approval."""
    try:
        asked = chosen or month.month_of(hub.clock.now(), hub.zone)
        wanted = month.wanted(asked, hub.zone, where, show, class_)
    except month.Unclear as error:
        raise refused(422, str(error), "query") from error
    place = _place(after) if after else None
    names = await hub.store.read(rows.names)
    found, last = await hub.store.read(lambda c: rows.chunk(c, wanted, place, limit))
    who = person()
    items = [files.record(row, hub.zone, names) for row in found if hub.areas.may(who, Right.REPORTS, row.address)]
    more = {"next": _token(last)} if last is not None else {}
    return reply({"items": items, **more})


@routes.get("/audit", response_model=ActPage)
@needs(somewhere(Right.ADMINISTER))
async def audit(
    hub: Hub,
    name: Annotated[str, Query(max_length=100, description="Part of a person's name")] = "",
    act: Annotated[str, Query(max_length=100, description="Such as `light.switch`")] = "",
    place: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = 200,
) -> Response:
    """Who did what, where, when, and what became of it."""
    places = person().places(Right.ADMINISTER)
    nodes = [node.address for p in places if p.area or p.node for node in hub.areas.inside(p)]
    wanted = audit_rows.Filter(_plain(name), _plain(act), _plain(place))
    query = audit_rows.query(wanted, places, nodes, hub.zone)
    found = await hub.store.read(lambda c: audit_rows.page(c, query, before, limit + 1))
    items = [{**_row(row), "details": json.loads(row.details)} for row in found[:limit]]
    more = {"next": items[-1]["id"]} if len(found) > limit else {}
    return reply({"items": items, **more})


def _row(row: audit_rows.Line) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Act.model_fields}


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()


def _token(place: rows.Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(token: str) -> rows.Place:
    """Raises ApiError."""
    try:
        began, at, address, seq, epoch = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        numbers = tuple(int(number) for number in (began, at, seq, epoch))
    except (ValueError, TypeError, RecursionError) as error:
        raise faulty(422, "command.invalid", "query.after", where="query.after", detail="?") from error
    if not all(-(2**53) < number < 2**53 for number in numbers):
        raise faulty(422, "command.invalid", "query.after", where="query.after", detail="?")
    return numbers[0], numbers[1], _plain(str(address)), numbers[2], numbers[3]
