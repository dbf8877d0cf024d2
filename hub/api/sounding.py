"""An emergency of a program, in two steps: what will sound is told with a code, and only the code lets it sound."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, iso
from edge_agent.contract.commands import Speak
from hub.api.acts import ONE, Done, to_one
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, found, needs, reply, router
from hub.people.door import at_node
from hub.people.rights import Right

routes = router("acts")
EMERGENCY = at_node(Right.EMERGENCY)
_BASE = "/nodes/{commune}/{node}/emergency"

LIFE = timedelta(minutes=2)
"""Long enough to read what will sound, too short to lie around."""

CodeOf = Annotated[str, Path(max_length=40, description="As the first step told it")]


class Prepared(BaseModel):
    """What will sound, and the code that lets it: once, until `expires`, by who prepared it."""

    code: str
    expires: Instant
    node: str
    title: str = Field(description="What people call the node")
    online: bool
    text: str


@routes.post(_BASE, response_model=Prepared, status_code=201, responses=NOT_FOUND)
@needs(EMERGENCY)
async def prepare_emergency(hub: Hub, commune: Commune, node: NodeName, args: Speak) -> Response:
    """The first step of an emergency: nothing sounds yet. `class` is `emergency`, whatever is asked."""
    known = found(hub, commune, node)
    ends = hub.clock.now() + LIFE
    code = hub.prepares.keep(known.address, args.model_copy(update={"class_": "emergency"}), ends)
    told = {"code": code, "expires": iso(ends), "node": known.address, "title": known.title}
    return reply({**told, "online": known.online, "text": args.text}, 201)


@routes.post(f"{_BASE}/{{code}}", response_model=Done, responses=ONE)
@needs(EMERGENCY)
async def sound_emergency(hub: Hub, commune: Commune, node: NodeName, code: CodeOf) -> Response:
    """The second step: the siren at once, then the words, again and again until somebody has heard it."""
    address = found(hub, commune, node).address
    args = hub.prepares.take(code, address, hub.clock.now())
    if args is None:
        raise refused(404, "api.no_prepared", "path.code")
    return await to_one(hub, commune, node, args, "speak", args.text[:200])
