"""What people do on the page: each form becomes a command, and its outcome a sentence."""

from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from edge_agent.contract.sentences import Language
from hub import forms
from hub.air.acts import AirActs
from hub.announcing import Announcing, Answer
from hub.back import back
from hub.commands import Commands
from hub.forms import Fields
from hub.language import translator
from hub.node import Node, key_of
from hub.nodes.doctor import DoctorActs
from hub.people.door import Door, at_commune, at_node, somewhere
from hub.people.rights import Right
from hub.render import Renderer, Shown
from hub.sheet import Sheet
from hub.things.acts import KINDS, ThingActs
from hub.things.campaigns import Campaigns
from hub.toasts import Toast, Toasts

Act = Callable[[Node, Fields, Request, Language], Awaitable[Answer]]


class _Kind(Convertor[str]):
    """`lights`, `switches` or `groups`."""

    regex = "|".join(KINDS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("kind", _Kind())


class Actions:
    """The POST half of the page. Works with htmx (answers with a toast) and without (redirects to the page)."""

    def __init__(
        self,
        shown: Shown,
        commands: Commands,
        announcing: Announcing,
        renderer: Renderer,
        toasts: Toasts,
        campaigns: Campaigns,
    ) -> None:
        self.air = AirActs(shown, commands)
        self._doctor = DoctorActs(shown, commands)
        self.things = ThingActs(shown, commands, campaigns, shown.clock)
        self._shown = shown
        self._announcing = announcing
        self._renderer = renderer
        self._toasts = toasts

    def routes(self, door: Door, language: Callable[[Request], Language]) -> list[Route]:
        """For the application. `language`: which one a request wants."""
        node = "/nodes/{commune}/{node}"
        acts: dict[str, tuple[Act, Right]] = {
            f"{node}/rules/{{thing}}": (self.things.arm, Right.SWITCH),
            f"{node}/{{kind:kind}}/{{thing}}": (self.things.switch, Right.SWITCH),
            f"{node}/{{kind:kind}}/{{thing}}/release": (self.things.release, Right.SWITCH),
            f"{node}/speak": (self._announcing.speak, Right.SPEAK),
            f"{node}/speakers/{{thing}}/stop": (self.air.stop, Right.SPEAK),
            f"{node}/speakers/{{thing}}/volume": (self.air.volume, Right.SPEAK),
            f"{node}/emergencies/{{thing}}/acknowledge": (self.air.acknowledge, Right.EMERGENCY),
            f"{node}/order": (self.air.order, Right.APPROVE),
            f"{node}/examine": (self._doctor.examine, Right.INSTALL),
            f"{node}/bulletins/{{thing}}/cancel": (self.air.cancel, Right.APPROVE),
        }
        routes = [
            door.route(path, self._endpoint(act, language), at_node(right), ["POST"])
            for path, (act, right) in acts.items()
        ]
        return [
            *routes,
            door.route(
                "/emergencies/{thing}/acknowledge", self._heard_all(language), somewhere(Right.EMERGENCY), ["POST"]
            ),
            door.route("/communes/{commune}/switch", self._commune(language), at_commune(Right.SWITCH), ["POST"]),
        ]

    def _commune(self, language_of: Callable[[Request], Language]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language = language_of(request)
            try:
                answer = await self.things.everywhere(request, await forms.read(request), language)
            except forms.FormError as error:
                answer = Toast(translator(language)(error.key, **error.params), False, key=error.key)
            except ValidationError:
                answer = Toast(translator(language)("form.bad"), False, key="form.bad")
            return self._answer(request, "", answer, language)

        return endpoint

    def _heard_all(self, language_of: Callable[[Request], Language]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language = language_of(request)
            try:
                answer = await self.air.acknowledge_all(request.path_params["thing"], language)
            except (forms.FormError, ValidationError):
                answer = Toast(translator(language)("form.no_emergency"), False, key="form.no_emergency")
            return self._answer(request, "", answer, language)

        return endpoint

    def _endpoint(
        self, act: Act, language_of: Callable[[Request], Language]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language = language_of(request)
            address = f"{request.path_params['commune']}/{request.path_params['node']}"
            node = self._shown.registry.nodes.get(address)
            fields: Fields = {}
            try:
                if node is None:
                    raise forms.FormError("form.no_node")
                fields = await forms.read(request)
                answer = await act(node, fields, request, language)
            except forms.FormError as error:
                answer = Toast(translator(language)(error.key, **error.params), False, key=error.key)
            except ValidationError:
                answer = Toast(translator(language)("form.bad"), False, key="form.bad")
            if isinstance(answer, Toast) and (answer.good or not fields):
                return self._answer(request, address, answer, language)
            return self._show(request, address, answer, fields, language)

        return endpoint

    def _answer(self, request: Request, address: str, toast: Toast, language: Language) -> Response:
        if request.headers.get("hx-request") != "true":
            page = f"/nodes/{address}" if address in self._shown.registry.nodes else "/"
            return RedirectResponse(back(request, page, self._toasts.keep(toast)), 303)
        # A thing is drawn anew, so that it does not keep saying "sending" after a command that changed nothing.
        kind, thing = request.path_params.get("kind"), request.path_params.get("thing")
        letter = {"lights": "l", "switches": "w", "groups": "g"}.get(kind or "", "r")
        drawn = self._renderer.node_parts(address, language).get(f"{key_of(address)}_{letter}_{thing}", "")
        html = self._renderer.toast(language, toast.text, toast.good, toast.undo, toast.key) + drawn
        # Said only where it differs: a form that was exchanged meanwhile is in no page in which it could be looked for.
        aims = request.headers.get("hx-target") == "toasts"
        headers = {"HX-Reswap": "afterbegin"} | ({} if aims else {"HX-Retarget": "#toasts"})
        return HTMLResponse(html, headers=headers | ({"HX-Trigger": "form-done"} if toast.good else {}))

    def _show(self, request: Request, address: str, answer: Answer, fields: Fields, language: Language) -> Response:
        """Under its form, covering nothing of it; without JavaScript on a page of its own, with all that was typed."""
        kind = "" if "thing" in request.path_params else request.url.path.rpartition("/")[2]
        if isinstance(answer, Toast):
            if kind != "speak":
                return self._answer(request, address, answer, language)
            answer = Sheet(notice=answer.text, good=False)
        if request.headers.get("hx-request") != "true":
            return HTMLResponse(self._renderer.compose(language, address, kind, fields, answer))
        do = fields.get("do")
        aims = do in ("read", "listen") or request.headers.get("hx-target", "").endswith("_reading")
        where = {} if aims else {"HX-Retarget": "find .reading"}
        html = self._renderer.sheet(language, answer, request.url.path)
        return HTMLResponse(html, headers={**where, "HX-Reswap": "innerHTML show:top"})
