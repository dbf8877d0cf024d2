"""Which nodes are trusted: tokens for new ones, certificates, revoking. Only people do this: no token opens it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Name, Report, Strict
from edge_agent.contract.enrolment import CardEnrolment
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Commune, Hub, NodeName, Parts, needs, reply, router
from hub.api.texts import CLEANED
from hub.enrolment.desk import Enrolling
from hub.enrolment.grants import Trusted
from hub.enrolment.happened import Happened
from hub.enrolment.tokens import Token
from hub.people.acting import person
from hub.people.door import at_node, somewhere
from hub.people.rights import Place, Right

routes = router("nodes")


class NewNode(Strict):
    """A node that is to become trusted."""

    commune: Name
    name: Name
    area: Annotated[str, CLEANED] = Field(
        default="", max_length=100, description="Where it stands, for the list of open tokens"
    )


class OpenToken(Report):
    """A token that nobody has used."""

    id: str
    node: str = Field(examples=["26734/tram-bom"])
    area: str
    made: Instant
    made_by: str
    expires: Instant


class MadeToken(OpenToken):
    """A new one. `card` is told now, and never again."""

    card: CardEnrolment


class BoxEvent(Report):
    """What became of a node's boxes, by the boards that their statuses tell."""

    kind: Literal["replaced", "cloned"] = Field(
        description="replaced: a new box under the old name; cloned: two boxes at once, a card was copied"
    )
    at: Instant
    board: str = Field(description="The one that was there")
    other: str = Field(description="The one that came")
    model: str = ""
    other_model: str = ""


class TrustedNode(Report):
    """A node by its newest certificate."""

    node: str = Field(examples=["26734/tram-bom"])
    since: Instant
    until: Instant
    board: str = Field(description="As the status of the node tells it; empty: unknown")
    model: str
    revoked: datetime | None = None
    history: tuple[BoxEvent, ...] = Field(default=(), description="The oldest first")


class Sure(Strict):
    """The second step: nobody shuts a node out by a slip."""

    sure: Literal[True]


@routes.get("/enrolment/nodes", response_model=list[TrustedNode], responses=NOT_FOUND)
@needs(somewhere(Right.ADMINISTER))
async def trusted_nodes(hub: Hub) -> Response:
    """Every node that has or had a certificate."""
    nodes = [each for each in await _desk(hub).nodes() if _mine(each.commune, each.name)]
    happened = await _desk(hub).happened()
    return reply([_node(each, happened.get(each.address, ())) for each in nodes])


@routes.get("/enrolment/tokens", response_model=list[OpenToken], responses=NOT_FOUND)
@needs(somewhere(Right.ADMINISTER))
async def open_tokens(hub: Hub) -> Response:
    """The tokens that are still good."""
    found = [one for one in await _desk(hub).open_tokens() if _mine(one.commune, one.name)]
    return reply([_token(one) for one in found])


@routes.post("/enrolment/tokens", response_model=MadeToken, status_code=201, responses=NOT_FOUND)
@needs(somewhere(Right.ADMINISTER), secret=True)
async def make_node_token(hub: Hub, asked: NewNode) -> Response:
    """Make one; an open token of the same node is void then. `card` is what stands on the card as enrol.json."""
    if not person().may(Right.ADMINISTER, Place(asked.commune)):
        raise refused(403, "trust.not_here", "body.commune")
    token, card = await _desk(hub).make_token(asked.commune, asked.name, asked.area)
    return reply({**_token(token), "card": card.model_dump(mode="json")}, 201)


@routes.delete("/enrolment/tokens/{id}", status_code=204, responses=NOT_FOUND)
@needs(somewhere(Right.ADMINISTER))
async def withdraw_token(hub: Hub, id: Annotated[str, Path(max_length=100)]) -> Response:  # noqa: A002 - as it is called
    """From now on it opens nothing."""
    desk = _desk(hub)
    found = next((one for one in await desk.open_tokens() if one.id == id), None)
    if found is None or not _mine(found.commune, found.name):
        raise refused(404, "trust.no_token", "path.id")
    await desk.withdraw(found)
    return Response(status_code=204)


@routes.post("/enrolment/nodes/{commune}/{node}/revoke", status_code=204, responses=NOT_FOUND)
@needs(at_node(Right.ADMINISTER))
async def revoke_node(hub: Hub, commune: Commune, node: NodeName, asked: Sure) -> Response:
    """Trust it no more; within a minute the broker has shut it out."""
    if not await _desk(hub).revoke(commune, node):
        raise refused(404, "trust.not_trusted", f"{commune}/{node}")
    return Response(status_code=204)


def _desk(hub: Parts) -> Enrolling:
    if hub.more.trust is None:
        raise refused(404, "trust.off")
    return hub.more.trust


def _mine(commune: str, name: str) -> bool:
    return person().may(Right.ADMINISTER, Place(commune, "", name))


def _token(one: Token) -> dict[str, object]:
    brief = OpenToken(
        id=one.id, node=one.address, area=one.area, made=one.made, made_by=one.made_by, expires=one.expires
    )
    return brief.model_dump(mode="json")


def _node(each: Trusted, happened: Sequence[Happened]) -> dict[str, object]:
    told = TrustedNode(
        node=each.address,
        since=each.made,
        until=each.ends,
        board=each.mark,
        model=each.model,
        revoked=each.revoked,
        history=tuple(_event(one) for one in happened),
    )
    return told.model_dump(mode="json", exclude_none=True)


def _event(one: Happened) -> BoxEvent:
    return BoxEvent(
        kind=one.kind, at=one.at, board=one.board, other=one.other, model=one.model, other_model=one.other_model
    )
