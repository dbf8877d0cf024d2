"""Loudspeakers of a node, its clashes, its bulletins, and emergencies that somebody has heard."""

from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from edge_agent.contract.base import NAME_PATTERN, Name, Strict
from edge_agent.contract.commands import OrderBulletins, SetVolume
from hub.api.acts import MANY, ONE, Done, ManyDone, answer_of, done
from hub.api.errors import refused
from hub.api.parts import Commune, Hub, NodeName, found, needs, reply, router
from hub.forms import FormError
from hub.people.door import at_node, somewhere
from hub.people.rights import Right

routes = router("acts")

Thing = Annotated[str, Path(pattern=NAME_PATTERN)]
Emergency = Annotated[str, Path(max_length=40, description="As the loudspeaker's state names it in `emergencies`")]


class Volume(Strict):
    """How loud."""

    volume: float = Field(ge=0, le=100, description="Per cent, until it is changed")


class Order(Strict):
    """What goes first where priority bulletins clash."""

    bulletins: tuple[Name, ...] = Field(min_length=2, max_length=20, description="First to last")
    clash: int | None = Field(
        default=None, ge=0, lt=2**53, description="Number of the node's event that told of it: nobody is asked again"
    )


@routes.post("/nodes/{commune}/{node}/speakers/{thing}/volume", response_model=Done, responses=ONE)
@needs(at_node(Right.SPEAK))
async def set_volume(hub: Hub, commune: Commune, node: NodeName, thing: Thing, asked: Volume) -> Response:
    """Set the volume of a loudspeaker; classes and hours still bound it."""
    known = found(hub, commune, node)
    outcome = await hub.more.horns.tell(known, SetVolume(speaker=thing, volume=asked.volume))
    return done(outcome, known.address)


@routes.post("/nodes/{commune}/{node}/order", response_model=Done, responses=ONE)
@needs(at_node(Right.APPROVE))
async def order(hub: Hub, commune: Commune, node: NodeName, asked: Order) -> Response:
    """Choose what goes first where priority bulletins clash."""
    known = found(hub, commune, node)
    outcome = await hub.more.horns.choose(known, OrderBulletins(bulletins=asked.bulletins), asked.clash)
    return done(outcome, known.address)


@routes.post("/nodes/{commune}/{node}/bulletins/{thing}/cancel", response_model=Done, responses=ONE)
@needs(at_node(Right.APPROVE))
async def take_off(hub: Hub, commune: Commune, node: NodeName, thing: Thing) -> Response:
    """Take a bulletin off this node's calendar; a node that is away hears of it within a day."""
    known = found(hub, commune, node)
    return done(await hub.more.horns.take_off(known, thing), known.address)


@routes.post("/nodes/{commune}/{node}/emergencies/{thing}/acknowledge", response_model=Done, responses=ONE)
@needs(at_node(Right.EMERGENCY))
async def acknowledge(hub: Hub, commune: Commune, node: NodeName, thing: Emergency) -> Response:
    """Somebody has heard it: it ends at this node, within an hour also at one that is away."""
    known = found(hub, commune, node)
    return done(await hub.more.horns.heard(known, thing), known.address)


@routes.post("/emergencies/{thing}/acknowledge", response_model=ManyDone, responses=MANY)
@needs(somewhere(Right.EMERGENCY))
async def acknowledge_all(hub: Hub, thing: Emergency) -> Response:
    """The same at all nodes that repeat it and at which one has the right."""
    try:
        outcomes = await hub.more.horns.heard_all(thing)
    except FormError as error:
        raise refused(404, error.key, "path.thing") from error
    answers = {node.address: answer_of(outcome, node.address) for node, outcome in outcomes}
    good = sum(answer.error is None for answer in answers.values())
    return reply(ManyDone(done=good, all=len(answers), nodes=answers), 200 if good == len(answers) else 207)
