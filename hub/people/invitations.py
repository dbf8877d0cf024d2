"""Invitations: a role in a place, given as a QR code that works once, for seven days, until it is taken back."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.language import sentence
from hub.people import choosing, codes, factors
from hub.people.accounts import LoginTaken
from hub.people.acting import person
from hub.people.codes import Code, Kind
from hub.people.door import PUBLIC, Door, somewhere
from hub.people.joining import Wrong, joined, person_name, typed
from hub.people.kit import FormError, Kit, client, fields
from hub.people.passwords import problem
from hub.people.rights import Grant, Person, Right, needs_second_factor

SHOWN = 200
"""Codes that are held so that their cards can be shown."""


class Invitations:
    """To invite, and to be invited."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        return [
            door.route("/people/invite", self._form, administers),
            door.route("/people/invite", self._invite, administers, ["POST"]),
            door.route("/people/invitations/{id}", self._card, administers),
            door.route("/people/invitations/{id}/revoke", self._revoke, administers, ["POST"]),
            door.route("/invite/{code}", self._welcome, PUBLIC),
            door.route("/invite/{code}", self._join, PUBLIC, ["POST"]),
            door.route("/password/{code}", self._forgot, PUBLIC),
            door.route("/password/{code}", self._set, PUBLIC, ["POST"]),
        ]

    async def open(self, giver: Person) -> list[Code]:
        """Invitations that wait to be taken up, of those that somebody may give."""
        now = self._kit.clock.now()
        found = await self._kit.store.read(lambda c: codes.listed(c, "invitation"))
        return [code for code in found if code.is_open(now) and codes.within(code, giver)]

    async def make(self, kind: Kind, name: str, **more: object) -> str:
        """A new code, to be shown on its card; returns its id. Raises SQLAlchemyError, StoreFull."""
        kit, code = self._kit, codes.fresh(kind)
        now, maker = kit.clock.now(), person().name
        id_ = await kit.store.call(lambda c: codes.make(c, kind, code, now, name=name, maker=maker, **more))  # type: ignore[arg-type]
        while len(kit.codes_shown) >= SHOWN:
            kit.codes_shown.pop(next(iter(kit.codes_shown)))
        kit.codes_shown[id_] = f"{kind}:{code}"
        return id_

    async def _form(self, request: Request) -> Response:
        return self._asked(request, {}, "")

    def _asked(self, request: Request, given: dict[str, str], wrong: str, status: int = 200) -> Response:
        kit, language = self._kit, self._kit.language(request)
        roles, places = choosing.roles(person(), language), choosing.places(kit, person(), language)
        return kit.page(
            request, "people_invite.html", status=status, given=given, wrong=wrong, roles=roles, places=places
        )

    async def _invite(self, request: Request) -> Response:
        kit, given = self._kit, {}
        try:
            given = await fields(request)
            name = person_name(given.get("name", ""))
            grant = choosing.grant(person(), given)
        except (FormError, Wrong) as error:
            return self._asked(request, given, kit.words(request, error.key, **error.params), 422)
        return RedirectResponse(f"/people/invitations/{await self.invite(name, grant)}", 303)

    async def invite(self, name: str, grant: Grant) -> str:
        """For somebody who has no account yet; its id. Raises SQLAlchemyError, StoreFull."""
        self._kit.audit.note("person.invite", str(grant.place), name, role=grant.role)
        return await self.make("invitation", name, grants=(grant,))

    def address_of(self, id_: str) -> str:
        """The path that the QR code opens, of a code that was just made; empty when it is shown no more."""
        kind, _, code = self._kit.codes_shown.get(id_, "").partition(":")
        return f"/{'invite' if kind == 'invitation' else 'password'}/{code}" if code else ""

    async def _card(self, request: Request) -> Response:
        """The QR code is shown as long as the hub remembers it; only its hash is kept."""
        kit, id_ = self._kit, request.path_params["id"]
        kind, _, code = kit.codes_shown.get(id_, "").partition(":")
        found = await kit.store.read(lambda c: codes.find(c, kind, code)) if code else None  # type: ignore[arg-type]
        if found is None or found.id != id_ or not self._may_see(found):
            return kit.page(request, "people_gone.html", status=410)
        link = kit.link(request, self.address_of(id_))
        language = kit.language(request)
        given = [
            (sentence(language, f"people.role_{grant.role.value}"), kit.place(grant.place, language))
            for grant in found.grants
        ]
        return kit.page(
            request,
            "people_invitation.html",
            code=found,
            link=link,
            qr=factors.picture(link),
            given=given,
            until=kit.moment(found.expires),
        )

    def _may_see(self, code: Code) -> bool:
        if code.kind == "invitation":
            return codes.within(code, person())
        account = self._kit.accounts.get(code.person)
        return account is not None and choosing.manages(person(), account)

    async def _revoke(self, request: Request) -> Response:
        mine = await self.revoke(request.path_params["id"])
        if mine is None:
            return self._kit.say(request, "/people", "people.invitation_over", good=False)
        return self._kit.say(request, "/people", "people.invitation_revoked", name=mine.name)

    async def revoke(self, id_: str) -> Code | None:
        """Take an invitation back; None where there is none that the acting person may take back.

        Raises SQLAlchemyError, StoreFull.
        """
        kit, now = self._kit, self._kit.clock.now()
        mine = next((code for code in await self.open(person()) if code.id == id_), None)
        if mine is None:
            return None
        kit.audit.note("person.uninvite", str(mine.grants[0].place) if mine.grants else "", mine.name)
        await kit.store.call(lambda c: codes.revoke(c, id_, now))
        kit.codes_shown.pop(id_, None)
        return mine

    async def _look(self, request: Request, kind: Kind) -> Code | None:
        code = await self._kit.store.read(lambda c: codes.find(c, kind, request.path_params["code"]))
        return code if code and code.is_open(self._kit.clock.now()) else None

    async def _welcome(self, request: Request) -> Response:
        code = await self._look(request, "invitation")
        if code is None:
            return self._kit.page(request, "people_gone.html", "sign_in", 410)
        return self._joining(request, code, {"name": code.name}, "")

    def _joining(self, request: Request, code: Code, given: dict[str, str], wrong: str) -> Response:
        kit, language = self._kit, self._kit.language(request)
        roles = [
            (sentence(language, f"people.role_{grant.role.value}"), kit.place(grant.place, language))
            for grant in code.grants
        ]
        strong = needs_second_factor(code.grants)
        status = 422 if wrong else 200
        shown = {"given": given, "wrong": wrong, "roles": roles, "strong": strong}
        return kit.page(request, "people_invited.html", "sign_in", status, **shown)

    async def _join(self, request: Request) -> Response:
        kit, code, given = self._kit, await self._look(request, "invitation"), {}
        if code is None:
            return kit.page(request, "people_gone.html", "sign_in", 410)
        try:
            given = await fields(request)
            account = await joined(kit, typed(kit, given), code.grants, "invitation", request.path_params["code"])
        except (FormError, Wrong) as error:
            return self._joining(request, code, given, kit.words(request, error.key, **error.params))
        except LoginTaken:
            return self._joining(request, code, given, kit.words(request, "people.login_taken"))
        kit.codes_shown.pop(code.id, None)
        kit.audit.note(
            "person.join", str(code.grants[0].place), code.maker, who=account.person, address=client(request)
        )
        return await kit.enter(request, account.person.id, "/", strong=False)

    async def _forgot(self, request: Request) -> Response:
        code = await self._look(request, "password")
        if code is None:
            return self._kit.page(request, "people_gone.html", "sign_in", 410)
        return self._kit.page(request, "people_password.html", "sign_in", name=code.name, wrong="")

    async def _set(self, request: Request) -> Response:
        kit, code = self._kit, await self._look(request, "password")
        account = kit.accounts.get(code.person) if code else None
        if code is None or account is None or account.disabled:
            return kit.page(request, "people_gone.html", "sign_in", 410)
        try:
            password = (await fields(request)).get("password", "")
            if key := problem(password, account.login, account.person.name, kit.name):
                raise Wrong(key, least=10)
        except (FormError, Wrong) as error:
            wrong = kit.words(request, error.key, **error.params)
            return kit.page(request, "people_password.html", "sign_in", 422, name=code.name, wrong=wrong)
        kept, now = await kit.passwords.make(password), kit.clock.now()
        if await kit.store.call(lambda c: codes.take(c, "password", request.path_params["code"], now)) is None:
            return kit.page(request, "people_gone.html", "sign_in", 410)
        await kit.sessions.end(*kit.sessions.of(account.person.id))
        await kit.accounts.renew(account.person.id, password=kept)
        kit.audit.note("person.password", who=account.person, by="link", address=client(request))
        return await kit.enter(request, account.person.id, "/", strong=False)
