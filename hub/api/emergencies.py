"""Emergencies: what is on air and was, in several places at once by two steps, called again, ended by the all-clear."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Readings, Strict
from hub.air.emergency_acts import Asked, Wanted
from hub.air.emergency_book import Emergency, Told
from hub.air.emergency_view import state_of
from hub.air.prepared import Message
from hub.api.errors import Error, of_fault, refused
from hub.api.parts import NOT_FOUND, Hub, Parts, is_there, needs, reply, router, worded
from hub.api.spoken import LANGUAGE, Places, Text, Title, chosen
from hub.forms import FormError
from hub.people.door import somewhere
from hub.people.rights import Right

routes = router("emergencies")
LIFE = timedelta(minutes=2)
"""Long enough to read what will sound, too short to lie around."""
SEVERAL = ""
"""Where a code is good that is for no single node."""
Id = Annotated[str, Path(max_length=60)]


class Alarm(Strict):
    """What is to be sounded. Nothing of it sounds by the first step."""

    text: Text = Field(default="", description="Absent: as the prepared message `use` says")
    title: Title = Field(default="", description="Absent: the beginning of the text")
    clear: Text = Field(default="", description="What is said when it is over; absent: the siren just ends")
    drill: bool = Field(default=False, description="A drill; its text says `diễn tập`")
    minutes: Literal[5, 15, 30, 60] = Field(default=15, description="Repeated so long, unless somebody ends it")
    use: str = Field(
        default="",
        max_length=60,
        description="Id of a prepared message, whose sound is made already; what else is said must be as there",
    )
    readings: Readings = Field(default_factory=dict)


class AlarmAt(Alarm):
    """The same in several places."""

    places: Places


class Code(Strict):
    """That of the first step."""

    code: str = Field(min_length=1, max_length=40)


class AlarmAhead(BaseModel):
    """What will sound, and the code that lets it: once, until `expires`, by who asked."""

    code: str
    expires: Instant
    title: str
    text: str
    clear: str
    drill: bool
    minutes: int
    nodes: list[str]
    away: list[str] = Field(description="Of these, those that sound it once they are back")
    unclear: list[str] = Field(description="What nobody knows how to read: said in its first way, unless `readings`")


class AlarmBrief(BaseModel):
    """An emergency of this hub."""

    id: str
    title: str
    drill: bool
    by: str
    at: Instant
    until: Instant
    state: Literal["on", "cleared", "over"]


class AlarmAtNode(BaseModel):
    """How it stands at a node: by what it reports, else by what it answered."""

    state: str = Field(description="sounding, still (after the all-clear), taken, over, ended, open, silent, away, bad")
    error: Error | None = None


class AlarmWhole(AlarmBrief):
    """With its words and its nodes. `kept`: whether it stands in the database; it sounds in any case."""

    text: str
    clear: str
    kept: bool
    cleared: Instant | None = None
    cleared_by: str | None = None
    nodes: dict[str, AlarmAtNode] = Field(description="Those that one may see")


class AskedAgain(BaseModel):
    """How many nodes are called once more."""

    asked: int


@routes.get("/air/emergency", response_model=list[AlarmBrief])
@needs(somewhere(Right.SEE))
async def list_emergencies(hub: Hub) -> Response:
    """The last ones that one may see, the newest first."""
    return reply([_brief(hub, each).model_dump(mode="json") for each in hub.more.air.alarms.seen])


@routes.post("/air/emergency/check", response_model=AlarmAhead, status_code=201)
@needs(somewhere(Right.EMERGENCY))
async def check_emergency(hub: Hub, asked: AlarmAt) -> Response:
    """The first step: what will sound where. Nothing sounds yet."""
    looked_at = await look_at(hub, asked, asked.places)
    return reply(ahead(hub, looked_at, SEVERAL), 201)


@routes.post("/air/emergency", response_model=AlarmWhole, status_code=201, responses=NOT_FOUND)
@needs(somewhere(Right.EMERGENCY))
async def sound_emergency(hub: Hub, asked: Code) -> Response:
    """The second step: the siren at once, at all nodes together, then the words, until somebody has heard it."""
    looked_at = hub.prepares.take(asked.code, SEVERAL, hub.clock.now())
    if looked_at is None:
        raise refused(404, "api.no_prepared", "body.code")
    id_ = await hub.more.air.alarms.sound(looked_at)
    return reply(_whole(hub, _seen(hub, id_)), 201)


@routes.get("/air/emergency/{id}", response_model=AlarmWhole, responses=NOT_FOUND)
@needs(somewhere(Right.SEE))
async def one_emergency(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """One of them, node by node."""
    return reply(_whole(hub, _seen(hub, id)))


@routes.post("/air/emergency/{id}/again", response_model=AskedAgain, responses=NOT_FOUND)
@needs(somewhere(Right.EMERGENCY))
async def call_again(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Call those nodes once more that did not answer well; none once it is over."""
    return reply(AskedAgain(asked=await hub.more.air.alarms.again(_seen(hub, id))))


@routes.post("/air/emergency/{id}/clear", response_model=AlarmWhole, responses=NOT_FOUND)
@needs(somewhere(Right.EMERGENCY))
async def all_clear(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """It is over: the siren ends everywhere, then the all-clear is said. Only by who may end it everywhere."""
    emergency = _seen(hub, id)
    try:
        await hub.more.air.alarms.clear(emergency)
    except FormError as error:
        raise worded(error, 403, "path.id") from error
    return reply(_whole(hub, emergency))


async def look_at(hub: Parts, asked: Alarm, places: tuple[str, ...]) -> Asked:
    """What would sound. Raises ApiError, FormError."""
    message = hub.more.air.prepared.get(asked.use)
    if asked.use and message is None:
        raise refused(422, "emergency.gone_prepared", "body.use")
    wanted = Wanted(asked.text, asked.title, asked.clear, asked.drill, asked.minutes, asked.use)
    if message is not None:
        _only_one(asked, message)
        wanted = Wanted(message.text, message.title, message.clear, message.drill, asked.minutes, asked.use)
    if not wanted.text:
        raise refused(422, "form.empty", "body.text")
    return await hub.more.air.alarms.asked(wanted, places, chosen(asked.readings), LANGUAGE)


def _only_one(asked: Alarm, message: Message) -> None:
    """Nobody guesses which of two messages shall sound, or whether it is a drill. Raises ApiError."""
    for name in ("text", "title", "clear", "drill"):
        if name in asked.model_fields_set and getattr(asked, name) not in ("", getattr(message, name)):
            raise refused(422, "emergency.two_messages", f"body.{name}")


def ahead(hub: Parts, asked: Asked, where: str) -> AlarmAhead:
    """What will sound, with a new code. `where`: at which node the code is good, or `SEVERAL`."""
    ends = hub.clock.now() + LIFE
    return AlarmAhead(
        code=hub.prepares.keep(where, asked, ends),
        expires=ends,
        title=asked.words.title,
        text=asked.words.text,
        clear=asked.words.clear,
        drill=asked.words.drill,
        minutes=asked.minutes,
        nodes=[node.address for node in asked.nodes],
        away=[node.address for node in asked.nodes if not is_there(hub, node)],
        unclear=list(asked.draft.guessed),
    )


def _seen(hub: Parts, id_: str) -> Emergency:
    emergency = hub.more.air.alarms.get(id_)
    if emergency is None:
        raise refused(404, "emergency.unknown", "path.id")
    return emergency


def _brief(hub: Parts, emergency: Emergency) -> AlarmBrief:
    return AlarmBrief(
        id=emergency.id,
        title=emergency.words.title,
        drill=emergency.words.drill,
        by=emergency.by,
        at=emergency.at,
        until=emergency.until,
        state="cleared" if emergency.cleared else "on" if emergency.repeats(hub.clock.now()) else "over",
    )


def _whole(hub: Parts, emergency: Emergency) -> AlarmWhole:
    return AlarmWhole(
        **_brief(hub, emergency).model_dump(),
        text=emergency.words.text,
        clear=emergency.words.clear,
        kept=emergency.kept,
        cleared=emergency.cleared,
        cleared_by=emergency.cleared_by or None,
        nodes={
            address: _at_node(hub, emergency, address, told)
            for address, told in emergency.nodes.items()
            if hub.more.air.alarms.may_see(address)
        },
    )


def _at_node(hub: Parts, emergency: Emergency, address: str, told: Told) -> AlarmAtNode:
    state = state_of(emergency, told, hub.registry.nodes.get(address))
    error = of_fault(told.fault, address) if state == "bad" and told.fault is not None else None
    return AlarmAtNode(state=state, error=error)
