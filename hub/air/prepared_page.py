"""`/air/prepared`: the prepared emergency messages, for who administers."""

from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from hub import forms
from hub.air.prepared import LONGEST, Message, Prepared
from hub.air.site import Site
from hub.choices import choices
from hub.forms import Fields, FormError
from hub.language import remember, sentence, switched
from hub.people.door import Door, everywhere
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk
from hub.sheet import Sheet
from hub.store import StoreFull
from hub.toasts import Toast

PATH = "/air/prepared"


class PreparedPage:
    """The list, and the form of one message."""

    def __init__(self, site: Site, prepared: Prepared, reading: ReadingDesk) -> None:
        self._site = site
        self._prepared = prepared
        self._reading = reading

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = everywhere(Right.ADMINISTER)
        return [door.route(PATH, self._page, may), door.route(PATH, self._save, may, ["POST"])]

    async def _page(self, request: Request) -> Response:
        message = self._prepared.get(request.query_params.get("id", ""))
        fields: Fields = {}
        if message is not None:
            fields = {"id": message.id, "title": message.title, "text": message.text, "clear": message.clear}
            fields |= {"drill": "1"} if message.drill else {}
        return self._form(request, fields, None)

    async def _save(self, request: Request) -> Response:
        language, fields = self._site.language(request), {}
        try:
            fields = await forms.read(request)
            if fields.get("do") == "remove" and self._prepared.get(fields.get("id", "")):
                await self._prepared.remove(fields["id"])
                return self._done(sentence(language, "emergency.removed", title=fields.get("title", "")[:200]))
            message = self._message(fields)
            draft = await self._reading.draft(message.text, choices(fields), language)
            if fields.get("do") in ("read", "listen"):
                return self._form(request, fields, await self._reading.preview(draft, fields["do"], language))
            if draft.open:
                notice = sentence(language, "reading.not_sent", count=draft.open)
                return self._form(
                    request, fields, replace(self._reading.sheet(draft, language), notice=notice, good=False)
                )
            saved = await self._prepared.save(replace(message, readings=draft.readings))
        except FormError as error:
            return self._form(request, fields, Sheet(notice=sentence(language, error.key, **error.params), good=False))
        except (StoreFull, SQLAlchemyError):
            return self._form(request, fields, Sheet(notice=sentence(language, "emergency.not_written"), good=False))
        return self._done(sentence(language, "emergency.saved", title=saved.title))

    def _message(self, fields: Fields) -> Message:
        """Raises FormError."""
        text, title = forms.text(fields, LONGEST), fields.get("title", "")[:200]
        drill = fields.get("drill") == "1"
        message = Message(fields.get("id", ""), title, text, fields.get("clear", ""), drill=drill)
        return self._prepared.checked(message)

    def _done(self, text: str) -> Response:
        return RedirectResponse(f"{PATH}?said={self._site.toasts.keep(Toast(text, True))}", 303)

    def _form(self, request: Request, fields: Fields, sheet: Sheet | None) -> Response:
        language = self._site.language(request)
        if sheet is not None and request.headers.get("hx-request") == "true":
            return HTMLResponse(self._site.renderer.sheet(language, sheet, PATH))
        html = self._site.renderer.sheet_of(
            "air_prepared.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            prepared=self._prepared.all,
            fields=fields,
            sheet=sheet,
            path=PATH,
            longest=LONGEST,
            toast=self._site.toasts.take(request.query_params.get("said")),
        )
        return remember(HTMLResponse(html, headers={"Vary": "Cookie"}), request.query_params)
