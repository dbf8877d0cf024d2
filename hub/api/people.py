"""Who there is and what they may do. Only people administer people: no token opens these addresses."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Strict
from hub.api.devices import SessionOf, session
from hub.api.errors import refused
from hub.api.inviting import ADMINISTER, GrantOf, Id, grant, grants
from hub.api.parts import NOT_FOUND, Hub, Limit, Parts, needs, reply, router, worded
from hub.api.texts import CLEANED
from hub.people import choosing
from hub.people.accounts import Account
from hub.people.administering import changeable
from hub.people.joining import Wrong
from hub.people.rights import Role

routes = router("people")

Act = Literal["disable", "enable", "end-sessions", "reset-second", "unlock"]
_ACTS = {"end-sessions": "sessions", "reset-second": "second"}
"""As the pages call them, where that is another name."""


class PersonBrief(BaseModel):
    """Somebody. `locked`: must wait after wrong passwords."""

    id: str
    name: str
    login: str
    grants: list[GrantOf]
    disabled: bool
    locked: bool
    has_second: bool
    has_password: bool
    created: Instant
    seen: Instant | None = Field(default=None, description="When a device of theirs was used last")


class PersonList(BaseModel):
    """A page of people, by id."""

    items: list[PersonBrief]
    next: str | None = Field(default=None, description="`after` of the next page; absent: that was all")


class PersonWhole(PersonBrief):
    """With the devices where they are signed in."""

    sessions: list[SessionOf]


class Named(Strict):
    """What somebody is called."""

    name: Annotated[str, CLEANED] = Field(min_length=2, max_length=100)


class PasswordLink(BaseModel):
    """By it somebody sets a new password themselves, once, within a day."""

    link: str


@routes.get("/people", response_model=PersonList)
@needs(ADMINISTER)
async def list_people(
    hub: Hub,
    q: Annotated[str, Query(max_length=100, description="Part of a name or login")] = "",
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Limit = 200,
) -> Response:
    """Those who have a role in a place that one administers."""
    found = [account for account in hub.more.house.acts.all() if choosing.called(account, q)]
    rest = sorted((a for a in found if a.person.id > after), key=lambda a: a.person.id)
    items = [_brief(hub, account) for account in rest[:limit]]
    more = {"next": items[-1]["id"]} if len(rest) > limit else {}
    return reply({"items": items, **more})


@routes.get("/people/{person_id}", response_model=PersonWhole, responses=NOT_FOUND)
@needs(ADMINISTER)
async def one_person(hub: Hub, person_id: Id) -> Response:
    """One of them."""
    return reply(_whole(hub, _met(hub, person_id)))


@routes.patch("/people/{person_id}", response_model=PersonWhole, responses=NOT_FOUND)
@needs(ADMINISTER)
async def rename(hub: Hub, person_id: Id, asked: Named) -> Response:
    """Another name."""
    account = _mine(hub, person_id)
    await hub.more.house.acts.name(account, asked.name)
    return reply(_whole(hub, _met(hub, person_id)))


@routes.post("/people/{person_id}/grants", response_model=PersonWhole, responses=NOT_FOUND)
@needs(ADMINISTER)
async def give_role(hub: Hub, person_id: Id, asked: GrantOf) -> Response:
    """One role more. Nobody gives what they may not do themselves."""
    account, given = _mine(hub, person_id), grant(asked)
    await hub.more.house.acts.grant(account, given)
    return reply(_whole(hub, _met(hub, person_id)))


@routes.delete("/people/{person_id}/grants", response_model=PersonWhole, responses=NOT_FOUND)
@needs(ADMINISTER)
async def take_role(hub: Hub, person_id: Id, role: Role, place: Annotated[str, Query(max_length=200)] = "") -> Response:
    """One role less, at once: what they have open ends. There is always an administrator left."""
    await hub.more.house.acts.take(_mine(hub, person_id), role.value, place)
    account = hub.more.house.accounts.get(person_id)
    if account is None:
        raise refused(404, "people.unknown", "path.person_id")
    return reply(_whole(hub, account))


@routes.post("/people/{person_id}/{act}", response_model=PersonWhole, responses=NOT_FOUND)
@needs(ADMINISTER)
async def change_person(hub: Hub, person_id: Id, act: Act) -> Response:
    """Lock somebody out or let them in again, sign them out everywhere, take their second factor, end a wait."""
    account = _mine(hub, person_id)
    await hub.more.house.acts.plain[_ACTS.get(act, act)](account)
    return reply(_whole(hub, _met(hub, person_id)))


@routes.post("/people/{person_id}/password/link", response_model=PasswordLink, responses=NOT_FOUND)
@needs(ADMINISTER, secret=True)
async def password_link(request: Request, hub: Hub, person_id: Id) -> Response:
    """A link by which they set a new password: nobody else ever knows it."""
    house, account = hub.more.house, _mine(hub, person_id)
    house.acts.note_password_link(account)
    id_ = await house.invitations.make("password", account.person.name, person=account.person.id)
    return reply(PasswordLink(link=house.kit.link(request, house.invitations.address_of(id_))))


def _met(hub: Parts, id_: str) -> Account:
    account = hub.more.house.acts.met(id_)
    if account is None:
        raise refused(404, "people.unknown", "path.person_id")
    return account


def _mine(hub: Parts, id_: str) -> Account:
    """One whom the acting person may change."""
    account = _met(hub, id_)
    try:
        changeable(account)
    except Wrong as error:
        raise worded(error, 403, "path.person_id") from error
    return account


def _brief(hub: Parts, account: Account) -> dict[str, Any]:
    house, who = hub.more.house, account.person
    sessions = house.sessions.of(who.id)
    brief = PersonBrief(
        id=who.id,
        name=who.name,
        login=account.login,
        grants=grants(who.grants),
        disabled=account.disabled,
        locked=house.acts.locked(account),
        has_second=bool(account.totp),
        has_password=bool(account.password),
        created=account.created,
        seen=sessions[0].seen if sessions else None,
    )
    return brief.model_dump(mode="json", exclude_none=True)


def _whole(hub: Parts, account: Account) -> dict[str, Any]:
    sessions = [session(s, None) for s in hub.more.house.sessions.of(account.person.id)]
    return {**_brief(hub, account), "sessions": sessions}
