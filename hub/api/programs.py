"""Tokens by which programs come in; only people who administer make and revoke them."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Report, Strict
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, needs, reply, router
from hub.people import tokens
from hub.people.acting import person
from hub.people.door import somewhere
from hub.people.rights import Place, Right

routes = router("tokens")


class NewToken(Strict):
    """What a program may do, where, and how long."""

    name: str = Field(min_length=1, max_length=100, pattern=r"\S", description="Which program it is")
    rights: tuple[Right, ...] = Field(min_length=1, max_length=20)
    places: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        min_length=1, max_length=100, description="`26734`, `26734//thon-dong`, `26734/tram-bom`; empty: everywhere"
    )
    days: int = Field(default=365, ge=1, le=3650)


class TokenBrief(Report):
    """A token, without its secret."""

    id: str
    name: str
    rights: tuple[Right, ...]
    places: tuple[str, ...]
    made: Instant
    made_by: str
    expires: Instant
    seen: Instant | None = Field(default=None, description="When it was used last, within a minute")


class TokenMade(TokenBrief):
    """A new one. `secret` is told now, and never again."""

    secret: str


@routes.get("/tokens", response_model=list[TokenBrief])
@needs(somewhere(Right.ADMINISTER))
async def list_tokens(hub: Hub) -> Response:
    """The tokens that one may look after, the newest first."""
    return reply([_brief(token) for token in hub.tokens.seen_by(person())])


@routes.post("/tokens", response_model=TokenMade, status_code=201)
@needs(somewhere(Right.ADMINISTER), secret=True)
async def make_token(hub: Hub, asked: NewToken) -> Response:
    """Make one. Nobody gives what they may not do themselves, and none administers people."""
    places = [Place.parse(place) for place in asked.places]
    if any("\x00" in text for text in (asked.name, *asked.places)):
        raise refused(422, "api.bad_request", "body")
    try:
        life = timedelta(days=asked.days)
        token, secret = await hub.tokens.make(person(), asked.name, asked.rights, places, life)
    except tokens.CannotGive as error:
        raise refused(403, "api.cannot_give", "body.rights") from error
    except tokens.TooMany as error:
        raise refused(403, "api.too_many_tokens") from error
    hub.audit.note("token.make", " ".join(map(str, places)), token.name, id=token.id, rights=sorted(token.rights))
    return reply({**_brief(token), "secret": secret}, 201)


@routes.delete("/tokens/{id}", status_code=204, responses=NOT_FOUND)
@needs(somewhere(Right.ADMINISTER))
async def revoke_token(hub: Hub, id: Annotated[str, Path(max_length=100)]) -> Response:  # noqa: A002 - as it is called
    """From this moment it opens nothing."""
    token = hub.tokens.get(id)
    if token is None or token not in hub.tokens.seen_by(person()):
        raise refused(404, "api.no_token", "path.id")
    hub.audit.note("token.revoke", " ".join(map(str, token.places)), token.name, id=token.id)
    await hub.tokens.revoke(token)
    return Response(status_code=204)


def _brief(token: tokens.Token) -> dict[str, object]:
    brief = TokenBrief(
        id=token.id,
        name=token.name,
        rights=tuple(sorted(token.rights)),
        places=tuple(map(str, token.places)),
        made=token.made,
        made_by=token.made_by,
        expires=token.expires,
        seen=token.seen,
    )
    return brief.model_dump(mode="json", exclude_none=True)
