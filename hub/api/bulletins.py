"""Bulletins that programs file: the commune's one-stop office, a health station. People approve them."""

from collections.abc import Callable
from typing import Annotated, Any, get_args

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import NAME_PATTERN, Instant, Strict, iso
from edge_agent.contract.bulletins import BulletinClass, Recurrence
from edge_agent.contract.segments import Text, Version
from edge_agent.contract.sentences import Language
from hub.api import planning
from hub.api.errors import ApiError, Error, Message, refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router
from hub.api.texts import Moment
from hub.api.wording import Wording, check_reading, written
from hub.bulletins import machine
from hub.bulletins.desk import Bulletins
from hub.bulletins.machine import Conflict, Doing, NotNow
from hub.bulletins.model import Content, HubBulletin, Schedule, State, Targets
from hub.bulletins.scope import Scope
from hub.language import sentence
from hub.people.acting import person
from hub.people.door import somewhere
from hub.people.rights import Right

routes = router("bulletins")

Act = Callable[[HubBulletin, Doing], HubBulletin]
Id = Annotated[str, Path(max_length=40, pattern=NAME_PATTERN)]
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "It cannot be done as it stands now; or somebody changed it meanwhile"}
}

Place = Annotated[str, Field(max_length=200, pattern=r"^[a-z0-9-]{1,40}(/{1,2}[a-z0-9-]{1,60})?$")]


class NewBulletin(Wording):
    """Something to be read out. Without `submit` it stays a draft, which staff find in their list."""

    places: tuple[Place, ...] = Field(
        default=(), max_length=100, description="`26734`, `26734//thon-dong`, `26734/tram-bom`"
    )
    at: Moment | None = Field(default=None, description="When it is first heard")
    recurrence: Recurrence | None = None
    submit: bool = Field(default=False, description="Hand it in for approval; takes `places` and `at`")
    sure: bool = Field(default=False, description="To hand in an emergency takes this, said by a person who read it")


class Seen(Strict):
    """Which state of the bulletin one has seen: another one now is a conflict."""

    number: int = Field(ge=1, le=2**31)


class Handing(Seen):
    """`sure`: takes to be true for an emergency."""

    sure: bool = False


class BulletinBrief(BaseModel):
    """Where a bulletin stands. `number` grows with each change by people."""

    id: str
    number: int
    state: State
    title: str
    class_: BulletinClass = Field(alias="class")
    places: list[str]
    at: Instant | None = None
    changed: Instant
    word: str = Field(default="", description="Why it was sent back")


class BulletinWhole(BulletinBrief):
    """With its words."""

    content: Content
    created: Instant
    warnings: list[Message] = Field(default_factory=list, description="What stands beside its plan: it clashes")


@routes.get("/bulletins", response_model=list[BulletinBrief])
@needs(somewhere(Right.WRITE))
async def list_bulletins(hub: Hub) -> Response:
    """Those that are not over and that one may see, the one changed last first."""
    desk, scope, who = desk_of(hub), Scope(hub.areas), person()
    seen = [bulletin for bulletin in desk.open.values() if scope.may_see(who, bulletin)]
    seen.sort(key=lambda bulletin: bulletin.changed, reverse=True)
    return reply([_brief(bulletin) for bulletin in seen[:1000]])


@routes.post("/bulletins", response_model=BulletinWhole, status_code=201, responses=CONFLICT)
@needs(somewhere(Right.WRITE))
async def file_bulletin(hub: Hub, asked: NewBulletin) -> Response:
    """File one. It is heard only after somebody with the right approved it, unless the commune's rules let it go."""
    desk, scope, targets = desk_of(hub), Scope(hub.areas), Targets(places=asked.places)
    _check(scope, asked, targets)
    schedule = Schedule(at=asked.at, recurrence=asked.recurrence) if asked.at else None
    content = await _content(hub, asked)
    warnings = planning.checked(hub, planning.imagined(hub, content), targets, schedule, hand_in=asked.submit)
    hub.audit.note("bulletin.file", ", ".join(asked.places), asked.title, submit=asked.submit)
    made = await desk.create(content)
    try:
        if asked.places or asked.at:
            doing = desk.doing(made.number)
            made = await desk.change(made.id, lambda b: machine.plan(b, targets, schedule, doing, signs=False))
        if asked.submit:
            handing = desk.doing(made.number)
            made = await desk.change(made.id, lambda b: machine.submit(b, handing), "submit")
    except NotNow as no:
        raise not_now(no) from no
    return reply({**whole(made), "warnings": warnings}, 201)


@routes.get("/bulletins/{id}", response_model=BulletinWhole, responses=NOT_FOUND)
@needs(somewhere(Right.WRITE))
async def one_bulletin(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """One of them, with its words, also when it is over."""
    return reply(whole(await visible(hub, id)))


@routes.post("/bulletins/{id}/submit", response_model=BulletinWhole, responses={**NOT_FOUND, **CONFLICT})
@needs(somewhere(Right.WRITE))
async def submit_bulletin(hub: Hub, id: Id, asked: Handing) -> Response:  # noqa: A002 - as it is called
    """Hand a draft in for approval; its plan is looked at again."""
    bulletin = await visible(hub, id)
    if Scope(hub.areas).may_write(person(), bulletin):
        if bulletin.content.class_ == "emergency":
            check_sure(Scope(hub.areas), bulletin.targets, asked.sure, "path.id")
        if machine.can(bulletin, machine.Act.SUBMIT) and bulletin.number == asked.number:
            planning.checked(hub, bulletin, bulletin.targets, bulletin.schedule, hand_in=True)
    return await _change(hub, id, asked, machine.submit, "submit")


@routes.post("/bulletins/{id}/cancel", response_model=BulletinWhole, responses={**NOT_FOUND, **CONFLICT})
@needs(somewhere(Right.WRITE))
async def cancel_bulletin(hub: Hub, id: Id, seen: Seen) -> Response:  # noqa: A002 - as it is called
    """Nothing of it shall be heard any more."""
    return await _change(hub, id, seen, machine.cancel, "cancel")


def desk_of(hub: Parts) -> Bulletins:
    """Raises ApiError."""
    if hub.bulletins is None:
        raise refused(503, "api.no_bulletins")
    return hub.bulletins


def _check(scope: Scope, asked: NewBulletin, targets: Targets) -> None:
    """Raises ApiError."""
    who = person()
    if not scope.may(who, Right.WRITE, targets):
        raise refused(403, "api.no_place", "body.places")
    if asked.class_ == "emergency":
        check_sure(scope, targets, asked.sure or not asked.submit, "body.class")
    if asked.recurrence and asked.at is None:
        raise refused(422, "plan.no_time", "body.at")
    if asked.submit and asked.at is None:
        raise refused(422, "plan.no_time", "body.at")
    if asked.submit and not asked.places:
        raise refused(422, "plan.no_place", "body.places")


def check_sure(scope: Scope, targets: Targets, sure: bool, where: str) -> None:
    """Of an emergency. Raises ApiError."""
    if not scope.may(person(), Right.EMERGENCY, targets):
        raise refused(403, "api.no_emergency", where)
    if not sure:
        raise refused(422, "api.sure_emergency", "body.sure")


async def _content(hub: Parts, asked: NewBulletin) -> Content:
    """What `text` says may be a draft before anybody knows how to read it. Raises ApiError."""
    if asked.text is None or asked.versions:
        return (await written(hub, asked))[1]
    if not hub.voice.knows(asked.voice):
        raise refused(422, "write.flaw_voice", "body.voice", voice=asked.voice or "", known=hub.voice.offered)
    if asked.submit:
        await check_reading(hub, asked.text, asked.readings, "body")
    text = Text(text=asked.text, readings=asked.readings, voice=asked.voice)
    version = Version(language=asked.language, segments=(text,))
    return Content.model_validate(
        {"title": asked.title, "class": asked.class_, "authority": asked.authority, "versions": (version,)}
    )


async def visible(hub: Parts, id_: str) -> HubBulletin:
    """One that the acting person may see. Raises ApiError."""
    bulletin = await desk_of(hub).get(id_)
    if bulletin is None or not Scope(hub.areas).may_see(person(), bulletin):
        raise refused(404, "bulletins.gone", "path.id")
    return bulletin


async def _change(hub: Parts, id_: str, seen: Seen, act: Act, name: str) -> Response:
    bulletin = await visible(hub, id_)
    if not Scope(hub.areas).may_write(person(), bulletin):
        raise refused(403, "api.no_place", "path.id")
    desk = desk_of(hub)
    doing = desk.doing(seen.number)
    try:
        return reply(whole(await desk.change(id_, lambda b: act(b, doing), name)))
    except NotNow as no:
        raise not_now(no) from no


def not_now(no: NotNow) -> ApiError:
    """Why it cannot be done as it stands."""
    if isinstance(no, Conflict):
        return refused(409, "api.changed_meanwhile", "number", number=no.bulletin.number)
    said = refused(409, no.key, **{name: str(value) for name, value in no.params.items()})
    if state := said.error.params.get("state"):
        words = {lang: sentence(lang, f"bulletins.state_{state}") for lang in get_args(Language)}
        filled = {lang: sentence(lang, no.key, **{**no.params, "state": word}) for lang, word in words.items()}
        said.error.message = Message(**filled)
    return said


def _brief(bulletin: HubBulletin) -> dict[str, object]:
    word = machine.last_word(bulletin) if bulletin.state is State.RETURNED else None
    brief = BulletinBrief.model_validate(
        {
            "id": bulletin.id,
            "number": bulletin.number,
            "state": bulletin.state,
            "title": bulletin.content.title,
            "class": bulletin.content.class_,
            "places": list(bulletin.targets.places),
            "at": bulletin.schedule.at if bulletin.schedule else None,
            "changed": bulletin.changed,
            "word": word.word if word else "",
        }
    )
    return brief.model_dump(mode="json", by_alias=True, exclude_none=True)


def whole(bulletin: HubBulletin) -> dict[str, object]:
    """As `BulletinWhole`."""
    content = bulletin.content.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**_brief(bulletin), "content": content, "created": iso(bulletin.created)}
