"""`/people`: who there is, what they may do, where they are signed in; and what an administrator changes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.language import sentence, sort_key
from hub.people import choosing, factors
from hub.people.accounts import Account
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.invitations import Invitations
from hub.people.joining import Wrong, person_name
from hub.people.kit import FormError, Kit, fields
from hub.people.rights import EVERYWHERE, Grant, Place, Right, Role
from hub.people.sign_in import second_name

Act = Callable[[Account, dict[str, str]], Awaitable[tuple[str, dict[str, Any]]]]
"""Changes an account; returns the key of what is said then, and what fills it. Raises Wrong."""


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody in the list."""

    id: str
    name: str
    login: str
    roles: tuple[tuple[str, str, str], ...]
    """Of each: `role|place`, the role and the place in words."""
    seen: str
    devices: int
    disabled: bool
    locked: bool
    has_second: bool
    has_password: bool


class PeoplePages:
    """The list, and the page of each person."""

    def __init__(self, kit: Kit, invitations: Invitations) -> None:
        self._kit = kit
        self._invitations = invitations

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        acts: dict[str, Act] = {
            "name": self._name,
            "grant": self._grant,
            "take": self._take,
            "disable": self._disable,
            "enable": self._enable,
            "sessions": self._sessions,
            "second": self._reset_second,
            "unlock": self._unlock,
        }
        return [
            door.route("/people", self._list, administers),
            door.route("/people/{person}", self._one, administers),
            door.route("/people/{person}/password", self._password, administers, ["POST"]),
            *(
                door.route(f"/people/{{person}}/{name}", self._change(name, act), administers, ["POST"])
                for name, act in acts.items()
            ),
        ]

    async def _list(self, request: Request) -> Response:
        kit, language, wanted = self._kit, self._kit.language(request), request.query_params.get("q", "")[:100]
        seen = [account for account in kit.accounts.all if choosing.meets(person(), account)]
        if wanted:
            asked = sort_key(wanted.strip())[0]
            seen = [a for a in seen if asked in sort_key(a.person.name)[0] or asked in a.login]
        seen.sort(key=lambda a: (a.disabled, sort_key(a.person.name)))
        invited = [
            (code, self._roles(code.grants, language), kit.moment(code.expires), code.id in kit.codes_shown)
            for code in await self._invitations.open(person())
        ]
        lines = [self._line(account, language) for account in seen[:500]]
        return kit.page(request, "people_list.html", people=lines, all=len(seen), invited=invited, wanted=wanted)

    async def _one(self, request: Request) -> Response:
        if (account := self._found(request)) is None:
            return self._unknown(request)
        return self._shown(request, account)

    def _shown(self, request: Request, account: Account, wrong: str = "", status: int = 200) -> Response:
        kit, language = self._kit, self._kit.language(request)
        return kit.page(
            request,
            "people_one.html",
            status=status,
            one=self._line(account, language),
            sessions=[(s.device, kit.moment(s.seen)) for s in kit.sessions.of(account.person.id)],
            may_change=choosing.manages(person(), account),
            is_self=account.person.id == person().id,
            roles=choosing.roles(person(), language),
            places=choosing.places(kit, person(), language),
            wrong=wrong,
        )

    def _line(self, account: Account, language: Language) -> Line:
        kit, who = self._kit, account.person
        sessions = kit.sessions.of(who.id)
        return Line(
            who.id,
            who.name,
            account.login,
            self._roles(who.grants, language),
            kit.moment(sessions[0].seen) if sessions else "",
            len(sessions),
            account.disabled,
            kit.waits.locked(account.login) or kit.waits.locked(second_name(account)),
            bool(account.totp),
            bool(account.password),
        )

    def _roles(self, grants: tuple[Grant, ...], language: Language) -> tuple[tuple[str, str, str], ...]:
        return tuple(
            (
                f"{g.role}|{g.place}",
                sentence(language, f"people.role_{g.role.value}"),
                self._kit.place(g.place, language),
            )
            for g in grants
        )

    def _found(self, request: Request) -> Account | None:
        account = self._kit.accounts.get(request.path_params["person"])
        return account if account and choosing.meets(person(), account) else None

    def _unknown(self, request: Request) -> Response:
        return self._kit.say(request, "/people", "people.unknown", good=False)

    def _change(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            kit = self._kit
            if (account := self._found(request)) is None:
                return self._unknown(request)
            try:
                given = await fields(request)
                if not choosing.manages(person(), account):
                    raise Wrong("people.cannot_change")
                key, said = await act(account, given)
            except (FormError, Wrong) as error:
                kit.audit.note(f"person.{name}", what=account.person.name, outcome=error.key)
                return self._shown(request, account, kit.words(request, error.key, **error.params), 422)
            return kit.say(request, f"/people/{account.person.id}", key, **said)

        return endpoint

    def _note(self, act: str, account: Account, place: str = "", **details: Any) -> None:
        """Written down before it is done: what cannot be written down is not done."""
        self._kit.audit.note(f"person.{act}", place, account.person.name, id=account.person.id, **details)

    async def _name(self, account: Account, given: dict[str, str]) -> tuple[str, dict[str, Any]]:
        name = person_name(given.get("name", ""))
        self._note("name", account, to=name)
        await self._kit.accounts.renew(account.person.id, person=replace(account.person, name=name))
        return "people.saved", {}

    async def _grant(self, account: Account, given: dict[str, str]) -> tuple[str, dict[str, Any]]:
        grant = choosing.grant(person(), given)
        self._note("grant", account, str(grant.place), role=grant.role)
        await self._kit.accounts.grant(account.person.id, (*account.person.grants, grant))
        return "people.granted", {}

    async def _take(self, account: Account, given: dict[str, str]) -> tuple[str, dict[str, Any]]:
        role, _, place = given.get("grant", "").partition("|")
        left = tuple(g for g in account.person.grants if (g.role, str(g.place)) != (role, place))
        if left == account.person.grants:
            return "people.saved", {}
        if (role, place) == (Role.ADMINISTRATOR, str(EVERYWHERE)):
            self._not_the_last(account)
        self._note("take", account, str(Place.parse(place)), role=role)
        await self._kit.accounts.grant(account.person.id, left)
        return "people.taken", {}

    def _not_the_last(self, account: Account) -> None:
        """Somebody must be able to let others in again."""
        if all(other.person.id == account.person.id for other in self._kit.accounts.administrators):
            raise Wrong("people.last_administrator")

    async def _disable(self, account: Account, _: dict[str, str]) -> tuple[str, dict[str, Any]]:
        self._not_the_last(account)
        if account.person.id == person().id:
            raise Wrong("people.not_yourself")
        self._note("disable", account)
        await self._kit.accounts.renew(account.person.id, disabled=True)
        await self._kit.sessions.end(*self._kit.sessions.of(account.person.id))
        return "people.disabled_now", {}

    async def _enable(self, account: Account, _: dict[str, str]) -> tuple[str, dict[str, Any]]:
        self._note("enable", account)
        await self._kit.accounts.renew(account.person.id, disabled=False)
        return "people.enabled_now", {}

    async def _sessions(self, account: Account, _: dict[str, str]) -> tuple[str, dict[str, Any]]:
        ended = self._kit.sessions.of(account.person.id)
        self._note("sessions", account, number=len(ended))
        await self._kit.sessions.end(*ended)
        return "people.sessions_ended", {"number": len(ended)}

    async def _reset_second(self, account: Account, _: dict[str, str]) -> tuple[str, dict[str, Any]]:
        id_ = account.person.id
        self._note("second_reset", account)
        await self._kit.store.call(lambda c: factors.clear(c, id_))
        await self._kit.accounts.renew(id_, totp="")
        await self._kit.sessions.end(*self._kit.sessions.of(id_))
        self._kit.waits.well(second_name(account))
        return "people.second_gone", {}

    async def _unlock(self, account: Account, _: dict[str, str]) -> tuple[str, dict[str, Any]]:
        self._note("unlock", account)
        self._kit.waits.well(account.login)
        self._kit.waits.well(second_name(account))
        return "people.unlocked", {}

    async def _password(self, request: Request) -> Response:
        """A card with which they set a new password themselves: nobody else ever knows it."""
        account = self._found(request)
        if account is None or not choosing.manages(person(), account):
            return self._unknown(request)
        self._note("password_link", account)
        id_ = await self._invitations.make("password", account.person.name, person=account.person.id)
        return RedirectResponse(f"/people/invitations/{id_}", 303)
