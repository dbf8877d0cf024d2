"""Rows of the as-aired log. Writing runs in the store's thread, reading anywhere over a connection of its own."""

import logging
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from edge_agent.contract.airings import Airing, Hearing
from edge_agent.contract.records import Event, Sample
from edge_agent.contract.reports import About

logger = logging.getLogger(__name__)

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
_TRIM_EVERY = 256
_NOT_YET = 0
"""Start of an airing that has been heard of only by what the microphone said."""
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


class AiredLog:
    """Keeps airings. At most `keep` rows; the oldest go first."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._since_trim = 0

    def note(self, connection: sqlite3.Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Keep what a new record says of an airing; others, and those that make no sense, are passed over."""
        if not isinstance(record, Event):
            return
        try:
            if record.type in ("aired", "missed"):
                self._airing(connection, address, epoch, record)
            elif record.type == "heard":
                _hearing(connection, address, Hearing.model_validate(record.data))
        except ValidationError as error:
            logger.warning("%s: event %d is no airing: %s", address, record.seq, error.errors()[0]["msg"])

    def _airing(self, connection: sqlite3.Connection, address: str, epoch: int, record: Event) -> None:
        airing = Airing.model_validate(record.data)
        if not math.isfinite(airing.seconds):
            airing = airing.model_copy(update={"seconds": 0.0})
        at = _sane(airing.planned_us) or (_micros(airing.planned) if airing.planned else None)
        at = at or _sane(airing.started_us) or _micros(record.at)
        heard = None if airing.heard is None else int(airing.heard)
        connection.execute(
            "INSERT OR IGNORE INTO airings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(address, epoch, record.seq, at, airing.id, _sane(airing.started_us), airing.class_, airing.state),
                *(heard, airing.seconds, airing.model_dump_json(by_alias=True, exclude_none=True)),
            ),
        )
        if started := _sane(airing.started_us):
            connection.execute(
                "UPDATE OR IGNORE hearings SET started=? WHERE address=? AND item=? AND started=?",
                (started, address, airing.id, _NOT_YET),
            )
        self._trim(connection)

    def _trim(self, connection: sqlite3.Connection) -> None:
        self._since_trim += 1
        if self._since_trim < _TRIM_EVERY:
            return
        self._since_trim = 0
        connection.execute(
            "DELETE FROM airings WHERE at < (SELECT at FROM airings ORDER BY at DESC LIMIT 1 OFFSET ?)",
            (self._keep - 1,),
        )
        connection.execute("DELETE FROM hearings WHERE rowid <= (SELECT max(rowid) FROM hearings) - ?", (self._keep,))


def name(connection: sqlite3.Connection, address: str, about: About) -> None:
    """Remember what a node is called: the log outlives the node."""
    connection.execute(
        "INSERT OR REPLACE INTO node_names VALUES (?, ?, ?)", (address, about.name[:200], (about.zone or "")[:200])
    )


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
    """The rows in the order of their time, or the newest first; at most `most` of them after the first `skip`."""
    condition, values = _condition(wanted, wanted.show)
    query = f"SELECT a.address, a.at, a.body, {_HEARD}, h.score {_FROM} WHERE {condition}"
    ordered = f"{query} ORDER BY a.at {'DESC' if newest else ''}, a.address, a.seq LIMIT ? OFFSET ?"
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
        "SELECT count(*), total(a.state = 'aired'), total(a.state = 'partly'), total(a.state = 'missed'),"
        f" total({on_air} AND {_HEARD} IS 1), total({on_air} AND {_HEARD} IS 0), total(a.seconds)"
        f" {_FROM} WHERE {condition}"
    )
    *numbers, seconds = connection.execute(query, values).fetchone()
    every, aired, partly, missed, heard, unheard = map(int, numbers)
    return Totals(every, aired, partly, missed, heard, unheard, seconds)


_FROM = "FROM airings a LEFT JOIN hearings h ON h.address = a.address AND h.item = a.item AND h.started = a.started"
_HEARD = "coalesce(h.heard, a.heard)"


def _condition(wanted: Wanted, show: Show) -> tuple[str, tuple[object, ...]]:
    parts, values = ["a.at >= ?", "a.at < ?"], [_micros(wanted.start), _micros(wanted.end)]
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


def _hearing(connection: sqlite3.Connection, address: str, hearing: Hearing) -> None:
    score = hearing.heard_score
    score = score if score is not None and math.isfinite(score) else None
    started = _sane(hearing.started_us)
    if started is None:
        newest = "SELECT started FROM airings WHERE address=? AND item=? AND started NOT NULL ORDER BY at DESC LIMIT 1"
        found = connection.execute(newest, (address, hearing.id)).fetchone()
        started = found[0] if found else _NOT_YET
    connection.execute(
        "INSERT OR REPLACE INTO hearings VALUES (?, ?, ?, ?, ?)",
        (address, hearing.id, started, int(hearing.heard), score),
    )


def started_at(airing: Airing) -> datetime | None:
    """When its first sample was heard."""
    micros = _sane(airing.started_us)
    return None if micros is None else _instant(micros)


def _sane(micros: int | None) -> int | None:
    return micros if micros is not None and 0 < micros < _SANE else None


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
