"""What was let go for a node that did not take it: each instant stands in the log as missed, for no node will tell.

How far that was written stands in the database, with the rows: so each instant is told once, also after a gap of days.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.aired.unaired import BACK, GRACE, OF_BULLETINS, Unaired, keep
from hub.bulletins.deliveries import Delivery, Sent
from hub.bulletins.instants import instances
from hub.bulletins.model import HubBulletin, Released
from hub.store import Store
from hub.tables import metadata, upsert

reached = sa.Table(
    "bulletin_missed",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("through", sa.Text, nullable=False),
)
"""Its one row says through which instant it is written what was missed."""
STEP = timedelta(days=1)
"""So much is written at a time: others want to write too."""
MOST = 20_000
"""Rows at a time; more in one step are left, in favour of what nodes tell."""
Rows = Mapping[str, Mapping[str, Delivery]]
"""By bulletin, then by address."""


class Missed:
    """Told by the dispatch of what changes; `look` writes what is due."""

    def __init__(self, store: Store, zone: ZoneInfo) -> None:
        self._store = store
        self._zone = zone
        self._through: datetime | None = None
        self._since: dict[tuple[str, str], datetime] = {}
        self._left: list[Unaired] = []

    async def load(self) -> None:
        """How far it was written. Raises SQLAlchemyError."""
        self._through = await self._store.read(_through)

    def put(self, bulletin: HubBulletin | None, before: Delivery | None, row: Delivery, now: datetime) -> None:
        """A row changes: from now on the node is meant, or has it, or is not meant any more."""
        if row.wanted and (before is None or not before.wanted):
            self._since[row.key] = now
        elif before is not None and is_missing(before) and not is_missing(row):
            self.over(bulletin, [before], now)
            self._since.pop(row.key, None)

    def over(self, bulletin: HubBulletin | None, rows: Iterable[Delivery], now: datetime) -> None:
        """What was let go is taken back, or replaced: what these nodes missed of it until now stays missed."""
        if bulletin is None or bulletin.released is None or self._through is None:
            return
        begin = max(self._through, bulletin.released.at)
        if instants := _instants(bulletin.released, begin, now, self._zone):
            self._left += self._of(bulletin, rows, instants)

    @property
    def waits(self) -> bool:
        """Whether something was told that is not written yet."""
        return bool(self._left)

    async def look(self, released: Mapping[str, HubBulletin], rows: Rows, now: datetime) -> None:
        """Write what was missed up to a while ago. Raises SQLAlchemyError, StoreFull."""
        end = now - GRACE
        if self._through is None or self._through > now:  # the first look ever; or a clock that was wrong
            await self._write([], end)
        begin = max(self._through or end, end - BACK)
        while begin < end:
            until = min(begin + STEP, end)
            due = self._due(released, begin, until)
            found = [
                each for id_, at in due.items() for each in self._of(released[id_], rows.get(id_, {}).values(), at)
            ]
            if due:
                await self._write(found[:MOST], until)
            self._through = begin = until  # where nothing was due it need not be written
        if self._left:
            await self._write([], begin)
        self._since = {key: at for key, at in self._since.items() if at > begin}

    def _due(self, released: Mapping[str, HubBulletin], begin: datetime, until: datetime) -> dict[str, list[datetime]]:
        """The instants of each bulletin that has any, later than `begin`, up to `until`."""
        found = {}
        for id_, bulletin in released.items():
            let_go = bulletin.released
            if let_go and (instants := _instants(let_go, max(begin, let_go.at), until, self._zone)):
                found[id_] = instants
        return found

    def _of(self, bulletin: HubBulletin, rows: Iterable[Delivery], instants: list[datetime]) -> list[Unaired]:
        return [
            _unaired(bulletin, row, at)
            for row in rows
            if is_missing(row)
            for at in instants
            if at >= self._since.get(row.key, at)
        ]

    async def _write(self, found: list[Unaired], through: datetime) -> None:
        left = self._left[:MOST]
        await self._store.call(partial(_keep, found=[*left, *found], through=through))
        self._through, self._left = through, self._left[len(left) :]


def is_missing(row: Delivery) -> bool:
    """Whether a node shall have it and has not taken it. What it took it tells of by itself, if only after days."""
    return bool(row.wanted) and row.state is not Sent.TAKEN


def _instants(released: Released, after: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """Later than `after`, up to `until`."""
    if until <= after:
        return []
    tick = timedelta.resolution
    return [each.at for each in instances(released.schedule, after + tick, until + tick, zone)]


def _unaired(bulletin: HubBulletin, row: Delivery, at: datetime) -> Unaired:
    let_go = bulletin.released
    assert let_go is not None  # noqa: S101 - the caller looked
    content = let_go.content
    return Unaired(
        row.address, bulletin.id, content.title, content.class_, content.authority or "", at, let_go.name, row.fault
    )


def _keep(connection: Connection, found: list[Unaired], through: datetime) -> None:
    keep(connection, found, OF_BULLETINS)
    upsert(connection, reached, {"id": 1, "through": iso(through)})


def _through(connection: Connection) -> datetime | None:
    found = connection.execute(sa.select(reached.c.through)).scalar()
    return datetime.fromisoformat(found) if found else None
