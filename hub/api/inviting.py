"""Roles in places, and invitations. Only people administer people: no token opens these addresses."""

from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Strict
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, needs, reply, router, worded
from hub.api.texts import CLEANED, AnyPlace
from hub.people import choosing
from hub.people.acting import person
from hub.people.codes import Code
from hub.people.door import somewhere
from hub.people.joining import Wrong, person_name
from hub.people.rights import EVERYWHERE, Grant, Right, Role

routes = router("people")
Id = Annotated[str, Path(max_length=100)]
ADMINISTER = somewhere(Right.ADMINISTER)


class GrantOf(Strict):
    """A role in a place. `place` empty: everywhere."""

    role: Role
    place: AnyPlace


class NewInvitation(Strict):
    """Whom to invite, as what, where."""

    name: Annotated[str, CLEANED] = Field(min_length=2, max_length=100)
    grant: GrantOf


class Invitation(BaseModel):
    """Waits to be taken up: it works once, for seven days. `link` is told when it is made, and never again."""

    id: str
    name: str
    grants: list[GrantOf]
    made_by: str
    expires: Instant
    link: str | None = None


@routes.get("/invitations", response_model=list[Invitation])
@needs(ADMINISTER)
async def list_invitations(hub: Hub) -> Response:
    """Those that wait to be taken up."""
    return reply([_invitation(code) for code in await hub.more.house.invitations.open(person())])


@routes.post("/invitations", response_model=Invitation, status_code=201)
@needs(ADMINISTER, secret=True)
async def invite(request: Request, hub: Hub, asked: NewInvitation) -> Response:
    """Invite somebody; who opens `link` chooses login and password."""
    invitations = hub.more.house.invitations
    try:
        name = person_name(asked.name)
    except Wrong as error:
        raise worded(error, 422, "body.name") from error
    id_ = await invitations.invite(name, grant(asked.grant))
    made = next((code for code in await invitations.open(person()) if code.id == id_), None)
    if made is None:
        raise refused(404, "people.invitation_over")
    link = hub.more.house.kit.link(request, invitations.address_of(id_))
    return reply({**_invitation(made), "link": link}, 201)


@routes.delete("/invitations/{invitation_id}", status_code=204, responses=NOT_FOUND)
@needs(ADMINISTER)
async def uninvite(hub: Hub, invitation_id: Id) -> Response:
    """Nobody can take it up any more."""
    if await hub.more.house.invitations.revoke(invitation_id) is None:
        raise refused(404, "people.invitation_over", "path.invitation_id")
    return Response(status_code=204)


def grant(asked: GrantOf) -> Grant:
    """What the acting person may give. Raises ApiError."""
    try:
        return choosing.grant(person(), {"role": asked.role.value, "place": asked.place or "*"})
    except Wrong as error:
        status = 403 if error.key == "people.cannot_give" else 422
        raise worded(error, status, "body.place") from error


def grants(given: tuple[Grant, ...]) -> list[GrantOf]:
    """As the API writes them."""
    return [GrantOf(role=g.role, place="" if g.place == EVERYWHERE else str(g.place)) for g in given]


def _invitation(code: Code) -> dict[str, Any]:
    told = Invitation(id=code.id, name=code.name, grants=grants(code.grants), made_by=code.maker, expires=code.expires)
    return told.model_dump(mode="json", exclude_none=True)
