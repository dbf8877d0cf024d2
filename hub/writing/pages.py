"""`/write`: the drafts that somebody may open; `/write/{draft}`: one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.documents.model import DocumentError
from hub.forms import FormError
from hub.language import remember, switched, translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.times import moment
from hub.writing import acts
from hub.writing.drafts import TooMany, is_untouched, may
from hub.writing.editing import Editing
from hub.writing.model import Draft, Words, empty
from hub.writing.parts import Parts, Told, view

MICROPHONE = {"Permissions-Policy": "camera=(), microphone=(self), geolocation=(), payment=(), usb=()"}
"""The page of a draft, and no other of these, may ask for the microphone."""
Act = Callable[[Request, Draft], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class WritePages:
    """Looking at drafts, beginning one, throwing one away; `Editing` changes them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._editing = Editing(parts, self.page)

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        write = somewhere(Right.WRITE)
        return [
            door.route("/write", self._list, write),
            door.route("/write", self._new, write, ["POST"]),
            door.route("/write/of/{bulletin}", self._of, write),
            door.route("/write/{draft}", self._one, write),
            door.route("/write/{draft}", self._with_draft(self._editing.change), write, ["POST"]),
            door.route("/write/{draft}/file", self._with_draft(self._editing.file), write, ["POST"]),
            door.route("/write/{draft}/whole/{key}.ogg", self._with_draft(self._whole_file), write),
            door.route("/write/{draft}/whole/{key}", self._with_draft(self._whole), write),
            door.route("/write/{draft}/remove", self._with_draft(self._remove), write, ["POST"]),
        ]

    async def page(self, request: Request, draft: Draft, spoken: str, told: Told) -> Response:
        """The page of a draft."""
        language = self._parts.language(request)
        v = await view(self._parts, draft, spoken, language, told)
        query = request.query_params if request.method == "GET" else QueryParams(v=v.version.language)
        html = self._parts.renderer.sheet_of(
            "write_one.html", language, "bulletins", other_language=switched(query, language), v=v
        )
        headers = {**MICROPHONE, "Vary": "Cookie"}
        if told.whole and told.whole.again:  # for a browser without scripts; one with them asks by itself
            headers["Refresh"] = "4"
        return remember(HTMLResponse(html, told.status, headers), request.query_params)

    async def _list(self, request: Request) -> Response:
        return await self._drawn_list(request, "")

    async def _drawn_list(self, request: Request, trouble: str, status: int = 200) -> Response:
        language, now = self._parts.language(request), self._parts.shown.clock.now()
        drafts = await self._parts.drafts.of(person())
        html = self._parts.renderer.sheet_of(
            "write_list.html",
            language,
            "bulletins",
            other_language=switched(request.query_params, language),
            drafts=[_row(draft, now, language, self._parts) for draft in drafts if not is_untouched(draft)],
            trouble=trouble,
            mine=person().id,
        )
        return remember(HTMLResponse(html, status, {"Vary": "Cookie"}), request.query_params)

    async def _new(self, request: Request) -> Response:
        """A new draft: empty, or of a document that comes with the form."""
        language = self._parts.language(request)
        t = translator(language)
        content, source = empty(), None
        try:
            if request.headers.get("content-type", "").startswith("multipart/"):
                async with self._parts.receiver.received(request, "do") as (_, upload):
                    if upload is None:
                        raise FormError("write.no_file")
                    extract = await self._parts.documents.read(upload.path)
                    content = await asyncio.to_thread(acts.read_document, content, "vi", extract)
                    source = extract.as_json()
            else:
                text = (await forms.read(request)).get("text", "")
                if len(text) > forms.MAX_BULLETIN:
                    raise FormError("form.too_long", limit=forms.MAX_BULLETIN)
                content = content.put(acts.put_text(content.version("vi"), text)) if text else content
                begun = None if text else await self._parts.drafts.untouched(person())
                if begun:
                    return RedirectResponse(f"/write/{begun.id}", 303)
            draft = await self._parts.drafts.create(person(), content, source)
        except (FormError, DocumentError) as error:
            return await self._drawn_list(request, t(error.key, **error.params), 422)
        except TooMany:
            return await self._drawn_list(request, t("write.too_many"), 409)
        self._parts.audit.note("draft.create", draft.place, content.title, id=draft.id)
        return RedirectResponse(f"/write/{draft.id}", 303)

    async def _one(self, request: Request) -> Response:
        draft, language = await self._found(request), self._parts.language(request)
        if draft is None:
            return self._gone(request)
        if request.query_params.get("check"):
            return await self._checked(request, draft)
        said = request.query_params.get("said", "")
        notice = translator(language)(f"write.said_{said}") if said in ("back", "taken", "restored", "letter") else ""
        whole, undo = self._parts.hearing.view(request, draft, language), request.query_params.get("undo", "")
        told = Told(notice=notice, whole=whole, undo=undo)
        return await self.page(request, draft, request.query_params.get("v", ""), told)

    async def _checked(self, request: Request, draft: Draft) -> Response:
        """The page with what stands in the way of planning, each where it is mended."""
        _, flaws = await self._parts.finisher.finish(draft)
        words = translator(self._parts.language(request))("write.not_whole", count=len(flaws)) if flaws else ""
        told = Told(notice=words, good=False, flaws=tuple(flaws))
        return await self.page(request, draft, request.query_params.get("v", ""), told)

    async def _whole(self, request: Request, draft: Draft) -> Response:
        """How far the whole bulletin is that is to be heard."""
        language, key = self._parts.language(request), str(request.path_params["key"])[:64]
        view = self._parts.hearing.told(draft, key, request.query_params.get("how", ""), language)
        return HTMLResponse(self._parts.renderer.part("write_parts.html", language, "whole", view))

    async def _whole_file(self, request: Request, _: Draft) -> Response:
        return self._parts.hearing.file(request)

    async def _of(self, request: Request) -> Response:
        """The draft of a bulletin that is to be changed; begun anew where there is none any more."""
        bulletin = await self._parts.bulletins.get(str(request.path_params["bulletin"])[:40])
        draft = await self._parts.drafts.of_bulletin(bulletin.id) if bulletin else None
        if bulletin is None or draft is None or not may(person(), draft):
            return self._gone(request)
        return RedirectResponse(f"/write/{draft.id}", 303)

    async def _remove(self, request: Request, draft: Draft) -> Response:
        await self._parts.drafts.remove(draft)
        self._parts.audit.note("draft.remove", draft.place, draft.content.title, id=draft.id)
        return RedirectResponse("/write", 303)

    async def _found(self, request: Request) -> Draft | None:
        draft = await self._parts.drafts.get(str(request.path_params["draft"])[:40])
        return draft if draft and may(person(), draft) else None

    def _with_draft(self, act: Act) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            draft = await self._found(request)
            return self._gone(request) if draft is None else await act(request, draft)

        return endpoint

    def _gone(self, request: Request) -> Response:
        """Also where somebody may not see it: who it belongs to is nobody else's business."""
        return HTMLResponse(self._parts.renderer.message(self._parts.language(request), "write.gone"), 404)


def _row(draft: Draft, now: datetime, language: Language, parts: Parts) -> dict[str, str]:
    texts = [piece.text for piece in draft.content.version("vi").pieces if isinstance(piece, Words) and piece.text]
    first = texts[0] if texts else ""
    return {
        "id": draft.id,
        "title": draft.content.title,
        "first": first if len(first) <= 120 else first[:119] + "…",
        "by": draft.name,
        "mine": "yes" if draft.by == person().id else "",
        "changed": moment(draft.changed, now, parts.shown.zone, language),
    }
