"""Nodes that are gone for good: out of the lists, and back."""

from datetime import datetime
from typing import Literal

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, UNCHANGED, Commune, Hub, NodeName, found, needs, router, tagged
from hub.forms import FormError
from hub.people.door import at_node, somewhere
from hub.people.rights import Right

routes = router("nodes")


class Forget(BaseModel):
    """The second step: nobody takes a node away by a slip."""

    sure: Literal[True] = Field(description="The node is not in use any more")


class GoneNode(BaseModel):
    """A node that was taken out of the lists."""

    node: str = Field(examples=["26734/tram-bom"])
    name: str
    at: datetime
    by: str


@routes.get("/nodes/forgotten", response_model=list[GoneNode], responses=UNCHANGED)
@needs(somewhere(Right.INSTALL))
async def forgotten_nodes(request: Request, hub: Hub) -> Response:
    """The nodes that were taken out of the lists and have not come back."""
    gone = hub.more.forgetting.hidden()
    items = [GoneNode(node=each.address, name=each.title, at=each.at, by=each.by) for each in gone]
    return tagged(request, [item.model_dump(mode="json") for item in items])


@routes.post(
    "/nodes/{commune}/{node}/forget",
    status_code=204,
    responses={**NOT_FOUND, 409: {"description": "The node is connected, or this key was begun already"}},
)
@needs(at_node(Right.INSTALL))
async def forget(hub: Hub, commune: Commune, node: NodeName, asked: Forget) -> Response:
    """Take a node that is away out of lists, counts and alerts until it reports again; its history stays."""
    address = found(hub, commune, node).address
    try:
        await hub.more.forgetting.forget(address)
    except FormError as error:
        raise refused(409, error.key, address) from error
    return Response(status_code=204)


@routes.delete("/nodes/{commune}/{node}/forget", status_code=204, responses=NOT_FOUND)
@needs(at_node(Right.INSTALL))
async def remember(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """Bring it back into the lists."""
    try:
        await hub.more.forgetting.remember(f"{commune}/{node}")
    except FormError as error:
        raise refused(404, error.key, f"{commune}/{node}") from error
    return Response(status_code=204)
