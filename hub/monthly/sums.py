"""A month's tables, added up by the database. `None` stands for what nobody knows."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.aired.rows import node_names
from hub.monthly.tables import OPEN, bounds, inside, instant_of, month_faults, month_sums
from hub.people.chain import acts

KINDS = ("energy", "faults", "fault_list", "commands", "nodes", "cameras")
_HOUR_MS, _HOUR_S = 3_600_000, 3600
MOST = 20_000
"""Faults in a file; more are no reading."""
Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """`within`: communes and addresses that the reader may see; None: all. `now`: ms since 1970.

    `most`: rows of a table at most, those that matter most first; None: all.
    """

    month: str
    zone: ZoneInfo
    now: int
    within: tuple[str, ...] | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`columns`: fixed names. `left`: rows that found no room."""

    kind: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: int = 0


def tables(connection: Connection, asked: Asked) -> tuple[Table, ...]:
    """All of a month."""
    return tuple(table(connection, kind, asked) for kind in KINDS)


def table(connection: Connection, kind: str, asked: Asked) -> Table:
    """One of `KINDS`."""
    columns, rows = _MADE[kind](connection, asked)
    kept = rows if asked.most is None else rows[: asked.most]
    all_ = _count_faults(connection, asked) if kind == "fault_list" else len(rows)
    return Table(kind, columns, tuple(kept), all_ - len(kept))


Made = tuple[tuple[str, ...], list[tuple[Cell, ...]]]


def _conditions(asked: Asked, *families: str) -> list[sa.ColumnElement[bool]]:
    table = month_sums.c
    return [table.month == asked.month, table.family.in_(families), *inside(month_sums, asked.within)]


def _energy(connection: Connection, asked: Asked) -> Made:
    """By area: kilowatt-hours of lights and machines, and apart those of cabinets, which hold them."""
    families = ("kwh_measured", "kwh_estimated", "kwh_unclear", "kwh_cabinet", "hours", "litres")
    table, zone = month_sums.c, sa.func.coalesce(node_names.c.zone, "")
    joined = month_sums.outerjoin(node_names, node_names.c.address == table.address)
    query = sa.select(table.commune, zone, table.family, sa.func.sum(table.value)).select_from(joined)
    query = query.where(*_conditions(asked, *families)).group_by(table.commune, zone, table.family)
    found: dict[tuple[str, str], dict[str, float]] = {}
    for commune, area, family, value in connection.execute(query):
        found.setdefault((commune, area), {})[family] = value
    rows = [(commune, area, *(_round(of.get(f)) for f in families)) for (commune, area), of in sorted(found.items())]
    return ("commune", "area", *families), rows


def energy(connection: Connection, asked: Asked) -> dict[str, float]:
    """Kilowatt-hours of lights and machines, by how they are known: `kwh_measured`, `kwh_estimated`, `kwh_unclear`."""
    table = month_sums.c
    query = sa.select(table.family, sa.func.sum(table.value)).group_by(table.family).order_by(table.family.desc())
    of_month = _conditions(asked, "kwh_measured", "kwh_estimated", "kwh_unclear")
    return {family: float(value) for family, value in connection.execute(query.where(*of_month)) if value >= 0.05}


def _faults(connection: Connection, asked: Asked) -> Made:
    """By what is wrong: how often, hours within the month, how many are not over."""
    table, conditions = month_faults.c, _of_month(asked)
    hours = sa.func.sum(_length(asked)) * 1.0 / _HOUR_MS
    still = sa.func.sum(sa.case((table.until == OPEN, 1), else_=0))
    count = sa.func.count()
    query = sa.select(table.code, count, hours, still).where(*conditions).group_by(table.code).order_by(count.desc())
    rows = [(code, n, _round(hours), open_) for code, n, hours, open_ in connection.execute(query)]
    return ("fault", "count", "hours", "open"), rows  # type: ignore[return-value]


def _fault_list(connection: Connection, asked: Asked) -> Made:
    """Each fault, the longest first."""
    table, names, length = month_faults.c, node_names.c, _length(asked).label("length")
    longest = sa.select(table.address, table.thing, table.code, table.since, table.until, length)
    longest = longest.where(*_of_month(asked)).order_by(length.desc(), table.address, table.thing)
    few = longest.limit(asked.most or MOST).subquery()
    of = few.c
    query = sa.select(of.address, names.title, names.zone, of.thing, of.code, of.since, of.until, of.length)
    query = query.select_from(few.outerjoin(node_names, names.address == of.address))
    query = query.order_by(of.length.desc(), of.address, of.thing)
    rows: list[tuple[Cell, ...]] = []
    for address, title, zone, thing, code, since, until, ms in connection.execute(query):
        ended = None if until == OPEN else iso(instant_of(until))
        rows.append((address, title, zone, thing, code, iso(instant_of(since)), ended, _round(ms / _HOUR_MS)))
    return ("address", "node", "area", "thing", "fault", "since", "until", "hours"), rows


def _count_faults(connection: Connection, asked: Asked) -> int:
    count = sa.select(sa.func.count()).select_from(month_faults).where(*_of_month(asked))
    return int(connection.execute(count).scalar_one())


def _of_month(asked: Asked) -> list[sa.ColumnElement[bool]]:
    begin, end = bounds(asked.month, asked.zone)
    table = month_faults.c
    return [table.since < min(end, asked.now), table.until > begin, *inside(month_faults, asked.within)]


def _length(asked: Asked) -> sa.ColumnElement[int]:
    """Milliseconds of a fault that lie within the month, and in the past."""
    begin, end = bounds(asked.month, asked.zone)
    table, last = month_faults.c, min(end, asked.now)
    until = sa.case((table.until > last, last), else_=table.until)
    return until - sa.case((table.since < begin, begin), else_=table.since)


def _commands(connection: Connection, asked: Asked) -> Made:
    """By person: what they switched, and how much of it was done."""
    begin, end = (iso(instant_of(ms)) for ms in bounds(asked.month, asked.zone))
    done = sa.func.sum(sa.case((acts.c.outcome == "done", 1), else_=0))
    count = sa.func.count()
    of_month = [acts.c.at >= begin, acts.c.at < end, acts.c.act.like("node.switch.%")]
    if asked.within is not None:
        place, nodes = acts.c.place, [p for p in asked.within if "/" in p]
        communes = [p for p in asked.within if "/" not in p]
        of_commune = (sa.func.substr(place, 1, len(c) + 1) == f"{c}/" for c in communes)
        of_month.append(sa.or_(place.in_([*nodes, *communes]), *of_commune))
    query = sa.select(acts.c.name, acts.c.act, count, done).where(*of_month)
    query = query.group_by(acts.c.name, acts.c.act).order_by(count.desc(), acts.c.name)
    return ("person", "act", "count", "done"), [tuple(row) for row in connection.execute(query)]


def _nodes(connection: Connection, asked: Asked) -> Made:
    """By node: whether it was there, the longest away first; hours that the hub did not see are not known."""
    table, names = month_sums.c, node_names.c

    def of(family: str) -> sa.ColumnElement[float]:
        return sa.func.sum(sa.case((table.family == family, table.value), else_=0.0))

    offline = of("offline")
    query = sa.select(table.address, names.title, names.zone, of("online"), offline, of("absences"))
    query = query.select_from(month_sums.outerjoin(node_names, names.address == table.address))
    query = query.where(*_conditions(asked, "online", "offline", "absences"))
    query = query.group_by(table.address, names.title, names.zone).order_by(offline.desc(), table.address)
    past = _past_s(asked)
    rows: list[tuple[Cell, ...]] = []
    for address, title, zone, on, off, absences in connection.execute(query):
        share = _round(100 * on / (on + off)) if on + off else None
        unknown = _round(max(past - on - off, 0) / _HOUR_S)
        rows.append((address, title, zone, share, _round(off / _HOUR_S), unknown, int(absences)))
    return ("address", "node", "area", "percent", "hours_away", "hours_unknown", "absences"), rows


def _cameras(connection: Connection, asked: Asked) -> Made:
    """By camera: hours recorded, and hours that should have been; of the rest its node has told nothing."""
    table, names = month_sums.c, node_names.c
    recorded = sa.func.sum(sa.case((table.family == "recorded", table.value), else_=0.0))
    missed = sa.func.sum(sa.case((table.family == "missed", table.value), else_=0.0))
    query = sa.select(table.address, names.title, names.zone, table.thing, recorded, missed)
    query = query.select_from(month_sums.outerjoin(node_names, names.address == table.address))
    query = query.where(*_conditions(asked, "recorded", "missed"))
    query = query.group_by(table.address, names.title, names.zone, table.thing)
    query = query.order_by(missed.desc(), table.address, table.thing)
    past = _past_s(asked)
    rows: list[tuple[Cell, ...]] = []
    for address, title, zone, camera, good, bad in connection.execute(query):
        unknown = _round(max(past - good - bad, 0) / _HOUR_S)
        rows.append((address, title, zone, camera, _round(good / _HOUR_S), _round(bad / _HOUR_S), unknown))
    return ("address", "node", "area", "camera", "hours_recorded", "hours_missed", "hours_unknown"), rows


def _past_s(asked: Asked) -> float:
    """Seconds of the month that are over."""
    begin, end = bounds(asked.month, asked.zone)
    return max(min(end, asked.now) - begin, 0) / 1000


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


_MADE: dict[str, Callable[[Connection, Asked], Made]] = {
    "energy": _energy,
    "faults": _faults,
    "fault_list": _fault_list,
    "commands": _commands,
    "nodes": _nodes,
    "cameras": _cameras,
}
