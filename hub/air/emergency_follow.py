"""`/air/emergency/{id}`: what each cluster says of it; ask again those that do not answer, end it by the all-clear."""

from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub.air.emergency_acts import EmergencyActs
from hub.air.emergency_book import Emergency
from hub.air.emergency_view import EmergencyPageView, emergency_view
from hub.air.site import Site
from hub.forms import FormError
from hub.language import remember, sentence, switched
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Person, Right
from hub.render import Parts
from hub.store import StoreFull
from hub.toasts import Toast


class EmergencyFollow:
    """The page of one emergency, live, and its two buttons."""

    def __init__(self, site: Site, acts: EmergencyActs) -> None:
        self._site = site
        self._acts = acts

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may, one = somewhere(Right.EMERGENCY), "/air/emergency/{id}"
        return [
            door.route(one, self._look, somewhere(Right.SEE)),
            door.route(f"{one}/live", self._stream, somewhere(Right.SEE)),
            door.route(f"{one}/again", self._act(self._again), may, ["POST"]),
            door.route(f"{one}/clear", self._act(self._clear), may, ["POST"]),
        ]

    async def _look(self, request: Request) -> Response:
        language, emergency = self._site.language(request), self._visible(request)
        if emergency is None:
            return HTMLResponse(self._site.renderer.message(language, "emergency.unknown"), 404)
        html = self._site.renderer.sheet_of(
            "air_emergency_one.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            v=self._view(emergency, language, person()),
            may_end=self._acts.may_end(emergency),
            toast=self._site.toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)

    async def _stream(self, request: Request) -> Response:
        emergency, who = self._visible(request), person()
        if emergency is None:
            return Response(status_code=404)

        async def draw(language: Language) -> Parts:
            view, may_end = self._view(emergency, language, who), self._acts.may_end(emergency)
            part = self._site.renderer.part("air_parts.html", language, "emergency", view, may_end, True)
            return {"emergency": part}

        return self._site.live.response(self._site.language(request), draw)

    def _act(self, act: Callable[[Emergency, Language], Awaitable[Toast]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language, emergency = self._site.language(request), self._visible(request)
            if emergency is None:
                return HTMLResponse(self._site.renderer.message(language, "emergency.unknown"), 404)
            try:
                toast = await act(emergency, language)
            except (StoreFull, SQLAlchemyError):
                toast = Toast(sentence(language, "emergency.not_written"), False)
            if request.headers.get("hx-request") == "true":
                return HTMLResponse(self._site.renderer.toast(language, toast.text, toast.good))
            return RedirectResponse(f"/air/emergency/{emergency.id}?said={self._site.toasts.keep(toast)}", 303)

        return endpoint

    async def _again(self, emergency: Emergency, language: Language) -> Toast:
        count = await self._acts.again(emergency)
        key = "emergency.asked_again" if self._linked else "emergency.asked_again_later"
        return Toast(sentence(language, key, count=count), True)

    async def _clear(self, emergency: Emergency, language: Language) -> Toast:
        try:
            await self._acts.clear(emergency)
        except FormError as error:
            return Toast(sentence(language, error.key), False)
        key = "emergency.clearing" if self._linked else "emergency.clearing_later"
        return Toast(sentence(language, key), True)

    @property
    def _linked(self) -> bool:
        """Whether the broker is there; else it is kept, and sent afterwards."""
        return self._site.shown.link.connected

    def _visible(self, request: Request) -> Emergency | None:
        return self._acts.get(request.path_params["id"])

    def _view(self, emergency: Emergency, language: Language, who: Person) -> EmergencyPageView:
        def may_see(address: str) -> bool:
            return self._site.areas.may(who, Right.SEE, address)

        nodes, here = self._site.shown.registry.nodes, self._site.speaker(language)
        speaker = self._site.speaker_at(language)
        return emergency_view(emergency, nodes, may_see, speaker, here, linked=self._linked)
