"""`/reports-of-residents`: what residents reported, for who answers there."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.segments import Text, Version
from hub import forms
from hub.bulletins.desk import Bulletins
from hub.bulletins.model import Content
from hub.forms import Fields, FormError
from hub.language import sentence
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.residents.places import Places, parse
from hub.residents.reports import NUMBER, OPEN, Changed, Report, Reports, State
from hub.residents.site import Site
from hub.store import StoreFull

logger = logging.getLogger(__name__)

PATH = "/reports-of-residents"
SHOWS: dict[str, Sequence[State]] = {
    "open": OPEN,
    "new": (State.NEW,),
    "closed": (State.CLOSED,),
}
LOOKED_AT, SHOWN = 1000, 100
MOST_THINGS = 300
LONGEST_ANSWER = 3000
BY_HAND = (State.SEEN, State.WORKING, State.CLOSED)


class Answering:
    """The list, and the page of one report."""

    def __init__(
        self, site: Site, reports: Reports, places: Places, areas: Areas, audit: Audit, desk: Bulletins
    ) -> None:
        self._site = site
        self._reports = reports
        self._places = places
        self._areas = areas
        self._audit = audit
        self._desk = desk

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; after the other pages below this address."""
        may = somewhere(Right.ANSWER)
        return [
            door.route(PATH, self._list, may),
            door.route(f"{PATH}/{{number}}", self._one, may),
            door.route(f"{PATH}/{{number}}", self._do, may, ["POST"]),
            door.route(f"{PATH}/{{number}}/photo", self._photo, may),
        ]

    def _may(self, report: Report) -> bool:
        return person().may(Right.ANSWER, parse(report.place, self._areas))

    async def _list(self, request: Request) -> Response:
        show = request.query_params.get("show", "")
        show = show if show in SHOWS else "open"
        try:
            found = await self._reports.in_states(SHOWS[show], most=LOOKED_AT)
        except SQLAlchemyError as error:
            logger.error("reports of residents cannot be read: %s", error)
            return self._site.refuse(request, "residents.unreadable", 503)
        mine = [report for report in found if self._may(report)]
        return self._site.page(
            request,
            "residents_list.html",
            show=show,
            shows=list(SHOWS),
            reports=[(report, self._where(report)) for report in mine[:SHOWN]],
            more=max(0, len(mine) - SHOWN),
            is_public=self._site.config.residents.public,
        )

    def _where(self, report: Report) -> str:
        return self._places.name(parse(report.place, self._areas))

    async def _visible(self, request: Request) -> Report | None:
        """The report of the address, if this person answers there. Raises SQLAlchemyError."""
        number = str(request.path_params["number"])
        found = await self._reports.get(number) if re.fullmatch(NUMBER, number) else None
        return found if found is not None and self._may(found) else None

    async def _one(self, request: Request) -> Response:
        report = await self._visible(request)
        if report is None:
            return self._site.refuse(request, "residents.no_report")
        return self._shown(request, report, report.answer)

    def _shown(self, request: Request, report: Report, answer: str, wrong: str = "", status: int = 200) -> Response:
        things = self._things(report)
        return self._site.page(
            request,
            "residents_one.html",
            status,
            report=report,
            where=self._where(report),
            answer=answer,
            wrong=wrong,
            things=things,
            thing=dict(things).get(report.thing, ""),
            by_hand=[state for state in BY_HAND if state is not report.state],
            longest=LONGEST_ANSWER,
            may_write=person().may_somewhere(Right.WRITE),
        )

    def _things(self, report: Report) -> list[tuple[str, str]]:
        """What a report may be about: nodes and what they have, where the report comes from and this person answers."""
        here = self._areas.inside(replace(parse(report.place, self._areas), node=""))
        found: list[tuple[str, str]] = []
        for node in sorted(here, key=lambda node: node.title.casefold()):
            if not self._areas.may(person(), Right.ANSWER, node.address):
                continue
            found.append((node.address, node.title))
            for thing in node.about.capabilities if node.about else ():
                if thing.kind in ("speaker", "light", "camera", "switch"):
                    found.append(
                        (f"{node.address}#{thing.kind}/{thing.id}", f"{node.title} · {thing.name or thing.id}")
                    )
        return found[:MOST_THINGS]

    async def _photo(self, request: Request) -> Response:
        report = await self._visible(request)
        path = self._reports.folder / report.photo if report is not None and report.photo else None
        if path is None or not path.is_file():
            return Response(status_code=404)
        return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def _do(self, request: Request) -> Response:
        report, fields = await self._visible(request), Fields()
        if report is None:
            return self._site.refuse(request, "residents.no_report")
        try:
            fields = await forms.read(request)
            if fields.get("do") == "draft":
                return await self._draft(report)
            changes, act = self._changes(fields, report)
            if fields.get("edition") != str(report.edition):
                raise Changed
            await self._reports.change(report, **changes)
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
        self._audit.note(f"resident.{act}", report.place, report.number, state=str(changes.get("state", report.state)))
        return self._site.say(request, f"{PATH}/{report.number}", f"residents.done_{act}")

    def _changes(self, fields: Fields, report: Report) -> tuple[dict[str, Any], str]:
        """What a form changes, and what that is called. Raises FormError."""
        match fields.get("do"):
            case "state" if fields.get("state") in list(BY_HAND):
                return {"state": State(fields["state"])}, "state"
            case "answer":
                answer = fields.get("answer", "")
                if not answer:
                    raise FormError("residents.no_answer")
                if len(answer) > LONGEST_ANSWER:
                    raise FormError("form.too_long", limit=LONGEST_ANSWER)
                state = report.state if report.state is State.CLOSED else State.ANSWERED
                return {"answer": answer, "answered_by": person().id, "state": state}, "answer"
            case "link" if fields.get("thing", "") in {"", *(value for value, _ in self._things(report))}:
                return {"thing": fields.get("thing", "")}, "link"
            case _:
                raise FormError("form.bad")

    async def _draft(self, report: Report) -> Response:
        """The answer as a draft of a bulletin, in the language of the air; approved like any other."""
        if not person().may_somewhere(Right.WRITE):
            raise FormError("residents.may_not_write")
        if not report.answer:
            raise FormError("residents.no_answer")
        kind, where = sentence("vi", f"residents.kind_{report.kind}"), self._where(report)
        title = sentence("vi", "residents.draft_title", kind=kind)
        key = "residents.draft_text_at" if where else "residents.draft_text"
        text = sentence("vi", key, kind=kind, where=where, answer=report.answer)
        id_ = await drafted(self._desk, title, text)
        await self._reports.change(report, bulletin=id_)
        self._audit.note("resident.draft", report.place, report.number, bulletin=id_)
        return RedirectResponse(f"/bulletins/{id_}", 303)


async def drafted(desk: Bulletins, title: str, text: str) -> str:
    """A draft of the acting person; its id. Raises SQLAlchemyError, StoreFull."""
    version = Version(language="vi", segments=(Text(text=text),))
    return (await desk.create(Content(title=title[:200], versions=(version,)))).id
