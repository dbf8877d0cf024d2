"""`/trust`: new nodes get their token, open tokens, who is trusted until when; `revoke` in two steps."""

import json
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.contract.sentences import Language
from hub import forms
from hub.enrolment.known import state
from hub.enrolment.part import EnrolmentPart
from hub.enrolment.tokens import Token
from hub.forms import FormError
from hub.language import remember, switched, translator
from hub.people.acting import person
from hub.people.door import Door, at_node, somewhere
from hub.people.factors import picture
from hub.people.rights import Place, Right
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.toasts import Toast, Toasts

_REVOKE = "/nodes/{commune}/{node}/revoke"
_MOST_SHOWN = 50
_OFF = FormError("trust.off")


class TrustPages:
    """Works without JavaScript. A new token is on the page that follows, for whoever made it, and nowhere else."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        part: EnrolmentPart | None,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        """`part`: None where the hub certifies nobody."""
        self._shown = shown
        self._renderer = renderer
        self._part = part
        self._toasts = toasts
        self._language = language
        self._made: OrderedDict[tuple[str, str], tuple[Token, CardEnrolment]] = OrderedDict()

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        return [
            door.route("/trust", self._list, administers),
            door.route("/trust/tokens", self._make, administers, ["POST"]),
            door.route("/trust/tokens/{id}/enrol.json", self._card, administers),
            door.route("/trust/tokens/{id}/withdraw", self._withdraw, administers, ["POST"]),
            door.route(_REVOKE, self._ask, at_node(Right.ADMINISTER)),
            door.route(_REVOKE, self._revoke, at_node(Right.ADMINISTER), ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        return await self._page(request)

    async def _page(self, request: Request, given: forms.Fields | None = None, wrong: str = "") -> Response:
        speak = self._speaker(request)
        values: dict[str, object] = {"off": True, "new": None, "tokens": [], "nodes": []}
        if self._part is not None:
            tokens = [one for one in await self._part.desk.open_tokens() if _mine(one.commune, one.name)]
            nodes = [each for each in self._part.known.all() if _mine(each.commune, each.name)]
            values = {
                "off": False,
                "new": self._new(request, speak),
                "tokens": [(one, speak.t("trust.token_until", at=speak.moment(one.expires))) for one in tokens],
                "nodes": [(each, state(each, speak)) for each in nodes],
            }
        communes = sorted(place.commune for place in person().places(Right.ADMINISTER) if place.commune)
        known = communes or sorted({node.commune for node in self._shown.registry.nodes.values()})
        fields = {"commune": known[0] if len(known) == 1 else "", **(given or {})}
        return self._sheet(request, "trust.html", 422 if wrong else 200, given=fields, wrong=wrong, **values)

    def _new(self, request: Request, speak: Speaker) -> dict[str, object] | None:
        made = self._made.get((person().id, request.query_params.get("made", "")[:100]))
        if made is None:
            return None
        token, card = made
        return {
            "token": token,
            "until": speak.t("trust.token_until", at=speak.moment(token.expires)),
            "text": _text(card),
            "picture": picture(_text(card)),
        }

    async def _make(self, request: Request) -> Response:
        given: forms.Fields = {}
        t = translator(self._language(request))
        try:
            given = await forms.read(request)
            part = self._on()
            commune, name = given.get("commune", ""), given.get("name", "")
            if not person().may(Right.ADMINISTER, Place(commune)):
                raise FormError("trust.not_here")
            token, card = await part.desk.make_token(commune, name, given.get("area", ""))
        except FormError as error:
            return await self._page(request, given, t(error.key, **error.params))
        self._made[(person().id, token.id)] = token, card
        while len(self._made) > _MOST_SHOWN:
            self._made.popitem(last=False)
        return RedirectResponse(f"/trust?made={token.id}", 303)

    async def _card(self, request: Request) -> Response:
        made = self._made.get((person().id, request.path_params["id"]))
        if made is None:
            return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
        headers = {"Content-Disposition": 'attachment; filename="enrol.json"', "Cache-Control": "no-store"}
        return Response(_text(made[1]), media_type="application/json", headers=headers)

    async def _withdraw(self, request: Request) -> Response:
        t = translator(self._language(request))
        try:
            desk = self._on().desk
            found = next((one for one in await desk.open_tokens() if one.id == request.path_params["id"]), None)
            if found is None or not _mine(found.commune, found.name):
                raise FormError("trust.no_token")
            await desk.withdraw(found)
        except FormError as error:
            return self._to("/trust", Toast(t(error.key, **error.params), False, key=error.key))
        return self._to("/trust", Toast(t("trust.withdrawn", name=found.name), True))

    async def _ask(self, request: Request) -> Response:
        known = self._part.known.get(_address(request)) if self._part else None
        if known is None:
            return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
        said = state(known, self._speaker(request))
        return self._sheet(request, "trust_revoke.html", 200, node=known, said=said)

    async def _revoke(self, request: Request) -> Response:
        t, address = translator(self._language(request)), _address(request)
        commune, name = address.split("/")
        try:
            if (await forms.read(request)).get("sure") != "yes":
                raise FormError("forget.not_sure")
            if not await self._on().desk.revoke(commune, name):
                raise FormError("trust.not_trusted")
        except FormError as error:
            return self._to("/trust", Toast(t(error.key, **error.params), False, key=error.key))
        return self._to("/trust", Toast(t("trust.revoked_done", name=name), True))

    def _on(self) -> EnrolmentPart:
        if self._part is None:
            raise _OFF
        return self._part

    def _sheet(self, request: Request, template: str, status: int, **values: object) -> Response:
        language = self._language(request)
        html = self._renderer.sheet_of(
            template,
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            toast=self._toasts.take(request.query_params.get("said")),
            **values,
        )
        return remember(HTMLResponse(html, status, {"Vary": "Cookie"}), request.query_params)

    def _to(self, path: str, toast: Toast) -> Response:
        return RedirectResponse(f"{path}?said={self._toasts.keep(toast)}", 303)

    def _speaker(self, request: Request) -> Speaker:
        return Speaker(self._language(request), self._shown.zone, self._shown.clock.now())


def _mine(commune: str, name: str) -> bool:
    return person().may(Right.ADMINISTER, Place(commune, "", name))


def _address(request: Request) -> str:
    return f"{request.path_params['commune']}/{request.path_params['node']}"


def _text(card: CardEnrolment) -> str:
    return json.dumps(card.model_dump(mode="json"), indent=1) + "\n"
