"""Emergency messages that were written in a quiet hour: to begin an emergency with, and to look after."""

from dataclasses import replace
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Readings, Strict
from hub.air.prepared import Message
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router
from hub.api.spoken import Text, Title, read, unclear
from hub.people.door import everywhere, somewhere
from hub.people.rights import Right

routes = router("emergencies")
Id = Annotated[str, Path(max_length=60)]


class Written(Strict):
    """A message. What nobody knows how to read stands in `readings`."""

    title: Title = Field(min_length=1)
    text: Text = Field(min_length=1)
    clear: Text = Field(default="", description="What is said when it is over; absent: the siren just ends")
    drill: bool = Field(default=False, description="A drill; its text says `diễn tập`")
    readings: Readings = Field(default_factory=dict)


class MessageOf(BaseModel):
    """A prepared message. `sound`: whether its speech is made already, so that none waits for a voice."""

    id: str
    title: str
    text: str
    clear: str
    drill: bool
    sound: bool


@routes.get("/air/prepared", response_model=list[MessageOf])
@needs(somewhere(Right.EMERGENCY))
async def list_messages(hub: Hub) -> Response:
    """All of them, in the order of the page."""
    return reply([_told(message).model_dump() for message in hub.more.air.prepared.all])


@routes.post("/air/prepared", response_model=MessageOf, status_code=201)
@needs(everywhere(Right.ADMINISTER))
async def add_message(hub: Hub, asked: Written) -> Response:
    """Keep a new one; its sound is made at once."""
    return reply(_told(await _save(hub, "", asked)), 201)


@routes.put("/air/prepared/{id}", response_model=MessageOf, responses=NOT_FOUND)
@needs(everywhere(Right.ADMINISTER))
async def change_message(hub: Hub, id: Id, asked: Written) -> Response:  # noqa: A002 - as it is called
    """Change one; its sound is made anew."""
    return reply(_told(await _save(hub, _known(hub, id).id, asked)))


@routes.delete("/air/prepared/{id}", status_code=204, responses=NOT_FOUND)
@needs(everywhere(Right.ADMINISTER))
async def remove_message(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Offer it no more."""
    await hub.more.air.prepared.remove(_known(hub, id).id)
    return Response(status_code=204)


async def _save(hub: Parts, id_: str, asked: Written) -> Message:
    """Raises ApiError, FormError, SQLAlchemyError, StoreFull."""
    message = hub.more.air.prepared.checked(Message(id_, asked.title, asked.text, asked.clear, drill=asked.drill))
    draft = await read(hub, asked.text, asked.readings)
    if draft.open:
        raise unclear(draft)
    return await hub.more.air.prepared.save(replace(message, readings=draft.readings))


def _known(hub: Parts, id_: str) -> Message:
    message = hub.more.air.prepared.get(id_)
    if message is None:
        raise refused(404, "emergency.gone_prepared", "path.id")
    return message


def _told(message: Message) -> MessageOf:
    return MessageOf(
        id=message.id,
        title=message.title,
        text=message.text,
        clear=message.clear,
        drill=message.drill,
        sound=message.sound is not None,
    )
