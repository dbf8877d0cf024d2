"""An emergency at one node, in two steps: what will sound is told with a code, and only the code lets it sound."""

from typing import Annotated, Any, cast

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.errors import Fault
from hub.api.acts import ONE, Done, done
from hub.api.emergencies import Alarm, AlarmAhead, ahead, look_at
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, Parts, found, is_there, needs, reply, router
from hub.commands import Outcome
from hub.people.door import at_node
from hub.people.rights import Right
from hub.things.campaigns import AWAY

routes = router("emergencies")
EMERGENCY = at_node(Right.EMERGENCY)
_BASE = "/nodes/{commune}/{node}/emergency"

ANSWER_S = 10.0
"""How long a program waits for the node's word; it goes on being called."""
CodeOf = Annotated[str, Path(max_length=40, description="As the first step told it")]


class AlarmHere(Alarm):
    """What is to be sounded, by the node's first loudspeaker."""

    class_: BulletinClass = Field(default="emergency", alias="class", description="Taken as `emergency`")


class AlarmPrepared(AlarmAhead):
    """The same at one node."""

    node: str
    name: str = Field(description="What people call the node")
    online: bool


@routes.post(_BASE, response_model=AlarmPrepared, status_code=201, responses=NOT_FOUND)
@needs(EMERGENCY)
async def prepare_here(hub: Hub, commune: Commune, node: NodeName, args: AlarmHere) -> Response:
    """The first step of an emergency at one node: nothing sounds yet."""
    known = found(hub, commune, node)
    told = ahead(hub, await look_at(hub, args, (known.address,)), known.address)
    here = {"node": known.address, "name": known.title, "online": is_there(hub, known)}
    return reply(AlarmPrepared(**told.model_dump(), **here), 201)


@routes.post(f"{_BASE}/{{code}}", response_model=Done, responses=ONE)
@needs(EMERGENCY)
async def sound_here(hub: Hub, commune: Commune, node: NodeName, code: CodeOf) -> Response:
    """The second step: the siren, then the words, again and again. `emergency` names it below `/air/emergency`."""
    known = found(hub, commune, node)
    if not is_there(hub, known):
        return done(AWAY if hub.more.shown.link.connected else Outcome("unsent"), known.address)
    asked = hub.prepares.take(code, known.address, hub.clock.now())
    if asked is None:
        raise refused(404, "api.no_prepared", "path.code")
    id_ = await hub.more.air.alarms.sound(asked)
    return done(await _answer(hub, id_, known.address), known.address, emergency=id_)


async def _answer(hub: Parts, id_: str, address: str) -> Outcome:
    """What the node says first, after `ANSWER_S` at most."""
    notice, ends = hub.more.shown.notice, hub.clock.monotonic() + ANSWER_S
    while (left := ends - hub.clock.monotonic()) > 0:
        seen, emergency = notice.version, hub.more.air.emergencies.get(id_)
        told = emergency.nodes[address] if emergency is not None else None
        if told is not None and told.state:
            return Outcome(cast("Any", told.state), told.fault)
        await notice.wait(seen, left)
    return Outcome("silent", Fault.of("command.timeout", seconds=int(ANSWER_S)))
