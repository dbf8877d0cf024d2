"""Keeps what nodes tell of airings, in the transaction that keeps the event itself. Runs in the store's thread."""

import logging
import math

from pydantic import Field, ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.airings import Airing, Hearing
from edge_agent.contract.base import Instant, Report, iso
from edge_agent.contract.records import Event, Sample
from edge_agent.contract.reports import About
from hub.aired.rows import INSTANCES, micros, sane

logger = logging.getLogger(__name__)

_TRIM_EVERY = 256
_NOT_YET = 0
"""Start of an airing that has been heard of only by what the microphone said."""


class _Several(Report):
    count: int = Field(ge=1, le=1_000_000)
    first: Instant


class AiredLog:
    """Keeps airings. At most `keep` rows; the oldest go first."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._since_trim = 0

    def note(self, connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Keep what a new record says of an airing; others, and those that make no sense, are passed over."""
        if not isinstance(record, Event):
            return
        try:
            if record.type in ("aired", "missed"):
                self._airing(connection, address, epoch, record, Airing.model_validate(record.data))
            elif record.type == "bulletin" and record.data.get("state") == "missed" and "count" in record.data:
                self._airing(connection, address, epoch, record, _several(record))
            elif record.type == "heard":
                _hearing(connection, address, Hearing.model_validate(record.data))
        except ValidationError as error:
            logger.warning("%s: event %d is no airing: %s", address, record.seq, error.errors()[0]["msg"])

    def _airing(self, connection: Connection, address: str, epoch: int, record: Event, airing: Airing) -> None:
        if not math.isfinite(airing.seconds):
            airing = airing.model_copy(update={"seconds": 0.0})
        at = sane(airing.planned_us) or (micros(airing.planned) if airing.planned else None)
        at = at or sane(airing.started_us) or micros(record.at)
        heard = None if airing.heard is None else int(airing.heard)
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO airings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(address, epoch, record.seq, at, airing.id, sane(airing.started_us), airing.class_, airing.state),
                *(heard, airing.seconds, airing.model_dump_json(by_alias=True, exclude_none=True)),
            ),
        )
        if started := sane(airing.started_us):
            connection.exec_driver_sql(
                "UPDATE OR IGNORE hearings SET started=? WHERE address=? AND item=? AND started=?",
                (started, address, airing.id, _NOT_YET),
            )
        self._trim(connection)

    def _trim(self, connection: Connection) -> None:
        self._since_trim += 1
        if self._since_trim < _TRIM_EVERY:
            return
        self._since_trim = 0
        connection.exec_driver_sql(
            "DELETE FROM airings WHERE at < (SELECT at FROM airings ORDER BY at DESC LIMIT 1 OFFSET ?)",
            (self._keep - 1,),
        )
        connection.exec_driver_sql(
            "DELETE FROM hearings WHERE rowid <= (SELECT max(rowid) FROM hearings) - ?", (self._keep,)
        )


def name(connection: Connection, address: str, about: About) -> None:
    """Remember what a node is called: the log outlives the node."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO node_names VALUES (?, ?, ?)", (address, about.name[:200], (about.zone or "")[:200])
    )


def _hearing(connection: Connection, address: str, hearing: Hearing) -> None:
    score = hearing.heard_score
    score = score if score is not None and math.isfinite(score) else None
    started = sane(hearing.started_us)
    if started is None:
        newest = "SELECT started FROM airings WHERE address=? AND item=? AND started NOT NULL ORDER BY at DESC LIMIT 1"
        found = connection.exec_driver_sql(newest, (address, hearing.id)).fetchone()
        started = found[0] if found else _NOT_YET
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO hearings VALUES (?, ?, ?, ?, ?)",
        (address, hearing.id, started, int(hearing.heard), score),
    )


def _several(record: Event) -> Airing:
    """Many instances that a node missed while it was off, told in one event; the row stands at the last of them."""
    data = record.data
    raw = {"id": (record.about or "").partition("/")[2], "speaker": "", "class": "ordinary", "authority": ""}
    several = _Several.model_validate(data)
    params = {INSTANCES: several.count, "first": iso(several.first)}
    more = {"state": "missed", "title": data.get("title"), "code": data.get("code"), "planned": data.get("at")}
    return Airing.model_validate({**raw, **more, "repetitions": 0, "params": params})
