"""`/tokens`: which programs come in, what they may do where; an administrator makes their tokens and revokes them."""

from collections import OrderedDict
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.language import sentence
from hub.people import choosing
from hub.people.acting import person
from hub.people.choosing import Choice
from hub.people.door import Door, somewhere
from hub.people.joining import Wrong
from hub.people.kit import FormError, Kit, fields
from hub.people.rights import EVERYWHERE, Place, Right
from hub.people.tokens import GIVABLE, CannotGive, Token, Tokens, TooMany

LIVES = (30, 365, 1095)
"""Days that the form offers."""
_MOST_SHOWN = 20


class TokenPages:
    """The list with its form. A new secret is on the page that follows, once."""

    def __init__(self, kit: Kit, tokens: Tokens) -> None:
        self._kit = kit
        self._tokens = tokens
        self._secrets: OrderedDict[tuple[str, str], str] = OrderedDict()

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        return [
            door.route("/tokens", self._list, administers),
            door.route("/tokens", self._make, administers, ["POST"]),
            door.route("/tokens/{id}/revoke", self._revoke, administers, ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        made = request.query_params.get("made", "")[:100]
        return self._page(request, secret=self._secrets.pop((person().id, made), ""))

    def _page(
        self, request: Request, status: int = 200, *, given: dict[str, str] | None = None, **values: str
    ) -> Response:
        kit, who, language = self._kit, person(), self._kit.language(request)
        able = [right for right in GIVABLE if who.may_somewhere(right)]
        return kit.page(
            request,
            "people_tokens.html",
            status=status,
            tokens=[self._line(request, token) for token in self._tokens.seen_by(who)],
            rights=[Choice(right.value, sentence(language, f"tokens.right_{right.value}")) for right in able],
            places=choosing.places(kit, who, language),
            lives=[Choice(str(days), sentence(language, f"tokens.days_{days}")) for days in LIVES],
            given=given or {},
            **{"secret": "", "wrong": "", **values},
        )

    def _line(self, request: Request, token: Token) -> dict[str, str]:
        kit, language = self._kit, self._kit.language(request)
        rights = [right for right in GIVABLE if right in token.rights]
        over = token.expires <= kit.clock.now()
        return {
            "id": token.id,
            "name": token.name,
            "rights": ", ".join(sentence(language, f"tokens.right_{right.value}") for right in rights),
            "places": ", ".join(kit.place(place, language) for place in token.places),
            "made": kit.words(request, "tokens.made_by", name=token.made_by, at=kit.moment(token.made)),
            "until": kit.words(request, "tokens.over" if over else "tokens.until", at=kit.moment(token.expires)),
            "seen": kit.words(request, "tokens.seen", at=kit.moment(token.seen))
            if token.seen
            else kit.words(request, "tokens.never_seen"),
        }

    async def _make(self, request: Request) -> Response:
        kit, given = self._kit, {}
        try:
            given = await fields(request)
            name, rights, place, days = _asked(given)
            life = timedelta(days=days)
            token, secret = await self._tokens.make(person(), name, rights, [place], life)
        except (FormError, Wrong) as error:
            kit.audit.note("token.make", what=given.get("name", "")[:100], outcome=error.key)
            return self._page(request, 422, given=given, wrong=kit.words(request, error.key, **error.params))
        except (CannotGive, TooMany) as error:
            key = "api.cannot_give" if isinstance(error, CannotGive) else "api.too_many_tokens"
            kit.audit.note("token.make", what=given.get("name", "")[:100], outcome=key)
            return self._page(request, 422, given=given, wrong=kit.words(request, key))
        kit.audit.note("token.make", str(place), token.name, id=token.id, rights=sorted(token.rights))
        self._secrets[(person().id, token.id)] = secret
        while len(self._secrets) > _MOST_SHOWN:
            self._secrets.popitem(last=False)
        return RedirectResponse(f"/tokens?made={token.id}", 303)

    async def _revoke(self, request: Request) -> Response:
        token = self._tokens.get(request.path_params["id"])
        if token is None or token not in self._tokens.seen_by(person()):
            return self._kit.say(request, "/tokens", "api.no_token", good=False)
        self._kit.audit.note("token.revoke", " ".join(map(str, token.places)), token.name, id=token.id)
        await self._tokens.revoke(token)
        return self._kit.say(request, "/tokens", "tokens.revoked", name=token.name)


def _asked(given: dict[str, str]) -> tuple[str, list[Right], Place, int]:
    """Name, rights, place, days. Raises Wrong."""
    name = given.get("name", "")[:100]
    if not name:
        raise Wrong("tokens.no_name")
    rights: list[Right] = [right for right in GIVABLE if given.get(f"right_{right.value}")]
    if not rights:
        raise Wrong("tokens.no_right")
    value = given.get("other", "") or given.get("place", "")
    place = EVERYWHERE if value == "*" else Place.parse(value[:200])
    if place == EVERYWHERE and value != "*":
        raise Wrong("tokens.no_place")
    days = given.get("days", "")
    return name, rights, place, int(days) if days in map(str, LIVES) else LIVES[1]
