"""What people did, for ever: rows are only added. Who, what, where, when, and what became of it."""

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import JsonObject, iso
from hub.clock import Clock
from hub.people.acting import person
from hub.store import Store, StoreFull
from hub.tables import metadata

acts = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
)


class Audit:
    """The book of acts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def note(self, act: str, place: str = "", what: str = "", **details: object) -> None:
        """Write down what the acting person does. `act`: such as `light.switch`; never holds a secret.

        Raises StoreFull: what cannot be written down is not done.
        """
        who = person()
        row = (self._clock.now(), who.id, who.name or "console", act, place, what[:500], details)
        self._store.offer(lambda c: _insert(c, *row))


def _insert(
    connection: Connection, at: datetime, who: str, name: str, act: str, place: str, what: str, details: JsonObject
) -> None:
    text = json.dumps(details, ensure_ascii=False, default=str)[:4000]
    values = {"at": iso(at), "person": who, "name": name, "act": act, "place": place, "what": what, "details": text}
    connection.execute(acts.insert().values(**values))


__all__ = ["Audit", "StoreFull", "acts"]
