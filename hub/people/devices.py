"""Devices on which somebody signed in before. Who guesses elsewhere makes the others wait, but not these.

A device holds a cookie for each account, sealed by the hub's key. It lets nobody in: it only gives the device a count
of wrong tries of its own, under the same rules.
"""

import hashlib
import secrets
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from hub.people.accounts import Account
from hub.sealed import KeyLost, Seal, is_sealed

LIFE_S = 400 * 24 * 3600
"""Browsers keep no cookie for longer."""
_MOST = 1000
"""Characters of a cookie that are looked at."""


class Devices:
    """Knows them again by their cookies; the hub keeps nothing of them."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def name(self, request: Request, account: Account) -> str:
        """The random name that the device was given for this account; empty where it was never in."""
        kept = unquote(request.cookies.get(_cookie(account), "")[:_MOST])
        if not is_sealed(kept):
            return ""
        try:
            person, _, name = self._seal.open(kept).partition("/")
        except (KeyLost, OSError):
            return ""
        return name if person == account.person.id else ""

    def remember(self, request: Request, answer: Response, account: Account) -> None:
        """The account is in: give the device its cookie, or keep it for as long again."""
        name = self.name(request, account) or secrets.token_urlsafe(12)
        try:
            kept = self._seal.seal(f"{account.person.id}/{name}")
        except (KeyLost, OSError):
            return  # then it waits as any other device does
        answer.set_cookie(
            _cookie(account),
            quote(kept, safe=""),
            max_age=LIFE_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )


def _cookie(account: Account) -> str:
    """One for each account: an office shares a computer."""
    return f"hub_device_{hashlib.sha256(account.person.id.encode()).hexdigest()[:12]}"
