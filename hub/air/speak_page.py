"""`/air/speak`: a notice that chosen areas hear now, all clusters at one instant; read and asked about before."""

from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from hub import forms
from hub.air.choosing import FIELD, offered, places_in
from hub.air.round_acts import RoundActs
from hub.air.site import Site
from hub.choices import choices
from hub.forms import Fields, FormError
from hub.language import remember, sentence, switched, translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk
from hub.sheet import Sheet
from hub.store import StoreFull

PATH = "/air/speak"


class SpeakPage:
    """The form and what becomes of it."""

    def __init__(self, site: Site, acts: RoundActs, reading: ReadingDesk) -> None:
        self._site = site
        self._acts = acts
        self._reading = reading

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
            self._acts.hearers(places_in(fields))
            if draft.open and (do != "anyway" or draft.unseen):
                notice = t("reading.not_sent", count=draft.open)
                sheet = replace(self._reading.sheet(draft, language), notice=notice, good=False, may_say_anyway=True)
                return self._form(request, fields, sheet)
            made = await self._acts.speak(draft, places_in(fields), language)
        except FormError as error:
            return self._form(request, fields, Sheet(notice=t(error.key, **error.params), good=False))
        except (StoreFull, SQLAlchemyError):
            return self._form(request, fields, Sheet(notice=sentence(language, "emergency.not_written"), good=False))
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
