"""Lights by village and row, the evening of a node's lights, and taking back what was switched a moment ago."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant
from edge_agent.contract.commands import SwitchOverride, SwitchRelease
from edge_agent.contract.switched import LightState
from hub.api.acts import MANY, ManyDone, many
from hub.api.errors import Error, refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, found, needs, reply, router, worded
from hub.api.texts import CLEANED
from hub.forms import FormError
from hub.marks import Mark
from hub.people.acting import person
from hub.people.door import at_node, somewhere
from hub.people.rights import Place, Right
from hub.things import tonight
from hub.things.villages import NO_AREA, counted, villages

routes = router("lights")
SWITCH = somewhere(Right.SWITCH)

Area = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,60}$", description="`thon-dong`; `-`: nodes that stand in none")]
RowName = Annotated[
    str, CLEANED, Query(max_length=100, description="Only nodes whose group `thing` is called so, as a street is")
]


class VillageOf(BaseModel):
    """The lights of an area. `wrong`, `away`: how many nodes say that something is wrong, or are away."""

    commune: str
    area: str = Field(description="As addresses write it; `-`: nodes that stand in none")
    name: str
    lamps: int
    on: int
    nodes: int
    wrong: int
    away: int


class SwitchedAt(BaseModel):
    """It was switched to a level (per cent)."""

    at: Instant
    level: float


class LightTonight(BaseModel):
    """What a light did lately and does now. `until`: when it changes by itself; absent: nobody has told."""

    id: str
    level: float = Field(description="Per cent, now")
    why: str | None = None
    until: Instant | None = None
    switched: list[SwitchedAt]


class Tonight(BaseModel):
    """The evening of a node."""

    node: str
    lights: list[LightTonight]


class Undone(BaseModel):
    """How many things were restored, of how many."""

    done: int
    all: int


@routes.get("/lights", response_model=list[VillageOf])
@needs(SWITCH)
async def list_villages(
    hub: Hub, q: Annotated[str, Query(max_length=100, description="Only those called so")] = ""
) -> Response:
    """Areas in which one may switch something: how many lamps are on, what is wrong."""
    return reply(
        [
            {
                "commune": each.commune,
                "area": each.area,
                "name": each.name,
                **dict(zip(("on", "lamps"), counted(each.nodes), strict=True)),
                "nodes": len(each.nodes),
                "wrong": sum(Mark.FAULTY in node.marks for node in each.nodes),
                "away": sum(not node.online for node in each.nodes),
            }
            for each in villages(hub.more.shown, "vi", q)
        ]
    )


@routes.post("/communes/{commune}/areas/{area}/switch", response_model=ManyDone, responses=MANY)
@needs(SWITCH)
async def switch_village(hub: Hub, commune: Commune, area: Area, args: SwitchOverride, name: RowName = "") -> Response:
    """One signed command to all nodes of an area that have the thing or group; `thing: lights` means all lights."""
    return await many(hub, commune, args, "light.switch", name, _area(commune, area))


@routes.post("/communes/{commune}/areas/{area}/release", response_model=ManyDone, responses=MANY)
@needs(SWITCH)
async def release_village(hub: Hub, commune: Commune, area: Area, args: SwitchRelease, name: RowName = "") -> Response:
    """All of them back to rules and programme."""
    return await many(hub, commune, args, "light.release", name, _area(commune, area))


@routes.post(
    "/undo/{undo}",
    response_model=Undone,
    responses={409: {"model": Error, "description": "Too late, or somebody else has switched it since"}},
)
@needs(SWITCH)
async def undo(hub: Hub, undo: Annotated[str, Path(max_length=100)]) -> Response:
    """What decided before decides again; each once, only by who did it."""
    try:
        done, all_ = await hub.more.things.restore(undo)
    except FormError as error:
        raise worded(error, 409, "path.undo") from error
    return reply(Undone(done=done, all=all_))


@routes.get("/nodes/{commune}/{node}/tonight", response_model=Tonight, responses=NOT_FOUND)
@needs(at_node(Right.SEE))
async def evening(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """What the node told of the switching of its lights, and what it will do next."""
    known = found(hub, commune, node)
    past = await hub.store.read(lambda c: tonight.switched(c, known.address))
    lights = [_light(state, past) for state in known.states.values() if isinstance(state, LightState)]
    return reply({"node": known.address, "lights": lights})


def _area(commune: str, area: str) -> str:
    """As campaigns name it, where all of it may be switched by who asks. Raises ApiError."""
    inside = "" if area == NO_AREA else area
    if not person().may(Right.SWITCH, Place(commune, inside)):
        raise refused(403, "api.not_here", "path.area")
    return inside


def _light(state: LightState, past: tonight.Past) -> dict[str, Any]:
    level = state.wanted if state.actual is None else state.actual
    light = LightTonight(
        id=state.id,
        level=level,
        why=state.why,
        until=state.until,
        switched=[SwitchedAt(at=at, level=to) for at, to in past.get(state.id, ())],
    )
    return light.model_dump(mode="json", exclude_none=True)
