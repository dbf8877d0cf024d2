"""The rows of the audit log, and the chain over them: SHA-256 of each row together with the hash of the one before.

The database itself refuses to change or delete a row. Who takes the triggers away and changes one breaks the chain;
who makes the whole chain anew is found by a hash that was written down elsewhere (`edge-hub audit verify --expect`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.tables import Long, insert_new, metadata

acts = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rows", Long, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
_SAID = ("at", "person", "name", "act", "place", "what", "outcome", "details")
_WORDS = "rows of the audit log are never changed"
_TRIGGERS = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_no_{what} BEFORE {what} ON audit BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        for what in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$ "
        "LANGUAGE plpgsql",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
}


@sa.event.listens_for(acts, "after_create")
def _guard(_: sa.Table, connection: Connection, **__: object) -> None:
    for statement in _TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk over the chain found. `broken`: the id of the first row that is not as it was written.

    `missing`: rows that were counted when they were written, and are gone from the end; `met`: an expected hash.
    """

    rows: int
    hash: str
    broken: int | None = None
    missing: int = 0
    met: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed."""
        return self.broken is None and not self.missing


def add(connection: Connection, row: Mapping[str, str]) -> None:
    """Write a row at the end. Two writers at once wait for each other at the head."""
    now = sa.select(head.c.rows, head.c.hash).where(head.c.id == 1).with_for_update()
    found = connection.execute(now).one_or_none()
    if found is None:
        insert_new(connection, head, {"id": 1, "rows": 0, "hash": ""})
        found = connection.execute(now).one()
    hash_ = _hash(found.hash, row)
    connection.execute(acts.insert().values(**row, hash=hash_))
    connection.execute(head.update().where(head.c.id == 1).values(rows=found.rows + 1, hash=hash_))


def verify(connection: Connection, expect: str = "") -> Verdict:
    """Walk over all rows. `expect`: a hash that was the last one once."""
    count, last, met = 0, "", False
    query = sa.select(acts).order_by(acts.c.id).execution_options(yield_per=1000)
    for found in connection.execute(query):
        row = found._asdict()
        expected = _hash(last, row)
        if row["hash"] != expected:
            return Verdict(count, last, broken=found.id)
        count, last, met = count + 1, expected, met or expected == expect
    kept = connection.execute(sa.select(head.c.rows).where(head.c.id == 1)).scalar()
    return Verdict(count, last, missing=max(0, (kept or 0) - count), met=met)


def _hash(before: str, row: Mapping[str, Any]) -> str:
    said = json.dumps([before, *(row[name] for name in _SAID)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()
