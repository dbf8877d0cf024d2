"""Birth records as rows. `save` runs in the store's thread, in the transaction of its event; the others only read."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.birth import BirthRecord, SignedBirth
from hub.births.trust import Refused, Verdict, judged
from hub.tables import insert_new, metadata, upsert

births = sa.Table(
    "births",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("ended", sa.Text, nullable=False),
    sa.Column("came", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
"""`body`: the SignedBirth as it came, so that anybody can check it again; of a refused one nothing but why."""

MOST = 10
"""Of each node; the oldest go."""
REFUSED = "refused"
"""The verdict of one that was not genuine; its `id` is the record's own, or empty where that cannot be read."""


@dataclass(frozen=True, slots=True)
class Birth:
    """One that was kept."""

    address: str
    record: BirthRecord
    signed: SignedBirth
    verdict: Verdict
    came: datetime


@dataclass(frozen=True, slots=True)
class Turned:
    """One that was refused, and why (the end of a key of the catalogue)."""

    came: datetime
    why: str


def save(connection: Connection, address: str, came: datetime, data: dict[str, object]) -> str | None:
    """Keep the data of an `installed` event, if it is genuine; why it was refused."""
    try:
        signed = SignedBirth.model_validate(data)
        record = signed.read()
    except ValidationError:
        return _refuse(connection, address, came, "", "unreadable")
    try:
        verdict = judged(connection, address, signed, record)
    except Refused as refused:
        return _refuse(connection, address, came, record.id, str(refused))
    row = {"address": address, "id": record.id, "ended": iso(record.ended), "came": iso(came), "verdict": verdict}
    # one that comes again stays as old as it is: a replayed record must not push out the newest
    insert_new(connection, births, {**row, "body": signed.model_dump_json(exclude_none=True)})
    _trim(connection, address)
    return None


def latest(connection: Connection, address: str) -> Birth | None:
    """The newest record of a node; one that is signed by a known key comes before any that is not."""
    found = [birth for row in _of(connection, address) if (birth := _birth(row)) is not None]
    return next((birth for birth in found if birth.verdict == "signed"), found[0] if found else None)


def turned(connection: Connection, address: str) -> Turned | None:
    """What was refused last."""
    rows = [row for row in _of(connection, address) if row.verdict == REFUSED]
    newest = max(rows, key=lambda row: row.came, default=None)
    return Turned(datetime.fromisoformat(newest.came), newest.body) if newest is not None else None


def _of(connection: Connection, address: str) -> list[sa.Row[tuple[str, str, str, str, str, str]]]:
    """The newest first, by the hub's clock: that of a box may not have been right yet."""
    chosen = sa.select(births).where(births.c.address == address).order_by(births.c.came.desc(), births.c.id.desc())
    return list(connection.execute(chosen).fetchall())


def _refuse(connection: Connection, address: str, came: datetime, id_: str, why: str) -> str:
    """A forged copy of a good record must not take its place."""
    row = {"address": address, "id": f"{REFUSED}:{id_}", "ended": iso(came), "came": iso(came), "verdict": REFUSED}
    upsert(connection, births, {**row, "body": why})
    _trim(connection, address)
    return why


def _trim(connection: Connection, address: str) -> None:
    """Those that were refused go first: whoever sends many of them wipes out nothing."""
    rows = sorted(_of(connection, address), key=lambda row: (row.verdict != REFUSED, row.verdict == "signed", row.came))
    for row in rows[: max(0, len(rows) - MOST)]:
        connection.execute(births.delete().where(births.c.address == address, births.c.id == row.id))


def _birth(row: sa.Row[tuple[str, str, str, str, str, str]]) -> Birth | None:
    if row.verdict == REFUSED:
        return None
    try:
        signed = SignedBirth.model_validate_json(row.body)
        return Birth(row.address, signed.read(), signed, row.verdict, datetime.fromisoformat(row.came))
    except ValidationError:  # written by another version of the hub
        return None
