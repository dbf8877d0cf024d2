"""`/demo`: one tap to be somebody of the demo. Exists only where the configuration has `demo`, and on loopback."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.language import sentence
from hub.people.accounts import Account
from hub.people.demo_settings import Demo
from hub.people.door import PUBLIC, Door
from hub.people.kit import FormError, Kit, fields, safe
from hub.people.rights import Grant, Place


class DemoPage:
    """People without passwords, for who wants to look around."""

    def __init__(self, kit: Kit, settings: Demo | None) -> None:
        self._kit = kit
        self._people = settings.people if settings else ()
        self._hours = settings.hours if settings else ""

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; none outside of the demo."""
        if not self._people:
            return []
        return [door.route("/demo", self._page, PUBLIC), door.route("/demo", self._be, PUBLIC, ["POST"])]

    async def start(self) -> None:
        """Make whoever is missing; the others get the roles of the configuration. Raises SQLAlchemyError, StoreFull."""
        for one in self._people:
            grant = Grant(one.role, Place.parse(one.place))
            account = self._kit.accounts.by_login(one.login)
            if account is None:
                await self._kit.accounts.add(one.login, one.name, (grant,))
            elif account.person.grants != (grant,):
                await self._kit.accounts.grant(account.person.id, (grant,))

    async def _page(self, request: Request) -> Response:
        language = self._kit.language(request)
        people = [
            (
                account.login,
                account.person.name,
                sentence(language, f"people.role_{account.person.grants[0].role.value}"),
                self._kit.place(account.person.grants[0].place, language),
                sentence(language, f"people.does_{account.person.grants[0].role.value}"),
            )
            for account in self._known()
        ]
        after, hours = safe(request.query_params.get("next")), self._hours
        return self._kit.page(
            request, "people_demo.html", "sign_in", people=people, after=after, hours=hours, choosing=True
        )

    def _known(self) -> list[Account]:
        found = (self._kit.accounts.by_login(one.login) for one in self._people)
        return [account for account in found if account is not None and account.person.grants]

    async def _be(self, request: Request) -> Response:
        try:
            given = await fields(request)
        except FormError:
            given = {}
        account = next((a for a in self._known() if a.login == given.get("login")), None)
        if account is None:
            return await self._page(request)
        self._kit.audit.note("person.sign_in", who=account.person, by="demo")
        return await self._kit.enter(request, account.person.id, safe(given.get("next")), strong=True)
