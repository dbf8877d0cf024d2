"""What residents report, and what the commune answers. To report is open to everybody where the commune opened it."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from edge_agent.contract.base import NAME_PATTERN, Instant, Strict
from hub.api.errors import ApiError, Error, refused
from hub.api.parts import NOT_FOUND, Hub, Limit, Parts, needs, reply, router, worded
from hub.api.texts import CLEANED
from hub.forms import FormError
from hub.people.door import PUBLIC, somewhere
from hub.people.kit import client
from hub.people.rights import Right
from hub.residents.answers import LONGEST_ANSWER
from hub.residents.filing import BUSY, LONGEST, Told
from hub.residents.reports import Changed, Kind, Report, State

routes = router("residents")
ANSWER = somewhere(Right.ANSWER)

Number = Annotated[str, Path(pattern=r"^\d{4}-\d{4}$", examples=["0412-8875"])]
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "Somebody changed it meanwhile: look again at its `edition`"}
}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "The picture"}}


class NewReport(Strict):
    """What somebody tells the commune."""

    kind: Kind
    words: Annotated[str, CLEANED] = Field(min_length=5, max_length=LONGEST)
    where: str = Field(
        default="", pattern=r"^([a-z2-7]{8})?$", description="Code of an area or a pole, as QR codes say"
    )
    commune: str = Field(default="", pattern=rf"^({NAME_PATTERN[1:-1]})?$", description="Where the hub has several")
    phone: Annotated[str, CLEANED] = Field(default="", max_length=40)
    photo: str = Field(default="", max_length=200_000, description="A JPEG or PNG in Base64; larger ones by the page")


class ReportState(BaseModel):
    """How far it is, for whoever knows the number."""

    number: str
    kind: Kind
    state: State
    at: Instant
    changed: Instant
    answer: str = ""


class ReportBrief(ReportState):
    """One report. `edition` grows with each change; who changes it says which one they saw."""

    edition: int
    words: str
    phone: str = ""
    place: str
    where: str = Field(default="", description="The place in words")
    thing: str = Field(default="", description="What it is about, `26734/tram-bom#light/den-1`")
    photo: bool = False
    bulletin: str = Field(default="", description="The draft that was made of the answer")


class ReportList(BaseModel):
    """A page of reports, the newest first."""

    items: list[ReportBrief]
    next: int | None = Field(default=None, description="`after` of the next page; absent: that was all")


class Change(Strict):
    """What is to change; several at once are not possible."""

    edition: int = Field(ge=1, le=2**31)
    state: Literal["seen", "working", "closed"] | None = None
    answer: Annotated[str, CLEANED] | None = Field(default=None, min_length=1, max_length=LONGEST_ANSWER)
    thing: Annotated[str, CLEANED] | None = Field(default=None, max_length=200, description="Empty: none")


class Drafted(BaseModel):
    """A draft that staff find among their bulletins."""

    bulletin: str


@routes.post("/residents/reports", response_model=ReportState, status_code=201, responses=NOT_FOUND)
@needs(PUBLIC)
async def report(request: Request, hub: Hub, asked: NewReport) -> Response:
    """Report a problem; takes no token. 404 where the commune does not want it, 429 where too many came."""
    residents, where = hub.more.residents, client(request)
    if not residents.filing.is_open:
        raise refused(404, "residents.closed")
    commune_known(hub, asked.commune, "body.commune")
    try:
        if residents.filing.full(where):
            raise FormError("residents.too_many")
        with residents.receiver.turn(where):
            return reply(_state(await _taken(hub, asked, where)), 201)
    except FormError as error:
        raise worded(error, 429 if error.key in BUSY else 422) from error


async def _taken(hub: Parts, asked: NewReport, where: str) -> Report:
    """Kept, or nothing of it. Raises FormError, SQLAlchemyError, StoreFull, OSError."""
    filing = hub.more.residents.filing
    told = Told(asked.kind.value, asked.words, asked.where, asked.phone, asked.commune)
    filing.read(told, "")
    photo, made = await _photo(hub, asked.photo), None
    try:
        made = await filing.take(filing.read(told, photo), where)
        return made
    finally:
        if made is None:
            filing.drop(photo)


def commune_known(hub: Parts, commune: str, where: str) -> None:
    """Whether there is such a one; empty: any. Raises ApiError."""
    if commune and commune not in hub.areas.communes():
        raise refused(422, "residents.no_place", where)


@routes.get("/residents/reports/{number}/state", response_model=ReportState, responses=NOT_FOUND)
@needs(PUBLIC)
async def report_state(request: Request, hub: Hub, number: Number) -> Response:
    """How far a report is, and the answer; takes no token, but the number."""
    residents, where = hub.more.residents, client(request)
    if not residents.filing.is_open:
        raise refused(404, "residents.closed")
    if residents.looks.full(where):
        raise refused(429, "residents.too_often")
    found = await residents.reports.get(number)
    if found is None:
        residents.looks.count(where)
        raise refused(404, "residents.no_report", "path.number")
    return reply(_state(found))


@routes.get("/residents/reports", response_model=ReportList)
@needs(ANSWER)
async def list_reports(
    hub: Hub,
    show: Annotated[Literal["open", "new", "closed"], Query()] = "open",
    after: Annotated[int, Query(ge=0, le=1000)] = 0,
    limit: Limit = 200,
) -> Response:
    """Reports of places where one answers; `after`: how many of them to leave out."""
    answers = hub.more.residents.answers
    found = await answers.list(show)
    items = [_brief(hub, one) for one in found[after : after + limit]]
    more = {"next": after + limit} if len(found) > after + limit else {}
    return reply({"items": items, **more})


@routes.get("/residents/reports/{number}", response_model=ReportBrief, responses=NOT_FOUND)
@needs(ANSWER)
async def one_report(hub: Hub, number: Number) -> Response:
    """One of them."""
    return reply(_brief(hub, await _found(hub, number)))


@routes.get("/residents/reports/{number}/photo", response_class=Response, responses={**_JPEG, **NOT_FOUND})
@needs(ANSWER)
async def photo(hub: Hub, number: Number) -> Response:
    """What the resident took a picture of."""
    path = hub.more.residents.reports.photo(await _found(hub, number))
    if path is None:
        raise refused(404, "residents.no_photo", "path.number")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@routes.patch("/residents/reports/{number}", response_model=ReportBrief, responses={**NOT_FOUND, **CONFLICT})
@needs(ANSWER)
async def change_report(hub: Hub, number: Number, asked: Change) -> Response:
    """Say how far it is, answer it, or say which thing it is about."""
    answers, seen = hub.more.residents.answers, await _found(hub, number)
    wanted = [name for name in ("state", "answer", "thing") if getattr(asked, name) is not None]
    if len(wanted) != 1:
        raise refused(422, "form.bad", "body")
    try:
        if asked.state is not None:
            after = await answers.set_state(seen, asked.edition, State(asked.state))
        elif asked.answer is not None:
            after = await answers.answer(seen, asked.edition, asked.answer)
        else:
            after = await answers.link(seen, asked.edition, asked.thing or "")
    except Changed as error:
        raise _changed() from error
    return reply(_brief(hub, after))


@routes.post(
    "/residents/reports/{number}/bulletin",
    response_model=Drafted,
    status_code=201,
    responses={**NOT_FOUND, **CONFLICT},
)
@needs(ANSWER)
async def draft_of_answer(hub: Hub, number: Number) -> Response:
    """Make a draft of a bulletin of the answer; takes `write`, and is approved as any other."""
    try:
        return reply(Drafted(bulletin=await hub.more.residents.answers.draft(await _found(hub, number))), 201)
    except Changed as error:
        raise _changed() from error


async def _found(hub: Parts, number: str) -> Report:
    found = await hub.more.residents.answers.get(number)
    if found is None:
        raise refused(404, "residents.no_report", "path.number")
    return found


def _changed() -> ApiError:
    return refused(409, "residents.changed", "body.edition")


async def _photo(hub: Parts, text: str) -> str:
    """The name of its file, made anew by a child; empty where none was sent. Raises FormError, OSError."""
    if not text:
        return ""
    try:
        sent = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormError("residents.photo_kind") from error
    return await hub.more.residents.receiver.kept(sent)


def _state(found: Report) -> ReportState:
    changed = found.changed or found.at
    return ReportState(
        number=found.number, kind=found.kind, state=found.state, at=found.at, changed=changed, answer=found.answer
    )


def _brief(hub: Parts, found: Report) -> dict[str, Any]:
    told = ReportBrief(
        **_state(found).model_dump(),
        edition=found.edition,
        words=found.words,
        phone=found.phone,
        place=found.place,
        where=hub.more.residents.answers.where(found),
        thing=found.thing,
        photo=bool(found.photo),
        bulletin=found.bulletin,
    )
    return told.model_dump(mode="json", exclude_none=True)
