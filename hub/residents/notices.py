"""What staff write for everybody: planned power cuts, and the numbers to call."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.store import Store
from hub.tables import metadata

MOST_CUTS, MOST_LINES = 100, 20
SHOWN_AFTER = timedelta(hours=2)
"""A cut that is over is shown for so long still: power may come back late."""

cuts = sa.Table(
    "resident_cuts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("begins", sa.Text, nullable=False),
    sa.Column("ends", sa.Text, nullable=False, index=True),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("where", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("bulletin", sa.Text, nullable=False),
)
lines = sa.Table(
    "resident_lines",
    metadata,
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """No power from `begins` to `ends`. `place`: an area, as grants write it; `where`: in words."""

    id: str
    begins: datetime
    ends: datetime
    place: str
    where: str
    why: str = ""
    bulletin: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A number to call."""

    name: str
    number: str


class Notices:
    """Kept in memory, as they are read by everybody; few."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cuts: dict[str, Cut] = {}
        self.lines: tuple[Line, ...] = ()

    async def load(self) -> None:
        """Raises SQLAlchemyError."""
        found = await self._store.read(lambda c: c.execute(sa.select(cuts)).mappings().all())
        for row in found:
            begins, ends = datetime.fromisoformat(row["begins"]), datetime.fromisoformat(row["ends"])
            self._cuts[row["id"]] = Cut(**{**row, "begins": begins, "ends": ends})
        query = sa.select(lines.c.name, lines.c.number).order_by(lines.c.position)
        self.lines = tuple(
            Line(name, number) for name, number in await self._store.read(lambda c: c.execute(query).all())
        )

    def cuts(self) -> list[Cut]:
        """Those that are not long over, the next first."""
        now = self._clock.now()
        return sorted((c for c in self._cuts.values() if c.ends + SHOWN_AFTER > now), key=lambda c: (c.begins, c.id))

    def cut(self, id_: str) -> Cut | None:
        """One of them."""
        return self._cuts.get(id_)

    async def write(self, cut: Cut) -> Cut:
        """A new one, or other words for one that is there. Raises SQLAlchemyError, StoreFull."""
        made = cut if cut.id else Cut(secrets.token_hex(8), cut.begins, cut.ends, cut.place, cut.where, cut.why)
        await self._store.call(partial(_write_cut, cut=made, now=iso(self._clock.now() - timedelta(days=30))))
        self._cuts[made.id] = made
        return made

    async def remove(self, id_: str) -> None:
        """Raises SQLAlchemyError, StoreFull."""
        await self._store.call(lambda c: c.execute(cuts.delete().where(cuts.c.id == id_)) and None)
        self._cuts.pop(id_, None)

    async def call(self, given: tuple[Line, ...]) -> None:
        """Other numbers to call. Raises SQLAlchemyError, StoreFull."""
        await self._store.call(partial(_write_lines, given=given))
        self.lines = given


def _write_cut(connection: Connection, cut: Cut, now: str) -> None:
    connection.execute(cuts.delete().where(sa.or_(cuts.c.id == cut.id, cuts.c.ends < now)))
    row = {name: getattr(cut, name) for name in cuts.c.keys()}  # noqa: SIM118 - a collection of columns
    connection.execute(cuts.insert().values(**{**row, "begins": iso(cut.begins), "ends": iso(cut.ends)}))


def _write_lines(connection: Connection, given: tuple[Line, ...]) -> None:
    connection.execute(lines.delete())
    for position, line in enumerate(given):
        connection.execute(lines.insert().values(position=position, name=line.name, number=line.number))
