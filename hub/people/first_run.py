"""`/first-run`: the first administrator, by a code that the terminal prints. Gone as soon as there is one."""

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.people import codes
from hub.people.accounts import LoginTaken
from hub.people.door import PUBLIC, Door
from hub.people.joining import Wrong, joined, typed
from hub.people.kit import FormError, Kit, client, fields
from hub.people.rights import EVERYWHERE, Grant, Role

logger = logging.getLogger(__name__)

WHO = "first run"
"""Under which wrong codes are counted, whoever types them."""


class FirstRun:
    """The page, and the code."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/first-run", self._form, PUBLIC),
            door.route("/first-run", self._make, PUBLIC, ["POST"]),
        ]

    async def announce(self) -> str:
        """A new code if there is no administrator, else nothing. Raises SQLAlchemyError, StoreFull."""
        if self._kit.accounts.administrators:
            return ""
        code, now = codes.fresh("first"), self._kit.clock.now()
        await self._kit.store.call(lambda c: codes.make(c, "first", code, now))
        return code

    async def _form(self, request: Request) -> Response:
        if self._kit.accounts.administrators:
            return RedirectResponse("/sign-in", 303)
        return self._asked(request, {}, "")

    def _asked(self, request: Request, given: dict[str, str], wrong: str, status: int = 200) -> Response:
        return self._kit.page(request, "people_first.html", "sign_in", status, given=given, wrong=wrong)

    async def _make(self, request: Request) -> Response:
        kit = self._kit
        if kit.accounts.administrators:
            return RedirectResponse("/sign-in", 303)
        address, given = client(request), {}
        try:
            given = await fields(request)
            if left := kit.waits.left(WHO, address):
                raise Wrong("sign_in.wait_seconds", number=left)
            who = typed(kit, given)
            kit.waits.mistake(WHO, address, keep=False)
            account = await joined(kit, who, (Grant(Role.ADMINISTRATOR, EVERYWHERE),), "first", given.get("code", ""))
        except (FormError, Wrong) as error:
            return self._asked(request, given, kit.words(request, error.key, **error.params), 422)
        except LoginTaken:
            return self._asked(request, given, kit.words(request, "people.login_taken"), 422)
        kit.waits.well(WHO, address)
        kit.audit.note("person.first", who=account.person, address=address)
        return await kit.enter(request, account.person.id, "/", strong=False)
