"""All tables of the hub stand on one MetaData; each module declares its own. What SQL dialects say differently is here.

Works on SQLite and PostgreSQL alike: instants are ISO 8601 texts in UTC, or whole numbers as the column says.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

metadata = sa.MetaData()

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Whole numbers up to 2**63; SQLite's own INTEGER, which is also its row number."""

Row = Mapping[str, Any]


def insert_new(connection: Connection, table: sa.Table, *rows: Row) -> None:
    """Insert rows; one whose key is there already is passed over."""
    if rows:
        connection.execute(_insert_new(connection.dialect.name, table), rows)


def upsert(connection: Connection, table: sa.Table, row: Row, key: Iterable[str] = ()) -> None:
    """Insert a row, or give the one with the same key its values. `key`: columns; the primary key, if not given."""
    connection.execute(_upsert(connection.dialect.name, table, tuple(key), tuple(row)), row)


def inserting(dialect: str, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows `on_conflict_do_...`. `dialect`: as the connection names it."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@lru_cache(maxsize=64)
def _insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    return inserting(dialect, table).on_conflict_do_nothing()


@lru_cache(maxsize=256)
def _upsert(dialect: str, table: sa.Table, key: tuple[str, ...], given: tuple[str, ...]) -> sa.Insert:
    insert = inserting(dialect, table)
    key = key or tuple(column.name for column in table.primary_key)
    changed = {name: insert.excluded[name] for name in given if name not in key}
    if not changed:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(index_elements=list(key), set_=changed)
