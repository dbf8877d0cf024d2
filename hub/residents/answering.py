"""`/reports-of-residents`: what residents reported, for who answers there."""

import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from hub import forms
from hub.forms import Fields, FormError
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.residents.answers import BY_HAND, LONGEST_ANSWER, SHOWS, Answers
from hub.residents.reports import Changed, Report, State
from hub.residents.site import Site
from hub.store import StoreFull

logger = logging.getLogger(__name__)

PATH = "/reports-of-residents"
SHOWN = 100


class Answering:
    """The list, and the page of one report."""

    def __init__(self, site: Site, answers: Answers) -> None:
        self._site = site
        self._answers = answers

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; after the other pages below this address."""
        may = somewhere(Right.ANSWER)
        return [
            door.route(PATH, self._list, may),
            door.route(f"{PATH}/{{number}}", self._one, may),
            door.route(f"{PATH}/{{number}}", self._do, may, ["POST"]),
            door.route(f"{PATH}/{{number}}/photo", self._photo, may),
        ]

    async def _list(self, request: Request) -> Response:
        show = request.query_params.get("show", "")
        show = show if show in SHOWS else "open"
        try:
            mine = await self._answers.list(show)
        except SQLAlchemyError as error:
            logger.error("reports of residents cannot be read: %s", error)
            return self._site.refuse(request, "residents.unreadable", 503)
        return self._site.page(
            request,
            "residents_list.html",
            show=show,
            shows=list(SHOWS),
            reports=[(report, self._answers.where(report)) for report in mine[:SHOWN]],
            more=max(0, len(mine) - SHOWN),
            is_public=self._site.config.residents.public,
        )

    async def _visible(self, request: Request) -> Report | None:
        """The report of the address, if this person answers there. Raises SQLAlchemyError."""
        return await self._answers.get(str(request.path_params["number"]))

    async def _one(self, request: Request) -> Response:
        report = await self._visible(request)
        if report is None:
            return self._site.refuse(request, "residents.no_report")
        return self._shown(request, report, report.answer)

    def _shown(self, request: Request, report: Report, answer: str, wrong: str = "", status: int = 200) -> Response:
        things = list(self._answers.things(report))
        return self._site.page(
            request,
            "residents_one.html",
            status,
            report=report,
            where=self._answers.where(report),
            answer=answer,
            wrong=wrong,
            things=things,
            thing=dict(things).get(report.thing, ""),
            by_hand=[state for state in BY_HAND if state is not report.state],
            longest=LONGEST_ANSWER,
            may_write=person().may_somewhere(Right.WRITE),
        )

    async def _photo(self, request: Request) -> Response:
        report = await self._visible(request)
        path = self._answers.reports.photo(report) if report is not None else None
        if path is None:
            return Response(status_code=404)
        return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def _do(self, request: Request) -> Response:
        report, fields = await self._visible(request), Fields()
        if report is None:
            return self._site.refuse(request, "residents.no_report")
        try:
            fields = await forms.read(request)
            if fields.get("do") == "draft":
                return RedirectResponse(f"/bulletins/{await self._answers.draft(report)}", 303)
            act = await self._change(fields, report)
        except FormError as error:
            wrong = self._site.words(request, error.key, **error.params)
            return self._shown(request, report, fields.get("answer", report.answer), wrong, 422)
        except Changed:
            now = await self._visible(request) or report
            wrong = self._site.words(request, "residents.changed")
            return self._shown(request, now, fields.get("answer", now.answer), wrong, 409)
        except (SQLAlchemyError, StoreFull):
            wrong = self._site.words(request, "residents.not_kept")
            return self._shown(request, report, fields.get("answer", report.answer), wrong, 503)
        return self._site.say(request, f"{PATH}/{report.number}", f"residents.done_{act}")

    async def _change(self, fields: Fields, report: Report) -> str:
        """Do what a form says; what that is called. Raises FormError, Changed, SQLAlchemyError, StoreFull."""
        text = fields.get("edition", "")
        edition = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        match fields.get("do"):
            case "state" if fields.get("state") in list(BY_HAND):
                await self._answers.set_state(report, edition, State(fields["state"]))
                return "state"
            case "answer":
                await self._answers.answer(report, edition, fields.get("answer", ""))
                return "answer"
            case "link":
                await self._answers.link(report, edition, fields.get("thing", ""))
                return "link"
            case _:
                raise FormError("form.bad")
