"""What a person decides about an alert: let it be heard, leave it, end it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from hub.cap import rows, said
from hub.cap.airing import Airing
from hub.cap.clearing import LIFE
from hub.cap.desk import Desk, Taken
from hub.cap.message import MsgType, Status
from hub.cap.plan import Part, Plan
from hub.cap.relations import REPLACED, replace_by_person
from hub.cap.rows import Row, State
from hub.clock import Clock
from hub.notice import Notice
from hub.people.acting import person
from hub.people.audit import Audit
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

AIRABLE = (State.WAITING, State.AIRED, State.NOTED)


class Overtaken(Exception):
    """Somebody else decided, a newer message came, or its time is over. Nothing was done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What shall be heard: a part's words with their readings, at nodes; `seen`: how often it had been said before.

    `replaces`: of the alerts whose place it would take, those of which the person decides; None: all.
    """

    part: Part
    text: str
    readings: dict[str, str]
    nodes: tuple[str, ...]
    seen: int
    replaces: tuple[str, ...] | None = None


def may_air(row: Row, plan: Plan) -> bool:
    """Whether a person may let it be heard: it stands, its time is not over, and it is no cancellation."""
    kinds = (MsgType.ALERT.value, MsgType.UPDATE.value)
    if row.state not in AIRABLE or row.msg_type not in kinds or not plan.parts:
        return False
    return row.state is not State.NOTED or row.status != Status.ACTUAL.value


class Decisions:
    """Each is written with who decided, and then carried out. The acting person's rights were looked at before."""

    def __init__(self, desk: Desk, store: Store, airing: Airing, audit: Audit, notice: Notice, clock: Clock) -> None:
        self._desk = desk
        self._store = store
        self._airing = airing
        self._audit = audit
        self._notice = notice
        self._clock = clock

    async def air(self, row: Row, plan: Plan, choice: Choice) -> None:
        """Have a part heard at these nodes. Raises Overtaken, SQLAlchemyError, StoreFull."""
        now, who = self._clock.now(), person().name or "console"

        def write(connection: Connection) -> bool:
            fresh, before = rows.get(connection, row.id), said.said(connection, row.id)
            if fresh is None or not may_air(fresh, plan) or len(before) != choice.seen or fresh.expires <= now:
                return False
            number = max((words.number for words in before), default=-1) + 1
            words = self._desk.words(number, choice.part, choice.text, choice.readings, who)
            said.say(connection, row.id, words, choice.nodes, now)
            said.note(connection, row.id, said.Act(now, who, "aired", str(len(choice.nodes))))
            heard = {aired.address for aired in said.aired_at(connection, row.id)}
            if heard.issuperset(plan.nodes):
                rows.move(connection, row.id, State.AIRED)
            _replace(connection, fresh, said.Act(now, who, "aired", ""), choice.replaces)
            return True

        await self._write(write, "air", row, nodes=list(choice.nodes[:50]), text=choice.text)

    async def dismiss(self, row: Row, word: str) -> None:
        """Leave it. Raises Overtaken, SQLAlchemyError, StoreFull."""
        act = said.Act(self._clock.now(), person().name or "console", "dismissed", word)

        def write(connection: Connection) -> bool:
            if not rows.move(connection, row.id, State.DISMISSED, of=(State.WAITING,)):
                return False
            said.note(connection, row.id, act)
            return True

        await self._write(write, "dismiss", row, word=word)

    async def end(self, row: Row, addresses: Sequence[str] | None = None) -> None:
        """End it wherever it repeats, or at these nodes only. Raises SQLAlchemyError, StoreFull."""
        act = said.Act(self._clock.now(), person().name or "console", "ended", "")

        def write(connection: Connection) -> bool:
            said.end(connection, [row.id], addresses)
            said.note(connection, row.id, act)
            return True

        await self._write(write, "end", row)

    async def clear(self, row: Row, text: str) -> None:
        """Say where its siren was heard and ended that it is over. Raises Overtaken, SQLAlchemyError, StoreFull."""
        now, who = self._clock.now(), person().name or "console"

        def write(connection: Connection) -> bool:
            if not said.clear(connection, row.id, text, now + LIFE, who):
                return False
            many = len(said.heard(connection, row.id))
            said.note(connection, row.id, said.Act(now, who, "cleared", str(many)))
            return True

        await self._write(write, "clear", row, text=text)

    async def accept(self, row: Row) -> None:
        """Take an unproved cancellation for true. Raises Overtaken, SQLAlchemyError, StoreFull."""
        act = said.Act(self._clock.now(), person().name or "console", "accepted", "")

        def write(connection: Connection) -> bool:
            if not rows.move(connection, row.id, State.NOTED, "kind", of=(State.WAITING,)):
                return False
            replace_by_person(connection, row, act)
            said.note(connection, row.id, act)
            return True

        await self._write(write, "accept", row)

    def brought(self, taken: Taken) -> None:
        """Note who brought a message. Raises StoreFull."""
        self._audit.note("alert.bring", what=taken.id, outcome="done" if taken.new else "known")

    async def _write(self, job: Callable[[Connection], bool], act: str, row: Row, **details: object) -> None:
        """The job writes who did it; the book of acts gets what became of it."""
        done = await self._store.call(job)
        try:
            outcome = "done" if done else "overtaken"
            self._audit.note(f"alert.{act}", what=row.title, outcome=outcome, alert=row.id, told=details)
        except StoreFull:
            logger.error("not in the audit log, the database takes nothing: alert.%s %s", act, row.id)
        if not done:
            raise Overtaken
        self._airing.wake()
        self._notice.bump()


def _replace(connection: Connection, row: Row, act: said.Act, may: tuple[str, ...] | None) -> None:
    """What it stands for ends, now that it is heard itself."""
    if row.msg_type == MsgType.UPDATE.value:
        replace_by_person(connection, row, act, may)
    old = [each for each in rows.referred(connection, row.id) if each.state in REPLACED]
    said.end(connection, [each.id for each in old if row.proved or each.reason == row.id])
