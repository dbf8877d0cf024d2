"""`/me`: one's own password, language, devices and second factor."""

from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.language import COOKIE as LANGUAGE_COOKIE
from hub.language import known, sentence
from hub.people import factors
from hub.people.accounts import Account
from hub.people.acting import person
from hub.people.door import SIGNED_IN, Door, session_of
from hub.people.joining import Wrong
from hub.people.kit import YEAR_S, FormError, Kit, fields
from hub.people.passwords import problem
from hub.people.sign_in import MOST, enrolment, second_name
from hub.sealed import KeyLost


class OwnPages:
    """What everybody may do with their own account."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._secrets: OrderedDict[str, str] = OrderedDict()

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/me", self._page, SIGNED_IN),
            door.route("/me/password", self._password, SIGNED_IN, ["POST"]),
            door.route("/me/language", self._language, SIGNED_IN, ["POST"]),
            door.route("/me/devices/{device}/end", self._end, SIGNED_IN, ["POST"]),
            door.route("/me/devices/end", self._end_others, SIGNED_IN, ["POST"]),
            door.route("/me/second", self._second, SIGNED_IN),
            door.route("/me/second", self._set_second, SIGNED_IN, ["POST"]),
            door.route("/me/codes", self._codes, SIGNED_IN, ["POST"]),
        ]

    def _own(self) -> Account | None:
        """None for programs: a token has no account."""
        return self._kit.accounts.get(person().id)

    async def _page(self, request: Request) -> Response:
        return await self._shown(request, "")

    async def _shown(self, request: Request, wrong: str, status: int = 200) -> Response:
        kit, account, this = self._kit, self._own(), session_of(request)
        if account is None:
            return RedirectResponse("/", 303)
        language = kit.language(request)
        roles = [
            (sentence(language, f"people.role_{g.role.value}"), kit.place(g.place, language))
            for g in account.person.grants
        ]
        devices = [
            (s.hash[:16], s.device, kit.moment(s.began), kit.moment(s.seen), this is not None and s.hash == this.hash)
            for s in kit.sessions.of(account.person.id)
        ]
        left = await kit.factors.left(account.person.id)
        return kit.page(
            request,
            "people_me.html",
            "me",
            status,
            account=account,
            roles=roles,
            devices=devices,
            papers=left,
            must=account.person.needs_second_factor,
            wrong=wrong,
        )

    async def _password(self, request: Request) -> Response:
        kit, account, this = self._kit, self._own(), session_of(request)
        if account is None:
            return RedirectResponse("/", 303)
        try:
            given = await fields(request)
            await self._sure(request, account, given)
            if key := problem(given.get("password", ""), account.login, account.person.name, kit.name):
                raise Wrong(key, least=10)
        except (FormError, Wrong) as error:
            return await self._shown(request, kit.words(request, error.key, **error.params), 422)
        kit.audit.note("person.password")
        others = [s for s in kit.sessions.of(account.person.id) if this is None or s.hash != this.hash]
        await kit.accounts.renew(account.person.id, password=await kit.passwords.make(given["password"]))
        await kit.sessions.end(*others)
        return kit.say(request, "/me", "people.password_changed")

    async def _sure(self, request: Request, account: Account, given: dict[str, str]) -> None:
        """Whoever finds a phone that lies around must not take the account over. Raises Wrong."""
        kit, counted = self._kit, self._kit.counted(request, account.login, account)
        if not account.password:
            return
        if left := kit.waits.left(*counted):
            raise Wrong("sign_in.wait_seconds", number=left)
        kit.waits.mistake(*counted, keep=True)
        if not await kit.passwords.right(account.password, given.get("current", "")):
            raise Wrong("people.current_wrong")
        kit.waits.well(*counted)

    async def _language(self, request: Request) -> Response:
        account = self._own()
        try:
            chosen = known((await fields(request)).get("language"))
        except FormError:
            chosen = None
        if account is None or chosen is None:
            return RedirectResponse("/me", 303)
        self._kit.audit.note("person.language", what=chosen)
        await self._kit.accounts.renew(account.person.id, language=chosen)
        answer = RedirectResponse("/me", 303)
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR_S, httponly=True, samesite="lax")
        return answer

    async def _end(self, request: Request) -> Response:
        mine = self._kit.sessions.of(person().id)
        ended = [s for s in mine if s.hash[:16] == request.path_params["device"]]
        self._kit.audit.note("person.sessions", number=len(ended))
        await self._kit.sessions.end(*ended)
        return self._kit.say(request, "/me", "people.sessions_ended", number=len(ended))

    async def _end_others(self, request: Request) -> Response:
        this = session_of(request)
        ended = [s for s in self._kit.sessions.of(person().id) if this is None or s.hash != this.hash]
        self._kit.audit.note("person.sessions", number=len(ended))
        await self._kit.sessions.end(*ended)
        return self._kit.say(request, "/me", "people.sessions_ended", number=len(ended))

    async def _second(self, request: Request) -> Response:
        return self._enrolling(request, "")

    def _enrolling(self, request: Request, wrong: str) -> Response:
        account = self._own()
        if account is None:
            return RedirectResponse("/", 303)
        secret = self._secrets.setdefault(account.person.id, factors.fresh())
        while len(self._secrets) > MOST:
            self._secrets.popitem(last=False)
        shown = enrolment(self._kit, account, secret)
        status = 422 if wrong else 200
        return self._kit.page(request, "people_second.html", "me", status, account=account, wrong=wrong, **shown)

    async def _set_second(self, request: Request) -> Response:
        kit, account = self._kit, self._own()
        secret = self._secrets.get(person().id, "")
        if account is None or not secret:
            return RedirectResponse("/me/second", 303)
        try:
            given = await fields(request)
            await self._sure(request, account, given)
            papers = await kit.factors.begin(account.person.id, secret, given.get("code", "")[:40])
            if papers is None:
                raise Wrong("sign_in.second_wrong")
        except KeyLost:
            return self._enrolling(request, kit.words(request, "sign_in.key_broken"))
        except (FormError, Wrong) as error:
            return self._enrolling(request, kit.words(request, error.key, **error.params))
        kit.audit.note("person.second_set")
        self._secrets.pop(account.person.id, None)
        this = session_of(request)
        if this is not None:
            await kit.sessions.strengthen(this)
        await kit.accounts.renew(account.person.id, totp=kit.factors.sealed(secret))
        kit.waits.well(second_name(account))
        return kit.page(request, "people_codes.html", "me", papers=papers, after="/me")

    async def _codes(self, request: Request) -> Response:
        kit, account = self._kit, self._own()
        if account is None or not account.totp:
            return RedirectResponse("/me", 303)
        try:
            await self._sure(request, account, await fields(request))
        except (FormError, Wrong) as error:
            return await self._shown(request, kit.words(request, error.key, **error.params), 422)
        kit.audit.note("person.codes")
        return kit.page(
            request, "people_codes.html", "me", papers=await kit.factors.anew(account.person.id), after="/me"
        )
