"""What the pages about people have in common: their parts of the hub, and how an answer is made."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge_agent.contract.sentences import Language
from hub import forms
from hub.clock import Clock
from hub.forms import FormError
from hub.language import COOKIE as LANGUAGE
from hub.language import remember, sentence, switched
from hub.people.accounts import Account, Accounts
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.devices import Devices
from hub.people.factors import Factors
from hub.people.passwords import Passwords
from hub.people.rights import EVERYWHERE, Place
from hub.people.sessions import COOKIE, LONGEST, Sessions
from hub.people.waits import OF_DEVICE, Waits
from hub.render import Renderer
from hub.store import Store
from hub.toasts import Toast, Toasts

YEAR_S = 365 * 24 * 3600
_DEVICES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
_BROWSERS = (
    ("coc_coc", "Cốc Cốc"),
    ("Zalo", "Zalo"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


@dataclass(frozen=True)
class Kit:
    """All that the pages need."""

    store: Store
    clock: Clock
    accounts: Accounts
    sessions: Sessions
    audit: Audit
    areas: Areas
    passwords: Passwords
    factors: Factors
    waits: Waits
    devices: Devices
    renderer: Renderer
    toasts: Toasts
    language: Callable[[HTTPConnection], Language]
    zone: ZoneInfo
    name: str
    address: str
    """As people reach the console from elsewhere; empty: as the request did."""
    demo: bool = False
    codes_shown: dict[str, str] = field(default_factory=dict)
    """Codes of invitations that were just made, for the page that shows them."""

    def page(
        self, request: Request, template: str, here: str = "people", status: int = 200, **values: object
    ) -> Response:
        """A page; what `?said=` names is said on it."""
        language = self.language(request)
        html = self.renderer.sheet_of(
            template,
            language,
            here,
            **{
                "other_language": switched(request.query_params, language),
                "toast": self.toasts.take(request.query_params.get("said")),
                **values,
            },
        )
        return remember(HTMLResponse(html, status, {"Vary": "Cookie"}), request.query_params)

    def say(self, request: Request, path: str, key: str, *, good: bool = True, **params: object) -> Response:
        """Back to a page, which says a sentence."""
        said = self.toasts.keep(Toast(sentence(self.language(request), key, **params), good, key=key))
        return RedirectResponse(f"{path}{'&' if '?' in path else '?'}said={said}", 303)

    def words(self, request: Request, key: str, **params: object) -> str:
        """A sentence in the language of the request."""
        return sentence(self.language(request), key, **params)

    def moment(self, at: datetime) -> str:
        """An instant in the commune's time."""
        return f"{at.astimezone(self.zone):%H:%M %d/%m/%Y}"

    def link(self, request: Request, path: str) -> str:
        """A whole address, for links and QR codes."""
        base = self.address.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        return f"{base}{path}"

    def place(self, place: Place, language: Language) -> str:
        """A place as people call it; with its commune's number only where there are several."""
        if place == EVERYWHERE:
            return sentence(language, "people.everywhere")
        several = len(self.areas.communes() | {place.commune}) > 1
        suffix = f" ({place.commune})" if several else ""
        one = next(iter(self.areas.inside(place)), None) if not place.is_wide else None
        if place.area:
            return f"{one.about.zone if one and one.about else place.area}{suffix}"
        if place.node:
            return f"{one.title if one else place.node}{suffix}"
        if self.name and not several:
            return self.name
        return sentence(language, "people.commune", commune=place.commune)

    async def enter(self, request: Request, person: str, after: str, *, strong: bool) -> Response:
        """Open a session on this device, end the one of before; to `after`, or first to the second factor."""
        before, _ = self.sessions.find(request.cookies.get(COOKIE))
        secret = await self.sessions.open(person, device(request.headers.get("user-agent", "")), strong=strong)
        if before is not None:
            await self.sessions.end(before)
        session, _ = self.sessions.find(secret)
        account = self.accounts.get(person)
        where = safe(after)
        if session is not None and account is not None and not self.sessions.is_whole(session):
            where = f"/sign-in/{'second' if account.totp else 'enrol'}?next={quote(where)}"
        answer = RedirectResponse(where, 303)
        if session is not None and account is not None and self.sessions.is_whole(session):
            self.devices.remember(request, answer, account)
        if account is not None and account.language:
            answer.set_cookie(LANGUAGE, account.language, max_age=YEAR_S, httponly=True, samesite="lax")
        return self.cookie(request, answer, secret)

    def counted(self, request: Request, who: str, account: Account | None) -> tuple[str, str]:
        """Under which name and address wrong tries count; a device where the account was in before has its own."""
        if account is not None and (device := self.devices.name(request, account)):
            return f"{who}{OF_DEVICE}{device}", ""
        return who, client(request)

    def cookie(self, request: Request, answer: Response, secret: str) -> Response:
        """Give the device its secret; by https it never travels otherwise."""
        answer.set_cookie(
            COOKIE,
            secret,
            max_age=int(LONGEST.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


async def fields(request: Request) -> dict[str, str]:
    """The form; passwords are not touched otherwise than by `forms.read`. Raises FormError."""
    return await forms.read(request)


def client(request: HTTPConnection) -> str:
    """The address that asks; of IPv6 the network, of which each house has one."""
    host = request.client.host if request.client else "?"
    return ":".join(host.split(":")[:4]) if ":" in host else host


def safe(after: str | None) -> str:
    """Where to go after signing in: a page of ours, or the first one."""
    if after and re.fullmatch(r"/[^\s\\\x00-\x1f]*", after) and not after.startswith("//") and len(after) < 500:
        return after if not after.startswith("/sign-") else "/"
    return "/"


def device(agent: str) -> str:
    """What a person calls a device: `Android · Chrome`."""
    what = next((word for sign, word in _DEVICES if sign in agent), "")
    how = next((word for sign, word in _BROWSERS if sign in agent), "")
    return " · ".join(word for word in (what, how) if word) or agent[:40] or "?"


__all__ = ["FormError", "Kit", "client", "device", "fields", "safe"]
