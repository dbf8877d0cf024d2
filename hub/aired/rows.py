"""Rows of the as-aired log: what there is, and how it is read, over a connection of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from edge_agent.contract.airings import Airing

SCHEMA = """
CREATE TABLE IF NOT EXISTS airings (
    address TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, item TEXT NOT NULL,
    started INTEGER, class TEXT NOT NULL, state TEXT NOT NULL, heard INTEGER, seconds REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (address, epoch, seq));
CREATE INDEX IF NOT EXISTS airings_at ON airings (at);
CREATE INDEX IF NOT EXISTS airings_item ON airings (address, item, at);
CREATE TABLE IF NOT EXISTS hearings (
    address TEXT NOT NULL, item TEXT NOT NULL, started INTEGER NOT NULL, heard INTEGER NOT NULL, score REAL,
    UNIQUE (address, item, started));
CREATE TABLE IF NOT EXISTS node_names (address TEXT PRIMARY KEY, title TEXT NOT NULL, zone TEXT NOT NULL);
"""
"""Times in microseconds since 1970. `hearings` stand apart: they may come before the airing that they tell of."""

Show = Literal["all", "aired", "partly", "missed", "unheard"]
SHOWS: tuple[Show, ...] = get_args(Show)
CLASSES = ("ordinary", "priority", "emergency")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANCES = "instances"
"""Among the `params` of an airing: for how many instances the row stands, where the node told them in one event."""
_SANE = 2**52
"""Microseconds beyond which a time is a mistake (the year 2112)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: from `start` on and before `end`. `where`: a commune, or `{commune}/{node}`; empty: all."""

    start: datetime
    end: datetime
    where: str = ""
    show: Show = "all"
    class_: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An airing at one node. `at`: when it was meant to begin, or did."""

    address: str
    at: datetime
    airing: Airing
    heard: bool | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a month, whatever is filtered by result."""

    all: int = 0
    aired: int = 0
    partly: int = 0
    missed: int = 0
    heard: int = 0
    unheard: int = 0
    seconds: float = 0

    @property
    def unknown(self) -> int:
        """On air, and nobody listened."""
        return self.aired + self.partly - self.heard - self.unheard


def opened(database: Path) -> "closing[sqlite3.Connection]":
    """A connection that only reads. Raises sqlite3.Error."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    return closing(sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False))


def names(connection: sqlite3.Connection) -> dict[str, str]:
    """Address -> what the node is called; of every node that is in the log, the address where no name is known."""
    known = dict.fromkeys((a for (a,) in connection.execute("SELECT DISTINCT address FROM airings")), "")
    known |= dict(connection.execute("SELECT address, title FROM node_names").fetchall())
    return {address: title.strip() or address.partition("/")[2] for address, title in known.items()}


def rows(
    connection: sqlite3.Connection, wanted: Wanted, most: int = -1, skip: int = 0, *, newest: bool = False
) -> Iterator[Row]:
    """The rows in the order in which they began, or the newest first; at most `most` after the first `skip`.

    What was missed stands at the instant it was meant for.
    """
    condition, values = _condition(wanted, wanted.show)
    query = f"SELECT a.address, a.at, a.body, {_HEARD}, h.score {_FROM} WHERE {condition}"
    way = "DESC" if newest else ""
    began = "CASE WHEN a.state != 'missed' THEN coalesce(a.started, a.at) ELSE a.at END / 1000000"  # as it is shown
    ordered = f"{query} ORDER BY {began} {way}, a.at {way}, a.address, a.seq LIMIT ? OFFSET ?"
    for address, at, body, heard, score in connection.execute(ordered, (*values, most, skip)):
        try:
            airing = Airing.model_validate_json(body)
        except ValidationError:
            continue  # written by another version of the hub
        yield Row(address, _instant(at), airing, None if heard is None else bool(heard), score or airing.heard_score)


def count(connection: sqlite3.Connection, wanted: Wanted) -> int:
    """How many rows there are."""
    condition, values = _condition(wanted, wanted.show)
    query = f"SELECT count(*) {_FROM} WHERE {condition}"
    return int(connection.execute(query, values).fetchone()[0])


def totals(connection: sqlite3.Connection, wanted: Wanted) -> Totals:
    """What it comes to."""
    condition, values = _condition(wanted, "all")
    on_air = "a.state != 'missed'"
    query = (
        f"SELECT total({_TIMES}), total(a.state = 'aired'), total(a.state = 'partly'),"
        f" total((a.state = 'missed') * {_TIMES}),"
        f" total({on_air} AND {_HEARD} IS 1), total({on_air} AND {_HEARD} IS 0), total(a.seconds)"
        f" {_FROM} WHERE {condition}"
    )
    *numbers, seconds = connection.execute(query, values).fetchone()
    every, aired, partly, missed, heard, unheard = map(int, numbers)
    return Totals(every, aired, partly, missed, heard, unheard, seconds)


_FROM = "FROM airings a LEFT JOIN hearings h ON h.address = a.address AND h.item = a.item AND h.started = a.started"
_HEARD = "coalesce(h.heard, a.heard)"
_TIMES = f"coalesce(json_extract(a.body, '$.params.{INSTANCES}'), 1)"


def _condition(wanted: Wanted, show: Show) -> tuple[str, tuple[object, ...]]:
    parts, values = ["a.at >= ?", "a.at < ?"], [micros(wanted.start), micros(wanted.end)]
    asked: list[object] = list(values)
    if "/" in wanted.where:
        parts.append("a.address = ?")
        asked.append(wanted.where)
    elif wanted.where:
        parts.append("substr(a.address, 1, ?) = ?")
        asked += [len(wanted.where) + 1, f"{wanted.where}/"]
    if wanted.class_:
        parts.append("a.class = ?")
        asked.append(wanted.class_)
    if show == "unheard":
        parts.append(f"a.state != 'missed' AND {_HEARD} IS 0")
    elif show != "all":
        parts.append("a.state = ?")
        asked.append(show)
    return " AND ".join(parts), tuple(asked)


def started_at(airing: Airing) -> datetime | None:
    """When its first sample was heard."""
    micros = sane(airing.started_us)
    return None if micros is None else _instant(micros)


def sane(micros: int | None) -> int | None:
    """Microseconds that can be a time; None for others, which nodes may send too."""
    return micros if micros is not None and 0 < micros < _SANE else None


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
