"""The birth record of a node: what was seen and measured when it was accepted at its pole, and who says so."""

from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant
from edge_agent.contract.birth import BirthRecord, SignedBirth
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, found, needs, reply, router
from hub.births.trust import Verdict
from hub.people.door import at_node
from hub.people.rights import Right

routes = router("nodes")


class BirthOf(BaseModel):
    """The record that counts: the newest that is signed by a key of this hub's, else the newest."""

    node: str = Field(examples=["26734/tram-bom"])
    verdict: Verdict = Field(
        description="signed: by a key that this hub certified; unknown_key: whole, but by another; unsigned"
    )
    came: Instant = Field(description="When it came to the hub")
    record: BirthRecord
    signed: SignedBirth = Field(description="As it came: whoever wants to check the signature needs these letters")


@routes.get("/nodes/{commune}/{node}/birth", response_model=BirthOf, responses=NOT_FOUND)
@needs(at_node(Right.SEE))
async def node_birth(hub: Hub, commune: Commune, node: NodeName) -> Response:
    """Its birth record, with small pictures of its cameras. 404 where it was never accepted."""
    known = found(hub, commune, node)
    birth = await hub.more.births.of(known.address)
    if birth is None:
        raise refused(404, "birth.none")
    return reply(
        BirthOf(node=known.address, verdict=birth.verdict, came=birth.came, record=birth.record, signed=birth.signed)
    )
