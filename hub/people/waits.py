"""Who guesses waits, longer each time. The same for names that nobody has: so nobody learns which there are."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.store import Store, StoreFull
from hub.tables import metadata, upsert

FREE = 5
"""Mistakes in a row that cost nothing."""
FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=30)
"""The first wait; each further mistake doubles it."""
FORGOTTEN = timedelta(hours=24)
ADDRESS_TRIES, ADDRESS_SPAN = 30, timedelta(minutes=10)
"""Mistakes from one address: a whole office may stand behind it."""
OF_DEVICE = "#"
"""Between a name and one of its devices that has a count of its own; no login holds it."""
MOST = 10_000
"""Names and addresses that are remembered."""

waits = sa.Table(
    "waits",
    metadata,
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("mistakes", sa.Integer, nullable=False),
    sa.Column("last", sa.Text, nullable=False),
)


@dataclass
class _Tries:
    mistakes: int
    last: datetime


class Waits:
    """Counts mistakes, by name and by address. Those by name outlive a restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._names: OrderedDict[str, _Tries] = OrderedDict()
        self._addresses: OrderedDict[str, list[datetime]] = OrderedDict()

    async def load(self) -> None:
        """Read what is kept. Raises SQLAlchemyError."""
        rows = await self._store.read(lambda c: c.execute(sa.select(waits).limit(MOST)).fetchall())
        self._names = OrderedDict((r.who, _Tries(r.mistakes, datetime.fromisoformat(r.last))) for r in rows)

    def left(self, who: str, address: str) -> int:
        """Seconds that somebody must wait before the next try; 0: none. Part of a second counts as a whole one."""
        now = self._clock.now()
        until = max(self._until(who), self._address_until(address, now))
        return max(0, math.ceil((until - now).total_seconds()))

    def locked(self, who: str) -> bool:
        """Whether a name must wait."""
        return self._until(who) > self._clock.now()

    def mistake(self, who: str, address: str, *, keep: bool) -> None:
        """Count one. `keep`: the name is somebody's, so that it is worth a row. `address` empty: only by name."""
        now = self._clock.now()
        tries = self._names.pop(who, None)
        count = tries.mistakes + 1 if tries and now - tries.last < FORGOTTEN else 1
        self._names[who] = _Tries(count, now)
        if address:
            self._addresses.setdefault(address, []).append(now)
            self._addresses.move_to_end(address)
        for book in (self._names, self._addresses):
            while len(book) > MOST:
                book.popitem(last=False)
        if keep:
            row = {"who": who, "mistakes": count, "last": iso(now)}
            self._offer(lambda c: upsert(c, waits, row))

    def well(self, who: str, address: str = "") -> None:
        """It was right: all is forgotten of the name, and this try of the address."""
        if recent := self._addresses.get(address):
            recent.pop()
        if self._names.pop(who, None):
            self._offer(lambda c: _forget(c, who))

    def unlock(self, who: str) -> None:
        """An administrator says so: all is forgotten of the name, on all of its devices."""
        for name in [name for name in self._names if name == who or name.startswith(f"{who}{OF_DEVICE}")]:
            del self._names[name]
        self._offer(lambda c: forget(c, who))

    def _offer(self, job: object) -> None:
        try:
            self._store.offer(job)  # type: ignore[arg-type]
        except StoreFull:
            return  # it is counted in memory all the same

    def _until(self, who: str) -> datetime:
        tries = self._names.get(who)
        if tries is None or tries.mistakes < FREE:
            return datetime.min.replace(tzinfo=self._clock.now().tzinfo)
        doubled: timedelta = FIRST * 2 ** min(tries.mistakes - FREE, 10)
        return tries.last + min(LONGEST, doubled)

    def _address_until(self, address: str, now: datetime) -> datetime:
        recent = [at for at in self._addresses.get(address, ()) if now - at < ADDRESS_SPAN]
        if address in self._addresses:
            self._addresses[address] = recent
        return recent[-ADDRESS_TRIES] + ADDRESS_SPAN if len(recent) >= ADDRESS_TRIES else now


def forget(connection: Connection, who: str) -> None:
    """Nothing is known against them any more, on any device."""
    _forget(connection, who)
    connection.execute(waits.delete().where(waits.c.who.startswith(f"{who}{OF_DEVICE}", autoescape=True)))


def _forget(connection: Connection, who: str) -> None:
    connection.execute(waits.delete().where(waits.c.who == who))
