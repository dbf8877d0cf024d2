"""What is asked of all loudspeakers of some places at once: speak, stop, volume; and what became of it there."""

from typing import Annotated, get_args

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, JsonObject, Readings, Strict
from edge_agent.contract.commands import SetVolume
from edge_agent.contract.sentences import Language
from hub.air.rounds import Round
from hub.air.spoken import DONE
from hub.api.errors import Error, Message, refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router, worded
from hub.api.spoken import LANGUAGE, Places, read, unclear
from hub.api.texts import CLEANED, AnyPlace
from hub.forms import MAX_SPOKEN, FormError
from hub.people.door import somewhere
from hub.people.rights import Right

routes = router("air")
SPEAK = somewhere(Right.SPEAK)
Id = Annotated[str, Path(max_length=60)]


class Notice(Strict):
    """Words for now."""

    text: Annotated[str, CLEANED, Field(min_length=1, max_length=MAX_SPOKEN)]
    places: Places
    readings: Readings = Field(default_factory=dict)
    anyway: bool = Field(default=False, description="Also what nobody knows how to read: said in its first way")


class Where(Strict):
    """A place, or all that one may use."""

    place: AnyPlace = ""


class VolumeAt(Where):
    """How loud, until it is changed."""

    volume: float = Field(ge=0, le=100, description="Per cent")


class AnswerAt(BaseModel):
    """What became of it at a node, gravest first: of words as its as-aired log tells, else as it answered."""

    state: str = Field(
        description="missed, failed, rejected, silent, unsent, away (not asked), stopped, partly, unheard, lost, "
        "open (it may still answer), accepted, unknown (aired, nobody listened), heard, done"
    )
    said: Message
    result: JsonObject = Field(default_factory=dict)


class RoundOf(BaseModel):
    """Something that was asked of many. `over`: no answer comes any more."""

    id: str
    kind: str = Field(description="speak, stop or volume")
    what: str
    at: Instant
    over: bool
    done: int = Field(description="Nodes that did it to the end")
    all: int
    nodes: dict[str, AnswerAt]


@routes.post("/air/speak", response_model=RoundOf, status_code=202)
@needs(SPEAK)
async def speak_at(hub: Hub, asked: Notice) -> Response:
    """Speak a text now, at all of these places at one instant. Never an emergency: `POST /air/emergency/check`."""
    draft = await read(hub, asked.text, asked.readings)
    hub.more.air.rounds.hearers(asked.places)
    if draft.open and not asked.anyway:
        raise unclear(draft)
    return await _begun(hub, await hub.more.air.rounds.speak(draft, asked.places, LANGUAGE))


@routes.post("/air/stop", response_model=RoundOf, status_code=202)
@needs(SPEAK)
async def stop_at(hub: Hub, asked: Where) -> Response:
    """Silence all loudspeakers there that play."""
    return await _begun(hub, hub.more.air.rounds.stop(asked.place))


@routes.post("/air/volume", response_model=RoundOf, status_code=202)
@needs(SPEAK)
async def volume_at(hub: Hub, asked: VolumeAt) -> Response:
    """Set the volume of all loudspeakers there."""
    return await _begun(hub, hub.more.air.rounds.volume(SetVolume(volume=asked.volume), asked.place))


@routes.get("/air/rounds/{id}", response_model=RoundOf, responses=NOT_FOUND)
@needs(SPEAK)
async def one_round(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """What became of it, node by node. Only for who asked; the last ones are remembered as long as the hub runs."""
    return reply(await _told(hub, _mine(hub, id)))


@routes.post(
    "/air/rounds/{id}/again",
    response_model=RoundOf,
    status_code=202,
    responses={**NOT_FOUND, 409: {"model": Error, "description": "No node is left to be asked"}},
)
@needs(SPEAK)
async def round_again(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Ask those once more that did not do it; that is a new round."""
    made = _mine(hub, id)
    try:
        return await _begun(hub, await hub.more.air.rounds.again(made))
    except FormError as error:
        raise worded(error, 409, "path.id") from error


def _mine(hub: Parts, id_: str) -> Round:
    made = hub.more.air.rounds.get(id_)
    if made is None:
        raise refused(404, "air.round_gone", "path.id")
    return made


async def _begun(hub: Parts, made: Round) -> Response:
    return reply(await _told(hub, made), 202)


async def _told(hub: Parts, made: Round) -> RoundOf:
    vi, en = [await hub.more.air.rounds.told(made, language) for language in get_args(Language)]
    nodes = {
        address: AnswerAt(
            state=told.fate,
            said=Message(vi=told.words, en=en[address].words),
            result=made.outcomes[address].result if address in made.outcomes else {},
        )
        for address, told in vi.items()
    }
    return RoundOf(
        id=made.id,
        kind=made.kind,
        what=made.what,
        at=made.at,
        over=made.over,
        done=sum(answer.state in DONE for answer in nodes.values()),
        all=len(nodes),
        nodes=nodes,
    )
