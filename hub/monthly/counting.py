"""Adds up what nodes measure and tell, in the transaction that keeps the record. Runs in the store's thread."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.records import Event, Sample
from edge_agent.contract.switched import CabinetState, LightState, SwitchState
from hub.clock import Clock
from hub.monthly.tables import OPEN, Sum, add, bounds, millis, month_counters, month_faults, month_of
from hub.registry import Registry
from hub.tables import insert_new, upsert

EVERY = timedelta(minutes=30)
"""Counters only ever rise, so nothing is lost by reading them seldom."""
FAMILIES = {"energy": "kwh", "hours": "hours", "litres": "litres"}
LONGEST_GAP = timedelta(days=400)
"""A counter that was not read for longer tells nothing of any month."""
KEEP_FAULTS = 200_000
_TRIM_EVERY = 256
_AHEAD = timedelta(days=1)

Basis = Callable[[str, str], str]
"""Of a thing (address, id): `measured`, `estimated`, `cabinet`, or `unclear` where its node has not told."""


class MonthLog:
    """Keeps sums of energy, hours on and litres, and how long faults last."""

    def __init__(self, zone: ZoneInfo, basis: Basis, clock: Clock) -> None:
        self._zone = zone
        self._basis = basis
        self._clock = clock
        self._read: dict[str, datetime] = {}
        self._since_trim = 0

    def forget(self) -> None:
        """After a rollback: read counters again."""
        self._read.clear()

    def note(self, connection: Connection, address: str, epoch: int, record: Event | Sample) -> None:
        """Add what a new record says; what makes no sense is passed over."""
        del epoch  # counters that begin anew are seen by their values
        if isinstance(record, Sample):
            self._sample(connection, address, record)
        elif record.type in ("fault", "cleared") and record.about:
            self._fault(connection, address, record)

    def _sample(self, connection: Connection, address: str, sample: Sample) -> None:
        if sample.at > self._clock.now() + _AHEAD or sample.at.year < 2020:
            return  # a clock that is wrong
        last = self._read.get(address)
        if last is not None and sample.at - last < EVERY:
            same = month_of(millis(last), self._zone) == month_of(millis(sample.at), self._zone)
            if same or sample.at < last:
                return
        values = {name: value for name, value in sample.values.items() if _is_counter(name, value)}
        if not values:
            return
        self._read[address] = sample.at
        table, now = month_counters, millis(sample.at)
        found = connection.execute(sa.select(table.c.name, table.c.at, table.c.value).where(table.c.address == address))
        before = {name: (at, value) for name, at, value in found}
        sums: dict[Sum, float] = {}
        for name, value in values.items():
            since, old = before.get(name, (now, value))
            if since > now:
                continue
            family, _, thing = name.partition("/")
            kind = FAMILIES[family]
            if kind == "kwh":
                kind = f"kwh_{self._basis(address, thing)}"
            used = value - old if value >= old else value
            for month, part in spread(used, since, now, self._zone).items():
                sums[month, address, kind, thing] = part
            upsert(connection, table, {"address": address, "name": name, "at": now, "value": value})
        add(connection, sums)

    def _fault(self, connection: Connection, address: str, event: Event) -> None:
        table, code, at = month_faults, str(event.data.get("code") or "")[:100], millis(event.at)
        since = _instant(event.data.get("since"), event.at)
        same = (table.c.address == address, table.c.thing == event.about, table.c.code == code)
        if not code or event.at.year < 2020:
            return
        row = {"address": address, "thing": event.about, "code": code, "commune": address.partition("/")[0]}
        if event.type == "cleared":
            ended = table.update().where(*same, table.c.until == OPEN).values(until=max(at, since))
            if connection.execute(ended).rowcount == 0:
                insert_new(connection, table, {**row, "since": since, "until": max(at, since)})
            return
        told = sa.select(table.c.since).where(*same, table.c.until == OPEN)
        if connection.execute(told).first() is None:
            insert_new(connection, table, {**row, "since": since, "until": OPEN})
            self._trim(connection)

    def _trim(self, connection: Connection) -> None:
        self._since_trim += 1
        if self._since_trim < _TRIM_EVERY:
            return
        self._since_trim = 0
        oldest = sa.select(month_faults.c.until).order_by(month_faults.c.until.desc()).limit(1).offset(KEEP_FAULTS)
        connection.execute(month_faults.delete().where(month_faults.c.until < oldest.scalar_subquery()))


def basis_of(registry: Registry) -> Basis:
    """As the states say now."""

    def found(address: str, thing: str) -> str:
        node = registry.nodes.get(address)
        for kind in ("light", "switch", "cabinet"):
            state = node.states.get((kind, thing)) if node else None
            if isinstance(state, CabinetState):
                return "cabinet"
            if isinstance(state, LightState | SwitchState) and state.usage and state.usage.energy_by:
                return state.usage.energy_by
        return "unclear"

    return found


def spread(used: float, since: int, until: int, zone: ZoneInfo) -> dict[str, float]:
    """What was used between two instants (ms since 1970), by month; over the turn of a month evenly by time."""
    if used <= 0 or until <= since or until - since > LONGEST_GAP / timedelta(milliseconds=1):
        return {}
    found: dict[str, float] = {}
    at = since
    while at < until:
        month = month_of(at, zone)
        end = min(bounds(month, zone)[1], until)
        found[month] = used * (end - at) / (until - since)
        at = end
    return found


def _is_counter(name: str, value: float) -> bool:
    family, slash, thing = name.partition("/")
    return bool(slash and thing) and family in FAMILIES and math.isfinite(value) and 0 <= value < 1e9


def _instant(text: object, otherwise: datetime) -> int:
    """When a fault began, as its node said; never after the event that tells of it."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = otherwise
    if found.tzinfo is None or found > otherwise or found.year < 2020:
        found = otherwise
    return millis(found)
