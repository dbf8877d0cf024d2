"""Keeps what nodes tell of airings, in the transaction that keeps the event itself. Runs in the store's thread."""

import logging
import math

import sqlalchemy as sa
from pydantic import Field, ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.airings import Airing, Hearing
from edge_agent.contract.base import Instant, Report, iso
from edge_agent.contract.records import Event, Sample
from edge_agent.contract.reports import About
from hub.aired.rows import INSTANCES, airings, hearings, micros, node_names, sane
from hub.aired.unaired import give_way
from hub.tables import insert_new, upsert

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
                first = micros(_Several.model_validate(record.data).first)
                self._airing(connection, address, epoch, record, _several(record), first)
            elif record.type == "heard":
                _hearing(connection, address, Hearing.model_validate(record.data))
        except ValidationError as error:
            logger.warning("%s: event %d is no airing: %s", address, record.seq, error.errors()[0]["msg"])

    def _airing(
        self, connection: Connection, address: str, epoch: int, record: Event, airing: Airing, first: int | None = None
    ) -> None:
        """`first`: of several instances, in microseconds since 1970."""
        if not math.isfinite(airing.seconds):
            airing = airing.model_copy(update={"seconds": 0.0})
        at = sane(airing.planned_us) or (micros(airing.planned) if airing.planned else None)
        at = at or sane(airing.started_us) or micros(record.at)
        heard = None if airing.heard is None else int(airing.heard)
        row = {
            "address": address,
            "epoch": epoch,
            "seq": record.seq,
            "at": at,
            "item": airing.id,
            "started": sane(airing.started_us),
            "class": airing.class_,
            "state": airing.state,
            "heard": heard,
            "seconds": airing.seconds,
            "body": airing.model_dump_json(by_alias=True, exclude_none=True),
        }
        insert_new(connection, airings, row)
        give_way(connection, address, airing.id, first or at, at)
        if started := sane(airing.started_us):
            _now_it_began(connection, address, airing.id, started)
        self._trim(connection)

    def _trim(self, connection: Connection) -> None:
        self._since_trim += 1
        if self._since_trim < _TRIM_EVERY:
            return
        self._since_trim = 0
        oldest = sa.select(airings.c.at).order_by(airings.c.at.desc()).limit(1).offset(self._keep - 1)
        connection.execute(airings.delete().where(airings.c.at < oldest.scalar_subquery()))
        beyond = sa.select(hearings.c.started).order_by(hearings.c.started.desc()).limit(1).offset(self._keep)
        connection.execute(hearings.delete().where(hearings.c.started <= beyond.scalar_subquery()))


def name(connection: Connection, address: str, about: About) -> None:
    """Remember what a node is called: the log outlives the node."""
    upsert(connection, node_names, {"address": address, "title": about.name[:200], "zone": (about.zone or "")[:200]})


def _now_it_began(connection: Connection, address: str, item: str, started: int) -> None:
    """What the microphone said of an airing whose start was not known yet belongs to this one."""
    others = hearings.alias()
    of_item = others.select().where(others.c.address == address, others.c.item == item, others.c.started == started)
    connection.execute(
        hearings.update()
        .where(hearings.c.address == address, hearings.c.item == item, hearings.c.started == _NOT_YET)
        .where(~of_item.exists())
        .values(started=started)
    )


def _hearing(connection: Connection, address: str, hearing: Hearing) -> None:
    score = hearing.heard_score
    score = score if score is not None and math.isfinite(score) else None
    started = sane(hearing.started_us)
    if started is None:
        newest = (
            sa.select(airings.c.started)
            .where(airings.c.address == address, airings.c.item == hearing.id, airings.c.started.is_not(None))
            .order_by(airings.c.at.desc())
            .limit(1)
        )
        started = connection.execute(newest).scalar() or _NOT_YET
    row = {"address": address, "item": hearing.id, "started": started, "heard": int(hearing.heard), "score": score}
    upsert(connection, hearings, row, ("address", "item", "started"))


def _several(record: Event) -> Airing:
    """Many instances that a node missed while it was off, told in one event; the row stands at the last of them."""
    data = record.data
    raw = {"id": (record.about or "").partition("/")[2], "speaker": "", "class": "ordinary", "authority": ""}
    several = _Several.model_validate(data)
    params = {INSTANCES: several.count, "first": iso(several.first)}
    more = {"state": "missed", "title": data.get("title"), "code": data.get("code"), "planned": data.get("at")}
    return Airing.model_validate({**raw, **more, "repetitions": 0, "params": params})
