"""What people did, for ever: rows are only added. Who, what, where, when, and what became of it.

Each row carries the hash of the one before it (`chain.py`), so that a row that was changed, or is missing, is seen.
"""

import json
import logging
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import JsonObject, iso
from hub.clock import Clock
from hub.people.acting import person
from hub.people.chain import acts, add
from hub.people.outcomes import noted_act, noting
from hub.people.repeats import EACH, Repeats
from hub.people.rights import Person
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

DETAILS = 4000
"""Characters of the details that are kept."""


class Audit:
    """The book of acts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._repeats = Repeats()

    def note(
        self,
        act: str,
        place: str = "",
        what: str = "",
        *,
        who: Person | None = None,
        outcome: str = "done",
        **details: object,
    ) -> None:
        """Write down what the acting person does, or `who`. `act`: such as `light.switch`; never holds a secret.

        `outcome`: `done`, or why not. Raises StoreFull: what cannot be written down is not done.
        """
        row = entry(self._clock.now(), who or person(), act, place, what, outcome, details)
        self._store.offer(lambda c: add(c, row))
        noted_act(act)

    def afterwards(self, act: str, place: str, what: str, outcome: str, said: str = "") -> None:
        """The same for what was done already: a full store is logged. `said`: what the person was told of it."""
        try:
            if said:
                self.note(act, place, what, outcome=outcome, said=said)
            else:
                self.note(act, place, what, outcome=outcome)
        except StoreFull:
            logger.error("not in the audit log, the database takes nothing: %s %s %s %s", act, place, what, outcome)

    def refused(
        self, act: str, place: str, what: str, outcome: str, *, who: Person | None = None, **details: object
    ) -> None:
        """Somebody was refused. What repeats is grouped (`repeats.py`): `times` says how often it was in this hour."""
        noted_act(act)
        times = self._repeats.number((who or person()).id, f"{act} {outcome}", self._clock.now())
        if not times:
            return
        more = {"times": times} if times > EACH else {}
        try:
            self.note(act, place, what, who=who, outcome=outcome, **more, **details)
        except StoreFull:
            logger.error("not in the audit log, the database takes nothing: %s %s %s %s", act, place, what, outcome)

    async def count(self) -> int:
        """How many rows there are. Raises SQLAlchemyError."""
        return int(
            await self._store.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(acts)).scalar_one())
        )


def entry(
    at: datetime, who: Person, act: str, place: str, what: str, outcome: str, details: JsonObject
) -> dict[str, str]:
    """A row, still without its place in the chain."""
    text = json.dumps(details, ensure_ascii=False, default=str)
    return {
        "at": iso(at),
        "person": who.id,
        "name": (who.name or "console")[:100],
        "act": act[:100],
        "place": place[:200],
        "what": what[:500],
        "outcome": outcome[:100],
        "details": text if len(text) <= DETAILS else json.dumps({"cut": text[:DETAILS]}, ensure_ascii=False),
    }


def write(connection: Connection, at: datetime, act: str, what: str, **details: object) -> None:
    """For the command line, which is nobody of the hub's people."""
    add(connection, entry(at, Person("", "edge-hub"), act, "", what, "done", details))


__all__ = ["Audit", "StoreFull", "acts", "entry", "noting", "write"]
