"""Reads the audit log: by person, act, place and day, only what somebody may see of it."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from edge_agent.contract.base import iso
from hub.people.chain import acts
from hub.people.rights import EVERYWHERE, Place
from hub.store import Store

CHUNK = 500

Line = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted. `name`: part of a name; `act`, `place`: exactly, a place with all that lies within."""

    name: str = ""
    act: str = ""
    place: str = ""
    first: date | None = None
    last: date | None = None


def query(
    wanted: Filter, places: Collection[Place], nodes: Collection[str], zone: ZoneInfo
) -> sa.Select[tuple[object, ...]]:
    """The newest first. `places`: where the reader administers; `nodes`: the addresses in those that are areas."""
    select = sa.select(acts).order_by(acts.c.id.desc())
    if EVERYWHERE not in places:
        select = select.where(sa.or_(acts.c.place.in_(list(nodes)), *(_within(str(place)) for place in places)))
    if wanted.name:
        select = select.where(acts.c.name.icontains(wanted.name, autoescape=True))
    if wanted.act:
        select = select.where(acts.c.act == wanted.act)
    if wanted.place:
        select = select.where(_within(wanted.place))
    if wanted.first:
        select = select.where(acts.c.at >= _midnight(wanted.first, zone))
    if wanted.last:
        select = select.where(acts.c.at < _midnight(wanted.last + timedelta(days=1), zone))
    return select


def known_acts(connection: Connection) -> list[str]:
    """All kinds of acts that there are rows of."""
    return [str(act) for act in connection.execute(sa.select(acts.c.act).distinct().order_by(acts.c.act)).scalars()]


def page(connection: Connection, select: sa.Select[tuple[object, ...]], before: int, most: int) -> list[Line]:
    """So many rows, older than one (0: the newest)."""
    older = select.where(acts.c.id < before) if before else select
    return list(connection.execute(older.limit(most)))


async def stream(store: Store, select: sa.Select[tuple[object, ...]]) -> AsyncIterator[list[Line]]:
    """All rows, a few hundred at a time: the log may be long."""
    before = 0
    while rows := await store.read(lambda c, before=before: page(c, select, before, CHUNK)):  # type: ignore[misc]
        yield rows
        before = rows[-1].id


def _within(place: str) -> sa.ColumnElement[bool]:
    return sa.or_(acts.c.place == place, acts.c.place.startswith(f"{place}/", autoescape=True))


def _midnight(day: date, zone: ZoneInfo) -> str:
    return iso(datetime.combine(day, time(), zone))
