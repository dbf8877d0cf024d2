"""Nodes: which there are, what they have, what their things do now, and each change as it happens."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.reports import About, ThingState
from hub.api.errors import refused
from hub.api.parts import (
    NOT_FOUND,
    UNCHANGED,
    Commune,
    Hub,
    Limit,
    NodeName,
    Parts,
    found,
    is_there,
    needs,
    reply,
    router,
    tagged,
)
from hub.node import Node
from hub.people.acting import person
from hub.people.door import SIGNED_IN, at_node, somewhere
from hub.people.rights import Place, Right

routes = router("nodes")


class NodeBrief(BaseModel):
    """A node. `node`: its address."""

    node: str = Field(examples=["26734/tram-bom"])
    name: str
    online: bool = Field(description="Whether it can be reached now; none can while the broker is away from the hub")
    area: str = Field(default="", description="Residential area as addresses write it, `thon-dong`")


class NodeList(BaseModel):
    """A page of nodes."""

    items: list[NodeBrief]
    next: str | None = Field(default=None, description="`after` of the next page; absent: that was all")


class NodeWhole(NodeBrief):
    """A node with what it has: things, groups, cameras, position."""

    about: About | None = None


class NodeStates(NodeBrief):
    """A node with the newest state of each of its things."""

    states: list[ThingState]


class AreaBrief(BaseModel):
    """A residential area. `place`: as rights and bulletins name it."""

    place: str = Field(examples=["26734//thon-dong"])
    name: str
    nodes: list[str]


class Me(BaseModel):
    """Who asks. `rights`: each with the places where one has it, "" is everywhere."""

    id: str
    name: str
    kind: str
    rights: dict[str, list[str]]


@routes.get("/nodes", response_model=NodeList, responses=UNCHANGED)
@needs(somewhere(Right.SEE))
async def list_nodes(
    request: Request,
    hub: Hub,
    place: Annotated[str, Query(max_length=200, description="Only in this place: `26734`, `26734//thon-dong`")] = "",
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Limit = 200,
) -> Response:
    """The nodes that one may see, by address."""
    where = Place.parse(place)
    seen = (node for node in hub.areas.nodes(person(), Right.SEE) if not place or where.holds(hub.areas.place(node)))
    rest = sorted((node for node in seen if node.address > after), key=lambda node: node.address)
    items = [_brief(hub, node).model_dump() for node in rest[:limit]]
    more = {"next": items[-1]["node"]} if len(rest) > limit else {}
    return tagged(request, {"items": items, **more})


@routes.get("/nodes/{commune}/{node}", response_model=NodeWhole, responses={**NOT_FOUND, **UNCHANGED})
@needs(at_node(Right.SEE))
async def one_node(request: Request, hub: Hub, commune: Commune, node: NodeName) -> Response:
    """One node, with what it has."""
    known = found(hub, commune, node)
    about = {"about": known.about.model_dump(mode="json", exclude_none=True)} if known.about else {}
    return tagged(request, {**_brief(hub, known).model_dump(), **about})


@routes.get("/nodes/{commune}/{node}/states", response_model=NodeStates, responses={**NOT_FOUND, **UNCHANGED})
@needs(at_node(Right.SEE))
async def node_states(request: Request, hub: Hub, commune: Commune, node: NodeName) -> Response:
    """The newest state of each thing."""
    known = found(hub, commune, node)
    states = [s.model_dump(mode="json", exclude_none=True, by_alias=True) for s in known.states.values()]
    return tagged(request, {**_brief(hub, known).model_dump(), "states": states})


@routes.get("/areas", response_model=list[AreaBrief], responses=UNCHANGED)
@needs(somewhere(Right.SEE))
async def list_areas(request: Request, hub: Hub) -> Response:
    """Residential areas, with those of their nodes that one may see."""
    areas = hub.areas.all(hub.areas.nodes(person(), Right.SEE))
    return tagged(request, [{"place": str(a.place), "name": a.name, "nodes": list(a.nodes)} for a in areas])


@routes.get(
    "/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, without an end"}},
)
@needs(somewhere(Right.SEE))
async def events(
    hub: Hub,
    node: Annotated[str, Query(max_length=100, description="Only of this node, `26734/tram-bom`")] = "",
    kind: Annotated[str, Query(max_length=40, description="Only things of this kind, `light`")] = "",
    now: Annotated[bool, Query(description="Begin with all that is known")] = False,
) -> Response:
    """States as they change: `event: state` and `event: node`."""
    who = person()
    everywhere = who.may_everywhere(Right.SEE)

    def may(address: str) -> bool:
        return everywhere or hub.areas.may(who, Right.SEE, address)

    stream = hub.feed.stream(node, kind, may, now=now)
    if stream is None:
        no = refused(503, "api.too_many_readers")
        no.headers = {"Retry-After": "30"}
        raise no
    return stream


@routes.get("/me", response_model=Me)
@needs(SIGNED_IN)
async def me() -> Response:
    """Who one is here, and what one may do where."""
    who = person()
    rights = {right.value: [str(place) for place in who.places(right)] for right in Right if who.may_somewhere(right)}
    return reply({"id": who.id, "name": who.name, "kind": who.kind, "rights": rights})


def _brief(hub: Parts, node: Node) -> NodeBrief:
    area = hub.areas.place(node).area
    return NodeBrief(node=node.address, name=node.title, online=is_there(hub, node), area=area)
