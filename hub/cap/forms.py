"""What people do with alerts: bring one, let it be heard, leave it, end it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.cap.acts import CapActs
from hub.cap.bringing import read_file
from hub.cap.deciding import Overtaken
from hub.cap.looking import Found
from hub.cap.pages import BASE, CapPages
from hub.cap.problems import REFUSALS, refusal, sentence
from hub.choices import choices
from hub.language import Translate, translator
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.render import Renderer
from hub.sheet import Sheet
from hub.store import StoreFull
from hub.toasts import Toast, Toasts


class CapForms:
    """Each form works with htmx and without."""

    def __init__(
        self,
        pages: CapPages,
        acts: CapActs,
        renderer: Renderer,
        toasts: Toasts,
        language: Callable[[HTTPConnection], Language],
    ) -> None:
        self._pages = pages
        self._acts = acts
        self._reading = acts.reading
        self._renderer = renderer
        self._toasts = toasts
        self._language = language

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        acts: dict[str, tuple[Callable[[Request, Found, forms.Fields], Awaitable[Response]], Right]] = {
            "air": (self._air, Right.APPROVE),
            "dismiss": (self._dismiss, Right.APPROVE),
            "accept": (self._accept, Right.APPROVE),
            "end": (self._end, Right.EMERGENCY),
            "clear": (self._clear, Right.EMERGENCY),
        }
        routes: list[BaseRoute] = [
            door.route(f"{BASE}/{{alert}}/{name}", self._guarded(act), somewhere(right), ["POST"])
            for name, (act, right) in acts.items()
        ]
        return [door.route(BASE, self._bring, somewhere(Right.WRITE), ["POST"]), *routes]

    def _guarded(
        self, act: Callable[[Request, Found, forms.Fields], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            t = translator(self._language(request))
            try:
                found = await self._pages.found(request)
                if found is None:
                    return self._pages.missing(request)
                try:
                    return await act(request, found, await forms.read(request))
                except forms.FormError as error:
                    return self._told(request, Toast(t(error.key, **error.params), False, key=error.key))
                except Overtaken:
                    return self._told(request, Toast(t("cap.overtaken"), False, key="cap.overtaken"))
                except StoreFull:
                    return self._told(request, Toast(t("cap.unwritten"), False, key="cap.unwritten"))
            except SQLAlchemyError:
                return self._pages.unreadable(request)

        return endpoint

    async def _air(self, request: Request, found: Found, fields: forms.Fields) -> Response:
        language, number = self._language(request), _number(fields.get("part", ""), len(found.plan.parts))
        part = found.plan.parts[number]
        try:
            draft = await self._acts.draft(found, forms.spoken(fields), choices(fields), language)
        except forms.FormError as error:  # nothing typed is lost
            sheet = Sheet(notice=translator(language)(error.key, **error.params), good=False)
            return await self._shown(request, found, fields, number, sheet)
        do = fields.get("do", "air")
        if do in ("read", "listen"):
            return await self._shown(request, found, fields, number, await self._reading.preview(draft, do, language))
        added = {value for name, value in fields.items() if name.startswith("place.")}
        sheet, nodes = self._reading.sheet(draft, language), self._acts.nodes(found, number, added)
        t = translator(language)
        if not nodes:
            return await self._shown(
                request, found, fields, number, replace(sheet, notice=t("cap.no_place"), good=False)
            )
        if part.class_ == "emergency" and do != "emergency":
            alarm = replace(sheet, alarm=t("cap.sure", count=len(nodes)))
            return await self._shown(request, found, fields, number, alarm)
        if part.class_ != "emergency" and draft.open and (do != "anyway" or draft.unseen):
            asked = replace(sheet, notice=t("reading.not_sent", count=draft.open), good=False, may_say_anyway=True)
            return await self._shown(request, found, fields, number, asked)
        seen = fields.get("seen", "")
        times = int(seen) if seen.isascii() and seen.isdigit() else -1
        await self._acts.air(found, part, draft, nodes, times)
        kept = await self._reading.kept(draft, language)
        return self._told(request, Toast(" ".join((t("cap.sending", count=len(nodes)), *kept)), True))

    async def _dismiss(self, request: Request, found: Found, fields: forms.Fields) -> Response:
        t = translator(self._language(request))
        try:
            await self._acts.dismiss(found, fields.get("word", ""))
        except forms.FormError as error:
            if error.key != "cap.no_word":
                raise
            return await self._pages.detail_page(request, found, toast=Toast(t("cap.no_word"), False))
        return self._told(request, Toast(t("cap.dismissed"), True), BASE)

    async def _accept(self, request: Request, found: Found, _: forms.Fields) -> Response:
        await self._acts.accept(found)
        return self._told(request, Toast(self._t(request)("cap.accepted"), True))

    async def _end(self, request: Request, found: Found, _: forms.Fields) -> Response:
        await self._acts.end(found)
        return self._told(request, Toast(self._t(request)("cap.ending"), True))

    async def _clear(self, request: Request, found: Found, fields: forms.Fields) -> Response:
        """The all-clear, in the words that somebody has read."""
        count = await self._acts.clear(found, forms.spoken(fields))
        return self._told(request, Toast(self._t(request)("cap.clearing", count=count), True))

    async def _bring(self, request: Request) -> Response:
        language = self._language(request)
        try:
            taken = await self._acts.bring(await read_file(request))
        except REFUSALS as error:
            problems, status = refusal(error)
            words = tuple(sentence(problem, language) for problem in problems)
            return await self._pages.list_page(request, None, status, problems=words)
        except SQLAlchemyError:
            return self._pages.unreadable(request)
        said = self._t(request)(
            "cap.brought" if taken.new else "cap.brought_differs" if taken.differs else "cap.brought_before"
        )
        return self._told(request, Toast(said, taken.new), f"{BASE}/{taken.id}")

    async def _shown(self, request: Request, found: Found, fields: forms.Fields, number: int, sheet: Sheet) -> Response:
        """Under its form; without JavaScript on the whole page, with all that was typed."""
        if request.headers.get("hx-request") == "true":
            html = self._renderer.sheet(self._language(request), sheet, request.url.path)
            return HTMLResponse(html, headers={"HX-Retarget": f"#reading-{number}", "HX-Reswap": "innerHTML show:top"})
        chosen = tuple(value for name, value in fields.items() if name.startswith("place."))
        texts = {number: fields.get("text", "")}
        return await self._pages.detail_page(request, found, {number: sheet}, texts=texts, chosen=chosen)

    def _told(self, request: Request, toast: Toast, path: str = "") -> Response:
        """Back to the alert, or to `path`, where the note is shown."""
        target = f"{path or request.url.path.rpartition('/')[0]}?said={self._toasts.keep(toast)}"
        if request.headers.get("hx-request") == "true":
            return Response(status_code=204, headers={"HX-Redirect": target})
        return RedirectResponse(target, 303)

    def _t(self, request: Request) -> Translate:
        return translator(self._language(request))


def _number(text: str, many: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < many):
        raise forms.FormError("cap.overtaken")
    return int(text)
