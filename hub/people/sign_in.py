"""`/sign-in`: name and password, then the second factor where one is needed; and `/sign-out`."""

from collections import OrderedDict
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.people import codes, factors
from hub.people.accounts import Account
from hub.people.door import PUBLIC, Door, session_of
from hub.people.kit import FormError, Kit, client, fields, safe
from hub.people.rights import NOBODY
from hub.people.sessions import COOKIE, Session
from hub.sealed import KeyLost

MOST = 500
"""People who are setting up a second factor at once."""


class SignIn:
    """The way in, and out."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._secrets: OrderedDict[str, str] = OrderedDict()

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/sign-in", self._form, PUBLIC),
            door.route("/sign-in", self._try, PUBLIC, ["POST"]),
            door.route("/sign-in/second", self._second, PUBLIC),
            door.route("/sign-in/second", self._try_second, PUBLIC, ["POST"]),
            door.route("/sign-in/enrol", self._enrol, PUBLIC),
            door.route("/sign-in/enrol", self._try_enrol, PUBLIC, ["POST"]),
            door.route("/sign-in/link/{code}", self._link, PUBLIC),
            door.route("/sign-in/link/{code}", self._by_link, PUBLIC, ["POST"]),
            door.route("/sign-out", self._out, PUBLIC, ["POST"]),
        ]

    async def _form(self, request: Request) -> Response:
        after = safe(request.query_params.get("next"))
        session = session_of(request)
        if session is not None and self._kit.sessions.is_whole(session):
            return RedirectResponse(after, 303)
        if not self._kit.accounts.administrators:
            return RedirectResponse("/first-run", 303)
        if self._kit.demo and request.query_params.get("by") != "password":
            return RedirectResponse(f"/demo?next={quote(after)}", 303)
        return self._asked(request, after)

    def _asked(self, request: Request, after: str, login: str = "", wrong: str = "", status: int = 200) -> Response:
        return self._kit.page(request, "sign_in.html", "sign_in", status, after=after, login=login, wrong=wrong)

    async def _try(self, request: Request) -> Response:
        kit = self._kit
        try:
            given = await fields(request)
        except FormError as error:
            return self._asked(request, "/", wrong=kit.words(request, error.key, **error.params), status=422)
        login, after = given.get("login", "")[:60], safe(given.get("next"))
        if not login or not given.get("password"):
            return self._asked(request, after, login, kit.words(request, "sign_in.empty"), 422)
        name, address = login.casefold(), client(request)
        account = kit.accounts.by_login(name)
        counted = kit.counted(request, name, account)
        if left := kit.waits.left(*counted):
            return self._wait(request, "sign_in.html", left, after=after, login=login)
        # Counted before it is looked at: many tries at once are not more tries.
        kit.waits.mistake(*counted, keep=account is not None)
        kept = account.password if account and not account.disabled else ""
        if not await kit.passwords.right(kept, given["password"]) or account is None:
            who = account.person if account else NOBODY
            kit.audit.refused("person.sign_in", "", "", "wrong", who=who, address=address)
            return self._asked(request, after, login, kit.words(request, "sign_in.wrong"), 422)
        kit.waits.well(*counted)
        kit.audit.note("person.sign_in", who=account.person, address=address)
        return await kit.enter(request, account.person.id, after, strong=False)

    def _wait(self, request: Request, template: str, left: int, **values: object) -> Response:
        key, number = ("sign_in.wait_minutes", -(-left // 60)) if left > 90 else ("sign_in.wait_seconds", left)
        wrong = self._kit.words(request, key, number=number)
        answer = self._kit.page(request, template, "sign_in", 429, wrong=wrong, **values)
        answer.headers["Retry-After"] = str(left)
        return answer

    def _half(self, request: Request) -> tuple[Session, Account] | None:
        """Who has given the password, and not yet the second factor."""
        session = session_of(request)
        account = self._kit.accounts.get(session.person) if session else None
        if session is None or account is None or self._kit.sessions.is_whole(session):
            return None
        return session, account

    async def _second(self, request: Request) -> Response:
        after = safe(request.query_params.get("next"))
        if not (half := self._half(request)):
            return RedirectResponse(f"/sign-in?next={quote(after)}", 303)
        if not half[1].totp:
            return RedirectResponse(f"/sign-in/enrol?next={quote(after)}", 303)
        return self._kit.page(request, "sign_in_second.html", "sign_in", after=after, wrong="")

    async def _try_second(self, request: Request) -> Response:
        kit = self._kit
        if not (half := self._half(request)) or not half[1].totp:
            return RedirectResponse("/sign-in", 303)
        try:
            given = await fields(request)
        except FormError:
            given = {}
        after, account, address = safe(given.get("next")), half[1], client(request)
        counted = kit.counted(request, second_name(account), account)
        if left := kit.waits.left(*counted):
            return self._wait(request, "sign_in_second.html", left, after=after)
        kit.waits.mistake(*counted, keep=True)
        try:
            key = "" if await kit.factors.right(account, given.get("code", "")[:40]) else "sign_in.second_wrong"
        except KeyLost:
            key = "sign_in.key_lost"
        if key:
            kit.audit.note(
                "person.second",
                who=account.person,
                outcome="wrong" if key == "sign_in.second_wrong" else key,
                address=address,
            )
            wrong = kit.words(request, key)
            return kit.page(request, "sign_in_second.html", "sign_in", 422, after=after, wrong=wrong)
        kit.waits.well(*counted)
        kit.audit.note("person.second", who=account.person, address=address)
        return await kit.enter(request, account.person.id, after, strong=True)

    async def _enrol(self, request: Request) -> Response:
        after = safe(request.query_params.get("next"))
        if not (half := self._half(request)):
            return RedirectResponse(f"/sign-in?next={quote(after)}", 303)
        if half[1].totp:
            return RedirectResponse(f"/sign-in/second?next={quote(after)}", 303)
        return self._show(request, half, after)

    def _show(self, request: Request, half: tuple[Session, Account], after: str, wrong: str = "") -> Response:
        session, account = half
        secret = self._secrets.setdefault(session.hash, factors.fresh())
        while len(self._secrets) > MOST:
            self._secrets.popitem(last=False)
        shown = enrolment(self._kit, account, secret)
        status = 422 if wrong else 200
        return self._kit.page(request, "sign_in_enrol.html", "sign_in", status, after=after, wrong=wrong, **shown)

    async def _try_enrol(self, request: Request) -> Response:
        kit = self._kit
        half = self._half(request)
        if half is None or half[1].totp:
            return RedirectResponse("/sign-in", 303)
        try:
            given = await fields(request)
        except FormError:
            given = {}
        after, (session, account), address = safe(given.get("next")), half, client(request)
        secret = self._secrets.get(session.hash, "")
        if left := kit.waits.left(second_name(account), address):
            shown = enrolment(kit, account, secret or factors.fresh())
            return self._wait(request, "sign_in_enrol.html", left, after=after, **shown)
        try:
            papers = await kit.factors.begin(account.person.id, secret, given.get("code", "")[:40]) if secret else None
        except KeyLost:
            return self._show(request, half, after, kit.words(request, "sign_in.key_broken"))
        if papers is None:
            kit.waits.mistake(second_name(account), address, keep=True)
            return self._show(request, half, after, kit.words(request, "sign_in.second_wrong"))
        self._secrets.pop(session.hash, None)
        kit.waits.well(second_name(account), address)
        await kit.accounts.renew(account.person.id, totp=kit.factors.sealed(secret))
        kit.audit.note("person.second_set", who=account.person, address=address)
        entered = await kit.enter(request, account.person.id, after, strong=True)
        answer = kit.page(request, "sign_in_codes.html", "sign_in", after=after, papers=papers)
        for cookie in entered.headers.getlist("set-cookie"):
            answer.headers.append("set-cookie", cookie)
        return answer

    async def _link(self, request: Request) -> Response:
        """Only a tap uses it up: messengers look at links by themselves."""
        code = await self._kit.store.read(lambda c: codes.find(c, "link", request.path_params["code"]))
        if code is None or not code.is_open(self._kit.clock.now()):
            return self._kit.page(request, "people_gone.html", "sign_in", 410)
        return self._kit.page(request, "sign_in_link.html", "sign_in", name=code.name)

    async def _by_link(self, request: Request) -> Response:
        kit, now = self._kit, self._kit.clock.now()
        code = await kit.store.call(lambda c: codes.take(c, "link", request.path_params["code"], now))
        if code is not None and kit.accounts.get(code.person) is None:
            await kit.accounts.load()  # made by the command line a moment ago
        account = kit.accounts.get(code.person) if code else None
        if account is None or account.disabled:
            return kit.page(request, "people_gone.html", "sign_in", 410)
        kit.audit.note("person.sign_in", who=account.person, by="link", address=client(request))
        return await kit.enter(request, account.person.id, "/", strong=True)

    async def _out(self, request: Request) -> Response:
        session = session_of(request)
        if session is not None:
            account = self._kit.accounts.get(session.person)
            self._kit.audit.note("person.sign_out", who=account.person if account else NOBODY)
            await self._kit.sessions.end(session)
        answer = self._kit.say(request, "/sign-in", "sign_in.out")
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer


def second_name(account: Account) -> str:
    """Under which mistakes with the second factor are counted."""
    return f"2:{account.person.id}"


def enrolment(kit: Kit, account: Account, secret: str) -> dict[str, object]:
    """What is shown to set up the phone's app."""
    address = factors.address(secret, account.login, kit.name or "Loa xã")
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return {"qr": factors.picture(address), "secret": spaced, "address": address}
