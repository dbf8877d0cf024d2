"""The two steps by which a node is taken out of the lists, and the list of those that were."""

from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.forms import FormError
from hub.language import remember, switched, translator
from hub.nodes.forgetting import Forgetting
from hub.people.door import Door, at_node, somewhere
from hub.people.rights import Right
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.toasts import Toast, Toasts
from hub.views import presence

_NODE = "/nodes/{commune}/{node}"


class ForgetPages:
    """Asks once more, with what follows from it; works without JavaScript."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        forgetting: Forgetting,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._shown = shown
        self._renderer = renderer
        self._forgetting = forgetting
        self._toasts = toasts
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/nodes/forgotten", self._list, somewhere(Right.INSTALL)),
            door.route(f"{_NODE}/forget", self._ask, at_node(Right.INSTALL)),
            door.route(f"{_NODE}/forget", self._forget, at_node(Right.INSTALL), ["POST"]),
            door.route(f"{_NODE}/remember", self._remember, at_node(Right.INSTALL), ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        speak = self._speaker(request)
        gone = [
            (each, speak.t("forget.gone", at=speak.moment(each.at), by=each.by)) for each in self._forgetting.hidden()
        ]
        return self._page(request, "forgotten.html", gone=gone)

    async def _ask(self, request: Request) -> Response:
        node, speak = self._shown.registry.nodes.get(_address(request)), self._speaker(request)
        if node is None:
            return HTMLResponse(self._renderer.message(speak.language, "page.not_found"), 404)
        return self._page(request, "forget.html", node=node, word=presence(node, speak)[1])

    async def _forget(self, request: Request) -> Response:
        t, address = translator(self._language(request)), _address(request)
        node = self._shown.registry.nodes.get(address)
        try:
            if (await forms.read(request)).get("sure") != "yes":
                raise FormError("forget.not_sure")
            await self._forgetting.forget(address)
        except FormError as error:
            return self._to(f"/nodes/{address}/forget" if node else "/nodes", Toast(t(error.key), False, key=error.key))
        return self._to("/nodes", Toast(t("forget.done", name=node.title if node else address), True))

    async def _remember(self, request: Request) -> Response:
        t, address = translator(self._language(request)), _address(request)
        try:
            await self._forgetting.remember(address)
        except FormError as error:
            return self._to("/nodes/forgotten", Toast(t(error.key), False, key=error.key))
        known = address in self._shown.registry.nodes
        return self._to(f"/nodes/{address}" if known else "/nodes", Toast(t("forget.remembered"), True))

    def _page(self, request: Request, template: str, **values: object) -> Response:
        language = self._language(request)
        html = self._renderer.sheet_of(
            template,
            language,
            "nodes",
            other_language=switched(request.query_params, language),
            toast=self._toasts.take(request.query_params.get("said")),
            **values,
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    def _to(self, path: str, toast: Toast) -> Response:
        return RedirectResponse(f"{path}?said={self._toasts.keep(toast)}", 303)

    def _speaker(self, request: Request) -> Speaker:
        return Speaker(self._language(request), self._shown.zone, self._shown.clock.now())


def _address(request: Request) -> str:
    return f"{request.path_params['commune']}/{request.path_params['node']}"
