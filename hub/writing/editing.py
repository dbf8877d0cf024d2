"""What the form of a draft does. Whatever button was pressed, what was typed is kept first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from edge_agent.contract.sentences import Language
from hub import forms
from hub.bulletins.machine import NotNow
from hub.documents.model import DocumentError, Extract
from hub.documents.spoken import sentence
from hub.forms import Fields, FormError
from hub.language import translator
from hub.people.acting import person
from hub.unkept import NOT_KEPT, is_not_kept
from hub.writing import acts, form, uploads, views
from hub.writing.drafts import Saved, Seen, copy_of
from hub.writing.model import LANGUAGES, Content, Draft, Played, Words
from hub.writing.parts import Parts, Told, when_saved
from hub.writing.proposer import NoProposal
from hub.writing.sounds import Kind, SoundRefused

logger = logging.getLogger(__name__)

Page = Callable[[Request, Draft, str, Told], Awaitable[Response]]
_PARTS = "write_parts.html"


class Editing:
    """The POST half of the page."""

    def __init__(self, parts: Parts, page: Page) -> None:
        """`page`: draws the page of a draft."""
        self._parts = parts
        self._page = page

    async def change(self, request: Request, draft: Draft) -> Response:
        """A button of the form, or a form that saves itself."""
        language, fields = self._parts.language(request), Fields()
        try:
            fields = await forms.read(request, uploads.MOST_FIELDS)
            return await self._change(request, draft, fields, language)
        except NOT_KEPT as error:
            return await self._not_kept(request, draft, fields, language, error)
        except FormError as error:
            return await self._refused(request, draft, translator(language)(error.key, **error.params), language)
        except LookupError:
            return HTMLResponse(self._parts.renderer.message(language, "write.gone"), 404)

    async def file(self, request: Request, draft: Draft) -> Response:
        """The form with a file: a document, a recording, music."""
        language, fields = self._parts.language(request), Fields()
        t = translator(language)
        try:
            async with self._parts.receiver.received(request, "do") as (fields, upload):
                saved = await self._save(draft, form.content(fields, draft), fields)
                if saved.conflict:
                    return await self._conflict(request, saved, fields, language)
                if upload is None:
                    raise FormError("write.no_file")
                content, more = await self._with_file(saved.draft, fields, upload)
            await self._save(saved.draft, content, fields, saved.draft.number, **more)
        except NOT_KEPT as error:
            return await self._not_kept(request, draft, fields, language, error)
        except FormError as error:
            return await self._refused(request, draft, t(error.key, **error.params), language)
        except (DocumentError, SoundRefused) as error:
            now = await self._parts.drafts.get(draft.id) or draft
            return await self._refused(request, now, t(error.key, **error.params), language)
        self._parts.audit.note("draft.file", draft.place, upload.name, id=draft.id, use=fields.get("do", ""))
        return self._back(request, draft, form.language_of(fields, draft), "said=taken")

    async def _change(self, request: Request, draft: Draft, fields: Fields, language: Language) -> Response:
        do = fields.get("do", "save")
        saved = await self._save(draft, form.content(fields, draft), fields)
        spoken = form.language_of(fields, saved.draft)
        if saved.conflict:
            return await self._conflict(request, saved, fields, language)
        name, _, what = do.partition(":")
        if name == "save" and "hx-request" in request.headers:
            return HTMLResponse(self._state_html(saved.draft, spoken, language))
        match name:
            case "read" | "listen":
                return await self._read(request, saved.draft, fields, name, what, language)
            case "whole":
                return await self._whole(request, saved.draft, spoken, what, language)
            case "plan":
                return await self._plan(request, saved.draft, fields, language)
            case "save" | "mine":
                answer = ""
            case _:
                answer, spoken = await self._then(saved.draft, fields, name, what, spoken)
        query, _, anchor = answer.partition("#")
        return self._back(request, draft, spoken, query, anchor)

    async def _then(self, draft: Draft, fields: Fields, name: str, what: str, spoken: str) -> tuple[str, str]:
        """Do what a button says to the pieces; returns query and anchor of the next page, and its version."""
        content, more = await self._acted(draft, name, what, spoken)
        after = await self._save(draft, content, fields, draft.number, **more)
        if name == "language":
            return "", what
        version = after.draft.content.version(spoken)
        told = {"back": "said=back", "restore": "said=restored", "letter": f"said=letter&undo={copy_of(draft)}"}.get(
            name, ""
        )
        return f"{told}#{_anchor(name, what, version.pieces)}", version.language

    async def _acted(self, draft: Draft, name: str, what: str, spoken: str) -> tuple[Content, dict[str, Any]]:
        """The content after a button. Raises FormError."""
        content = draft.content
        match name:
            case "language":
                return acts.add_language(content, what, LANGUAGES), {}
            case "back":
                return content.put(acts.append_text(content.version(spoken), _left_out(draft, what))), {}
            case "restore":
                copy = next((c for c in await self._parts.drafts.beside(draft) if c.id == what), None)
                if copy is None:
                    raise FormError("form.bad")
                await self._parts.drafts.keep_beside(draft)
                return copy.content, {}
            case "letter":
                number = int(what) if what.isascii() and what.isdigit() else -1
                changed, found = await asyncio.to_thread(acts.without_letterhead, content, spoken, number)
                await self._parts.drafts.keep_beside(draft)
                return changed, {"source": found.as_json()}
            case "propose":
                return await self._proposed(draft, spoken), {}
        return acts.act(f"{name}:{what}" if what else name, content, spoken), {}

    async def _proposed(self, draft: Draft, spoken: str) -> Content:
        """The draft with what a language model proposes of its document; the text before is kept beside."""
        if draft.source is None:
            raise FormError("write.model_no_document")
        try:
            text = await self._parts.proposer.propose(Extract.from_json(draft.source))
        except NoProposal as error:
            raise FormError(error.key, **error.params) from error
        self._parts.audit.note("draft.propose", draft.place, draft.content.title, id=draft.id)
        return draft.content.put(acts.put_text(draft.content.version(spoken), text, proposed=True))

    async def _with_file(self, draft: Draft, fields: Fields, upload: uploads.Upload) -> tuple[Content, dict[str, Any]]:
        """The content with the file that came. Raises FormError, DocumentError, SoundRefused."""
        spoken = form.language_of(fields, draft)
        name, _, what = fields.get("do", "").partition(":")
        if name == "document":
            extract = await self._parts.documents.read(upload.path)
            content = await asyncio.to_thread(acts.read_document, draft.content, spoken, extract)
            return content, {"source": extract.as_json()}
        if name not in ("voice", "music", "bed"):
            raise FormError("form.bad")
        kind: Kind = "voice" if name == "voice" else "music"
        sound = await self._parts.sounds.take(upload.path, kind, upload.name)
        version = draft.content.version(spoken)
        if name == "bed":
            return draft.content.put(acts.put_bed(version, int(what) if what.isdigit() else -1, sound)), {}
        take = Played(sound=sound, by=person().name if name == "voice" else "", clean=name == "voice")
        return draft.content.put(version.model_copy(update={"take": take})), {}

    async def _read(
        self, request: Request, draft: Draft, fields: Fields, do: str, what: str, language: Language
    ) -> Response:
        """How one text will be read, and how it will sound."""
        spoken = form.language_of(fields, draft)
        number = int(what) if what.isdigit() else form.asked(fields)
        pieces = draft.content.version(spoken).pieces
        piece = pieces[number] if number is not None and number < len(pieces) else None
        if number is None or not isinstance(piece, Words):
            raise FormError("form.bad")
        if not piece.text.strip():
            raise FormError("form.empty")
        is_same = form.asked(fields) == number
        answers = form.answers(fields if is_same else {}, piece)
        text = await self._parts.desk.draft(piece.text, answers, language)
        sheet = await self._parts.desk.preview(text, do, language, piece.voice)
        kept = await self._parts.desk.kept(text, language)
        if kept:
            sheet = replace(sheet, notice=" ".join([sheet.notice, *kept]).strip())
        if "hx-request" not in request.headers:
            return await self._page(request, draft, spoken, Told(sheets={number: sheet}, tab=form.seen(fields).tab))
        others = [n for n, p in enumerate(pieces) if isinstance(p, Words) and n != number]
        html = self._parts.renderer.part(_PARTS, language, "reading", number, sheet, f"/write/{draft.id}")
        html += self._parts.renderer.part(_PARTS, language, "shut", others)
        return HTMLResponse(html + self._state_html(draft, spoken, language))

    async def _whole(self, request: Request, draft: Draft, spoken: str, how: str, language: Language) -> Response:
        """All of it, as it will sound."""
        answer = await self._parts.hearing.begin(draft, spoken, how)
        if "hx-request" not in request.headers:
            return self._back(request, draft, spoken, f"whole={answer.key}&how={how}", "write_whole")
        view = self._parts.hearing.told(draft, answer.key, how, language)
        html = self._parts.renderer.part(_PARTS, language, "whole", view)
        return HTMLResponse(html + self._state_html(draft, spoken, language))

    async def _plan(self, request: Request, draft: Draft, fields: Fields, language: Language) -> Response:
        """Hand over to planning what is whole; else say what is missing, where it is missing."""
        t = translator(language)
        spoken = form.language_of(fields, draft)
        whole, flaws = await self._parts.finisher.finish(draft)
        if whole is None:
            at = next((f"piece_{f.piece}" for f in flaws if f.language == spoken and f.piece is not None), "write_said")
            return self._back(request, draft, spoken, "check=1", at)
        try:
            known = await self._parts.bulletins.get(draft.bulletin) if draft.bulletin else None
            if known is None:
                bulletin = await self._parts.bulletins.create(whole)
            else:
                bulletin = await self._parts.bulletins.edit(known.id, whole, known.number)
        except NotNow as error:
            return await self._refused(request, draft, t(error.key, **error.params), language)
        await self._save(draft, draft.content, fields, draft.number, bulletin=bulletin.id)
        self._parts.audit.note("draft.plan", draft.place, whole.title, id=draft.id, bulletin=bulletin.id)
        return _to(request, f"/bulletins/{bulletin.id}/plan")

    async def _save(
        self, draft: Draft, content: Content, fields: Fields, number: int | None = None, **more: object
    ) -> Saved:
        """Raises FormError, LookupError, SQLAlchemyError, StoreFull."""
        seen = form.seen(fields)
        if number is not None:
            seen = Seen(number, seen.tab)
        anyway = fields.get("do") == "mine"
        return await self._parts.drafts.save(draft, content, seen, person(), anyway=anyway, **more)

    async def _conflict(self, request: Request, saved: Saved, fields: Fields, language: Language) -> Response:
        """Another changed it meanwhile: say who, and offer both."""
        t, theirs = translator(language), saved.draft
        words = t("write.conflict", name=theirs.changed_by or t("write.somebody"))
        spoken = form.language_of(fields, theirs)
        if "hx-request" in request.headers:
            return HTMLResponse(self._parts.renderer.part(_PARTS, language, "conflict", words, theirs.id, spoken, True))
        mine = theirs.model_copy(update={"content": form.content(fields, theirs)})
        seen = form.seen(fields)
        mine = mine.model_copy(update={"number": seen.number})
        return await self._page(request, mine, spoken, Told(conflict=words, tab=seen.tab, status=409))

    async def _refused(
        self, request: Request, draft: Draft, words: str, language: Language, status: int = 422
    ) -> Response:
        """A sentence; in a page with all that was kept where there is no script to show it."""
        if "hx-request" in request.headers:
            return HTMLResponse(self._parts.renderer.part(_PARTS, language, "refusal", words), status)
        if request.headers.get("accept", "").startswith("application/json"):
            return JSONResponse({"words": words}, status)
        told = Told(notice=words, good=False, status=status)
        return await self._page(request, draft, request.query_params.get("v", ""), told)

    async def _not_kept(
        self, request: Request, draft: Draft, fields: Fields, language: Language, error: Exception
    ) -> Response:
        """The disk or the database did not take it: what was typed stays in the page. Raises what is no such error."""
        if not is_not_kept(error):
            raise error
        logger.error("the draft %s was not kept: %s", draft.id, error)
        typed = draft.model_copy(update={"content": form.content(fields, draft)}) if fields else draft
        return await self._refused(request, typed, translator(language)("write.not_kept"), language, 503)

    def _state_html(self, draft: Draft, spoken: str, language: Language) -> str:
        version = draft.content.version(spoken)
        when = when_saved(draft, self._parts.shown.zone, language)
        length = views.length_of(version, self._parts.session_s, language)
        pasted = [(n, views.is_letter(version, p)) for n, p in enumerate(version.pieces) if isinstance(p, Words)]
        html = self._parts.renderer.part(_PARTS, language, "state", when, length, draft.number, True)
        return html + self._parts.renderer.part(_PARTS, language, "letters", pasted)

    def _back(self, request: Request, draft: Draft, spoken: str, query: str = "", anchor: str = "") -> Response:
        address = f"/write/{draft.id}?v={spoken}" + (f"&{query}" if query else "")
        return _to(request, address + (f"#{anchor}" if anchor else ""))


def _to(request: Request, address: str) -> Response:
    """Go there next; a script is told, and goes when it knows that nothing it holds is lost."""
    if "hx-request" in request.headers:
        return Response(status_code=200, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _left_out(draft: Draft, what: str) -> str:
    """A paragraph of the document, as it is said. Raises FormError."""
    parts = Extract.from_json(draft.source).parts if draft.source else ()
    if not (what.isascii() and what.isdigit() and int(what) < len(parts)):
        raise FormError("form.bad")
    return sentence(parts[int(what)])


def _anchor(name: str, what: str, pieces: tuple[object, ...]) -> str:
    """Where the page is to be looked at afterwards."""
    if name in ("add", "keep_take"):
        return f"piece_{len(pieces) - 1}"
    if name in ("up", "down") and what.isdigit():
        to = int(what) + (-1 if name == "up" else 1)
        return f"piece_{max(0, min(to, len(pieces) - 1))}"
    return {"back": "left_out", "letter": "write_said"}.get(name, "")
