"""Tables and their migrations (sqlite-utils). Times are text: ISO 8601 in UTC."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

_NEWEST = 3
"""How many migrations there are; raise it with each new one."""

_FIRST = """
CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE command (
    id TEXT PRIMARY KEY, payload TEXT NOT NULL, state TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0,
    expires TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE INDEX command_expires ON command (expires);
CREATE TABLE override (
    light TEXT PRIMARY KEY, level REAL NOT NULL, until TEXT NOT NULL, by TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE bulletin (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, by TEXT NOT NULL, state TEXT NOT NULL, handled TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE airing (
    bulletin TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (bulletin, at)
) WITHOUT ROWID;
"""


_EMERGENCY = """
CREATE TABLE emergency (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, body TEXT NOT NULL, progress TEXT NOT NULL, until TEXT NOT NULL
) WITHOUT ROWID
"""

_KEPT = """
CREATE TABLE kept (
    kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID
"""
"""What small parts of the agent keep through a power cut, as JSON: overrides, usage, interlocks, armed rules."""


@contextmanager
def _without_numpy() -> Iterator[None]:
    """sqlite-utils imports numpy when it can, 16 MB that the agent never uses: let it find none."""
    hidden = [name for name in ("numpy", "pandas") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest form; each migration in one transaction.

    `user_version` remembers that nothing is to be done: then sqlite-utils (4 MB) is not even imported.
    """
    if connection.execute("PRAGMA user_version").fetchone()[0] == _NEWEST:
        return
    with _without_numpy():
        from sqlite_utils import Database
        from sqlite_utils.migrations import Migrations

    migrations = Migrations("edge-agent")

    @migrations(name="0001_first")
    def first(db: "Database") -> None:
        for statement in _FIRST.split(";\n"):
            if statement.strip():
                db.execute(statement)

    @migrations(name="0002_emergency")
    def emergency(db: "Database") -> None:
        db.execute(_EMERGENCY)

    @migrations(name="0003_kept")
    def kept(db: "Database") -> None:
        db.execute(_KEPT)
        db.execute(
            "INSERT INTO kept SELECT 'override', light, json_object('level', level, 'until', until, 'by', by)"
            " FROM override"
        )
        db.execute("DROP TABLE override")

    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {_NEWEST}")
