"""What never came to a node, told by the hub: no node will ever tell of it. Where a node does tell, its word stands.

Runs in the store's thread.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Fault
from hub.aired.rows import UNDELIVERED, airings, micros, said_by_hub
from hub.language import sentence
from hub.tables import insert_new

OF_BULLETINS = -1
"""The epoch of such rows: those of nodes begin at 1. A bulletin may have many instants, each with a row of its own."""
OF_EMERGENCIES = -2
"""Of emergencies and alerts: each is on air once, at an instant that the node chooses with it."""
GRACE = timedelta(minutes=10)
"""So long after its time a node may still tell by itself; clocks differ, and networks are slow."""
BACK = timedelta(days=35)
"""So far back is told what was missed while the hub was off: the month that is reported, and a little more."""
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Unaired:
    """Something that was meant for a node at an instant, and did not come to it. `fault`: why, where that is known."""

    address: str
    item: str
    title: str
    class_: str
    authority: str
    at: datetime
    approved_by: str
    fault: Fault | None = None
    code: str = UNDELIVERED
    """Says why, where there is no fault."""


def keep(connection: Connection, found: Iterable[Unaired], epoch: int) -> int:
    """Write those of which nothing stands there yet; how many that were. `epoch`: `OF_BULLETINS`, `OF_EMERGENCIES`.

    Written twice each is there once.
    """
    left, count = list(found), 0
    for begin in range(0, len(left), _AT_ONCE):
        some = left[begin : begin + _AT_ONCE]
        told = _told(connection, some, epoch)
        fresh = [_row(each, epoch) for each in some if _mark(each, epoch) not in told]
        insert_new(connection, airings, *fresh)
        count += len(fresh)
    return count


def give_way(connection: Connection, address: str, item: str, first: int, last: int) -> None:
    """A node tells by itself of an item, from one planned instant to another: what the hub said of it goes.

    Instants in microseconds since 1970.
    """
    here = (airings.c.address == address, airings.c.item == item)
    then = sa.and_(airings.c.epoch == OF_BULLETINS, airings.c.at >= first, airings.c.at <= last)
    connection.execute(airings.delete().where(*here, sa.or_(then, airings.c.epoch == OF_EMERGENCIES)))


def _told(connection: Connection, some: Sequence[Unaired], epoch: int) -> set[tuple[object, ...]]:
    """Marks of what nodes told, and what stands there already."""
    items = {each.item for each in some}
    query = sa.select(airings.c.address, airings.c.item, airings.c.at).where(airings.c.item.in_(items))
    if epoch == OF_BULLETINS:
        instants = [micros(each.at) for each in some]
        query = query.where(airings.c.at >= min(instants), airings.c.at <= max(instants))
    found = connection.execute(query)
    return {(row.address, row.item, row.at if epoch == OF_BULLETINS else 0) for row in found}


def _mark(each: Unaired, epoch: int) -> tuple[object, ...]:
    return each.address, each.item, micros(each.at) if epoch == OF_BULLETINS else 0


def _row(each: Unaired, epoch: int) -> dict[str, object]:
    at, fault = micros(each.at), each.fault
    told = {
        "id": each.item,
        "speaker": "",
        "title": each.title,
        "class": each.class_,
        "authority": each.authority,
        "state": "missed",
        "planned": each.at,
        "repetitions": 0,
        "code": fault.code if fault else each.code,
        "params": fault.params if fault else {},
        "reason": fault.en if fault else sentence("en", said_by_hub(each.code)),
        "approved_by": each.approved_by,
    }
    return {
        "address": each.address,
        "epoch": epoch,
        "seq": int.from_bytes(hashlib.sha256(f"{each.item} {at}".encode()).digest()[:6]),
        "at": at,
        "item": each.item,
        "started": None,
        "class": each.class_,
        "state": "missed",
        "heard": None,
        "seconds": 0.0,
        "body": Airing.model_validate(told).model_dump_json(by_alias=True, exclude_none=True),
    }
