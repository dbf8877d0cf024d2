"""What is done with a resident's report: the same for the page and for the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_agent.contract.segments import Text, Version
from hub.bulletins.desk import Bulletins
from hub.bulletins.model import Content
from hub.forms import FormError
from hub.language import sentence
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.rights import Right
from hub.residents.places import Places, parse
from hub.residents.reports import NUMBER, OPEN, Changed, Report, Reports, State

SHOWS: dict[str, Sequence[State]] = {
    "open": OPEN,
    "new": (State.NEW,),
    "closed": (State.CLOSED,),
}
LOOKED_AT = 1000
MOST_THINGS = 300
LONGEST_ANSWER = 3000
BY_HAND = (State.SEEN, State.WORKING, State.CLOSED)


@dataclass(frozen=True, slots=True)
class Answers:
    """For the acting person: only reports of places where they answer residents."""

    reports: Reports
    places: Places
    areas: Areas
    audit: Audit
    desk: Bulletins

    async def list(self, show: str) -> list[Report]:
        """`show`: a key of `SHOWS`. Raises SQLAlchemyError."""
        found = await self.reports.in_states(SHOWS[show], most=LOOKED_AT)
        return [report for report in found if self._may(report)]

    async def get(self, number: str) -> Report | None:
        """The report of this number. Raises SQLAlchemyError."""
        found = await self.reports.get(number) if re.fullmatch(NUMBER, number) else None
        return found if found is not None and self._may(found) else None

    def where(self, report: Report) -> str:
        """Its place in words."""
        return self.places.name(parse(report.place, self.areas))

    def things(self, report: Report) -> Sequence[tuple[str, str]]:
        """What a report may be about: nodes and what they have, where it comes from and the person answers."""
        here = self.areas.inside(replace(parse(report.place, self.areas), node=""))
        found: list[tuple[str, str]] = []
        for node in sorted(here, key=lambda node: node.title.casefold()):
            if not self.areas.may(person(), Right.ANSWER, node.address):
                continue
            found.append((node.address, node.title))
            for thing in node.about.capabilities if node.about else ():
                if thing.kind in ("speaker", "light", "camera", "switch"):
                    found.append(
                        (f"{node.address}#{thing.kind}/{thing.id}", f"{node.title} · {thing.name or thing.id}")
                    )
        return found[:MOST_THINGS]

    async def set_state(self, report: Report, edition: int, state: State) -> Report:
        """How far the commune is. Raises FormError, Changed, SQLAlchemyError, StoreFull."""
        if state not in BY_HAND:
            raise FormError("form.bad")
        return await self._change(report, edition, "state", state=state)

    async def answer(self, report: Report, edition: int, answer: str) -> Report:
        """The commune's answer, which whoever knows the number reads. Raises as `set_state`."""
        if not answer:
            raise FormError("residents.no_answer")
        if len(answer) > LONGEST_ANSWER:
            raise FormError("form.too_long", limit=LONGEST_ANSWER)
        state = report.state if report.state is State.CLOSED else State.ANSWERED
        return await self._change(report, edition, "answer", answer=answer, answered_by=person().id, state=state)

    async def link(self, report: Report, edition: int, thing: str) -> Report:
        """Which thing it is about; empty: none. Raises as `set_state`."""
        if thing not in {"", *(value for value, _ in self.things(report))}:
            raise FormError("form.bad")
        return await self._change(report, edition, "link", thing=thing)

    async def draft(self, report: Report) -> str:
        """The answer as a draft of a bulletin, in the language of the air; approved like any other. Its id.

        Raises FormError, Changed, SQLAlchemyError, StoreFull.
        """
        if not person().may_somewhere(Right.WRITE):
            raise FormError("residents.may_not_write")
        if not report.answer:
            raise FormError("residents.no_answer")
        kind, where = sentence("vi", f"residents.kind_{report.kind}"), self.where(report)
        title = sentence("vi", "residents.draft_title", kind=kind)
        key = "residents.draft_text_at" if where else "residents.draft_text"
        text = sentence("vi", key, kind=kind, where=where, answer=report.answer)
        id_ = await drafted(self.desk, title, text)
        await self.reports.change(report, bulletin=id_)
        self.audit.note("resident.draft", report.place, report.number, bulletin=id_)
        return id_

    async def _change(self, report: Report, edition: int, act: str, **changes: Any) -> Report:
        if edition != report.edition:
            raise Changed
        after = await self.reports.change(report, **changes)
        self.audit.note(f"resident.{act}", report.place, report.number, state=str(after.state))
        return after

    def _may(self, report: Report) -> bool:
        return person().may(Right.ANSWER, parse(report.place, self.areas))


async def drafted(desk: Bulletins, title: str, text: str) -> str:
    """A draft of the acting person; its id. Raises SQLAlchemyError, StoreFull."""
    version = Version(language="vi", segments=(Text(text=text),))
    return (await desk.create(Content(title=title[:200], versions=(version,)))).id
