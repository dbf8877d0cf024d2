"""Takes over what can still be read of a corrupt database."""

import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)
_TABLES = {
    "bulletin": ("id", "body", "by", "state", "handled"),
    "airing": ("bulletin", "at", "state", "detail"),
    "emergency": ("id", "state", "body", "progress", "until"),
    "kept": ("kind", "id", "body"),
    "command": ("id", "payload", "state", "begun", "expires", "answer"),
}
"""Not the outbox, whose numbers begin anew above all that were ever used."""


def copy(corrupt: Path, connection: sqlite3.Connection) -> dict[str, int]:
    """Copy readable rows into the new database; returns how many of each table. Never raises for the old one."""
    copied: dict[str, int] = {}
    try:
        old = sqlite3.connect(corrupt)
    except sqlite3.Error as error:
        log.error("nothing of %s can be read: %s", corrupt.name, error)
        return copied
    try:
        for table, columns in _TABLES.items():
            copied[table] = _table(old, connection, table, columns)
    finally:
        old.close()
    log.warning("taken over from %s: %s", corrupt.name, copied)
    return copied


def _table(old: sqlite3.Connection, new: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> int:
    names, gaps = ", ".join(columns), ", ".join("?" * len(columns))
    rows: list[tuple[object, ...]] = []
    try:
        for row in old.execute(f"SELECT {names} FROM {table}"):  # noqa: S608 - names from above
            rows.append(row)  # what came before the damage is kept
    except sqlite3.Error as error:
        log.error("table %s is damaged after %d rows: %s", table, len(rows), error)
    rows = [row for row in rows if all(isinstance(value, str | int | float) for value in row)]
    with new:
        new.execute("BEGIN")
        new.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({gaps})", rows)  # noqa: S608 - the same
    return len(rows)
