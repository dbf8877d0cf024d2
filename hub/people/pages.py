"""`/people`: who there is, what they may do, where they are signed in; and what an administrator changes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.language import sentence, sort_key
from hub.people import choosing
from hub.people.accounts import Account
from hub.people.acting import person
from hub.people.administering import Administering, Said, changeable
from hub.people.door import Door, somewhere
from hub.people.invitations import Invitations
from hub.people.joining import Wrong
from hub.people.kit import FormError, Kit, fields
from hub.people.rights import Grant, Right

Act = Callable[[Account, dict[str, str]], Awaitable[Said]]
"""Changes an account by what a form says. Raises Wrong."""


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

    def __init__(self, kit: Kit, invitations: Invitations, acts: Administering) -> None:
        self._kit = kit
        self._invitations = invitations
        self._acts = acts

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        acts: dict[str, Act] = {
            "name": self._name,
            "grant": self._grant,
            "take": self._take,
            **{name: _plain(act) for name, act in self._acts.plain.items()},
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
        seen = self._acts.all()
        if wanted:
            seen = [account for account in seen if choosing.called(account, wanted)]
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
            self._acts.locked(account),
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
        return self._acts.met(request.path_params["person"])

    def _unknown(self, request: Request) -> Response:
        return self._kit.say(request, "/people", "people.unknown", good=False)

    def _change(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            kit = self._kit
            if (account := self._found(request)) is None:
                return self._unknown(request)
            try:
                given = await fields(request)
                changeable(account)
                key, said = await act(account, given)
            except (FormError, Wrong) as error:
                kit.audit.note(f"person.{name}", what=account.person.name, outcome=error.key)
                return self._shown(request, account, kit.words(request, error.key, **error.params), 422)
            return kit.say(request, f"/people/{account.person.id}", key, **said)

        return endpoint

    async def _name(self, account: Account, given: dict[str, str]) -> Said:
        return await self._acts.name(account, given.get("name", ""))

    async def _grant(self, account: Account, given: dict[str, str]) -> Said:
        return await self._acts.grant(account, choosing.grant(person(), given))

    async def _take(self, account: Account, given: dict[str, str]) -> Said:
        role, _, place = given.get("grant", "").partition("|")
        return await self._acts.take(account, role, place)

    async def _password(self, request: Request) -> Response:
        """A card with which they set a new password themselves: nobody else ever knows it."""
        account = self._found(request)
        if account is None or not choosing.manages(person(), account):
            return self._unknown(request)
        self._acts.note_password_link(account)
        id_ = await self._invitations.make("password", account.person.name, person=account.person.id)
        return RedirectResponse(f"/people/invitations/{id_}", 303)


def _plain(act: Callable[[Account], Awaitable[Said]]) -> Act:
    async def by_form(account: Account, _: dict[str, str]) -> Said:
        return await act(account)

    return by_form
