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
from hub.people.rights import EVERYWHERE, NOBODY, Grant, Role

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
            if not await self._knows(given.get("code", ""), address):
                return self._asked(request, given, self._all_wrong(request, given), 422)
            who = typed(kit, given)
            account = await joined(kit, who, (Grant(Role.ADMINISTRATOR, EVERYWHERE),), "first", given.get("code", ""))
        except (FormError, Wrong) as error:
            return self._asked(request, given, kit.words(request, error.key, **error.params), 422)
        except LoginTaken:
            return self._asked(request, given, kit.words(request, "people.login_taken"), 422)
        kit.audit.note("person.first", who=account.person, address=address)
        return await kit.enter(request, account.person.id, "/", strong=False)

    async def _knows(self, code: str, address: str) -> bool:
        """Whether the code is good; counted before it is looked at, and a wrong one is written down."""
        kit, now = self._kit, self._kit.clock.now()
        kit.waits.mistake(WHO, address, keep=False)
        known = await kit.store.read(lambda c: codes.find(c, "first", code))
        if known is not None and known.is_open(now):
            kit.waits.well(WHO, address)
            return True
        kit.audit.refused("person.first", "", "", "wrong", who=NOBODY, address=address)
        logger.warning("a wrong code for the first administrator, from %s", address)
        return False

    def _all_wrong(self, request: Request, given: dict[str, str]) -> str:
        """Of the code, and of what else is wrong."""
        kit = self._kit
        said = [kit.words(request, "people.code_wrong")]
        try:
            typed(kit, given)
        except Wrong as error:
            said.append(kit.words(request, error.key, **error.params))
        return " ".join(said)
