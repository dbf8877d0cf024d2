"""`/air/speak`: a notice that chosen areas hear now, all clusters at one instant; read and asked about before."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.commands import Speak
from hub import forms
from hub.air.choosing import FIELD, nodes_in, offered, places_in
from hub.air.rounds import Rounds
from hub.air.site import Site
from hub.choices import choices
from hub.forms import Fields, FormError
from hub.language import remember, sentence, switched, translator
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk
from hub.sheet import Sheet
from hub.store import StoreFull

PATH = "/air/speak"
TOGETHER = timedelta(seconds=6)
"""Nodes make the voice meanwhile, and begin at one instant. One that is later than that begins when it can."""
LIFE_S = 15.0
"""Words for now are refused by a node that gets them later."""
ANSWER_S = 180.0
"""The last word of a node comes when it has said all of it."""


class SpeakPage:
    """The form and what becomes of it."""

    def __init__(self, site: Site, rounds: Rounds, reading: ReadingDesk, audit: Audit) -> None:
        self._site = site
        self._rounds = rounds
        self._reading = reading
        self._audit = audit

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.SPEAK)
        return [door.route(PATH, self._page, may), door.route(PATH, self._send, may, ["POST"])]

    async def _page(self, request: Request) -> Response:
        fields = {f"{FIELD}{place}": "1" for place in request.query_params.getlist("at")}
        return self._form(request, fields, None)

    async def _send(self, request: Request) -> Response:
        language, fields = self._site.language(request), {}
        t = translator(language)
        try:
            fields = await forms.read(request)
            do, text = fields.get("do", "send"), forms.spoken(fields)
            draft = await self._reading.draft(text, choices(fields), language)
            if do in ("read", "listen"):
                sheet = await self._reading.preview(draft, do, language)
                return self._form(request, fields, replace(sheet, may_say_anyway=draft.open > 0))
            nodes = nodes_in(self._site.areas, person(), Right.SPEAK, places_in(fields))
            if not nodes:
                raise FormError("air.nowhere")
            if not any(node.online for node in nodes):
                raise FormError("mic.all_away", count=len(nodes))
            if draft.open and (do != "anyway" or draft.unseen):
                notice = t("reading.not_sent", count=draft.open)
                sheet = replace(self._reading.sheet(draft, language), notice=notice, good=False, may_say_anyway=True)
                return self._form(request, fields, sheet)
            args = Speak(text=text, readings=draft.readings, at=self._site.shown.clock.now() + TOGETHER)
            self._audit.note("air.speak", ", ".join(places_in(fields))[:300], text, nodes=len(nodes))
            await self._reading.kept(draft, language)
        except FormError as error:
            return self._form(request, fields, Sheet(notice=t(error.key, **error.params), good=False))
        except (StoreFull, SQLAlchemyError):
            return self._form(request, fields, Sheet(notice=sentence(language, "emergency.not_written"), good=False))
        made = self._rounds.begin("speak", text[:200], args, nodes, limit=ANSWER_S, life=LIFE_S)
        headers = {"HX-Redirect": f"/air/rounds/{made.id}"}
        if request.headers.get("hx-request") == "true":
            return Response(status_code=204, headers=headers)
        return RedirectResponse(f"/air/rounds/{made.id}", 303)

    def _form(self, request: Request, fields: Fields, sheet: Sheet | None) -> Response:
        language = self._site.language(request)
        if sheet is not None and request.headers.get("hx-request") == "true":
            html = self._site.renderer.sheet(language, sheet, PATH)
            where = {"HX-Retarget": ".reading", "HX-Reswap": "innerHTML show:top"}
            return HTMLResponse(html, headers=where)
        html = self._site.renderer.sheet_of(
            "air_speak.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            fields=fields,
            sheet=sheet,
            offered=offered(self._site.areas, person(), Right.SPEAK, places_in(fields)),
            longest=forms.MAX_SPOKEN,
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)
