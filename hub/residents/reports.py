"""What residents report, in the database: kind, place, words; phone and photo only for as long as is allowed."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.store import Store
from hub.tables import metadata

MOST_SHOWN = 200
NUMBER = r"^\d{4}-\d{4}$"


class Kind(StrEnum):
    """What is wrong."""

    SPEAKER = "speaker"
    LAMP = "lamp"
    POLE = "pole"
    OTHER = "other"


class State(StrEnum):
    """How far the commune is with it."""

    NEW = "new"
    SEEN = "seen"
    WORKING = "working"
    ANSWERED = "answered"
    CLOSED = "closed"


OPEN = (State.NEW, State.SEEN, State.WORKING, State.ANSWERED)

reports = sa.Table(
    "resident_reports",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("photo", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("thing", sa.Text, nullable=False),
    sa.Column("bulletin", sa.Text, nullable=False),
    sa.Column("edition", sa.Integer, nullable=False),
)
"""`place`: as grants write places; `thing`: `{address}` or `{address}#{id}` of what it is about; `photo`: a file."""


@dataclass(frozen=True, slots=True)
class Report:
    """One of them. `edition` grows with every change: who changes it says which one they saw."""

    number: str
    at: datetime
    kind: Kind
    place: str
    words: str
    phone: str = ""
    photo: str = ""
    state: State = State.NEW
    changed: datetime | None = None
    answer: str = ""
    answered_by: str = ""
    thing: str = ""
    bulletin: str = ""
    edition: int = 1


class Changed(Exception):
    """Somebody else was quicker; what is there now is not what was seen."""


class Reports:
    """All reports. Photos lie in a folder that nobody but the hub reads."""

    def __init__(self, store: Store, folder: Path, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.folder = folder
        self.fresh: dict[str, str] = {}
        """Number and place of each that nobody has looked at yet."""
        self.on_change: list[Callable[[], None]] = []

    async def load(self) -> None:
        """Learn which are new. Raises SQLAlchemyError."""
        query = sa.select(reports.c.number, reports.c.place).where(reports.c.state == str(State.NEW))
        self.fresh = await self._store.read(lambda c: {row.number: row.place for row in c.execute(query)})

    def _wrote(self, report: Report) -> None:
        if report.state is State.NEW:
            self.fresh[report.number] = report.place
        else:
            self.fresh.pop(report.number, None)
        for tell in self.on_change:
            tell()

    async def add(self, report: Report) -> Report:
        """A new one, with a number that nobody guesses. Raises SQLAlchemyError, StoreFull."""
        drawn = [f"{secrets.randbelow(10_000):04}-{secrets.randbelow(10_000):04}" for _ in range(20)]
        made = replace(report, at=self._clock.now(), changed=self._clock.now())
        number = await self._store.call(partial(_insert, report=made, numbers=drawn))
        made = replace(made, number=number)
        self._wrote(made)
        return made

    async def get(self, number: str) -> Report | None:
        """Raises SQLAlchemyError."""
        query = sa.select(reports).where(reports.c.number == number)
        row = await self._store.read(lambda c: c.execute(query).mappings().first())
        return _report(row) if row else None

    def photo(self, report: Report) -> Path | None:
        """The file of its photo, if there is one still."""
        path = self.folder / report.photo
        return path if report.photo and path.is_file() else None

    async def in_states(self, states: Sequence[State], skip: int = 0, most: int = MOST_SHOWN) -> list[Report]:
        """Those that stand so, the newest first. Raises SQLAlchemyError."""
        query = (
            sa.select(reports)
            .where(reports.c.state.in_([str(s) for s in states]))
            .order_by(reports.c.at.desc(), reports.c.number)
            .limit(most)
            .offset(skip)
        )
        return [_report(row) for row in await self._store.read(lambda c: c.execute(query).mappings().all())]

    async def since(self, at: datetime) -> int:
        """How many came since an instant. Raises SQLAlchemyError."""
        query = sa.select(sa.func.count()).select_from(reports).where(reports.c.at >= iso(at))
        return int(await self._store.read(lambda c: c.execute(query).scalar_one()))

    async def change(self, seen: Report, **changes: Any) -> Report:
        """Write over the edition that was seen. Raises Changed, SQLAlchemyError, StoreFull."""
        after = replace(seen, **changes, changed=self._clock.now(), edition=seen.edition + 1)
        if not await self._store.call(partial(_replace, report=after, seen=seen.edition)):
            raise Changed
        self._wrote(after)
        return after

    async def forget(self, private: timedelta, whole: timedelta) -> list[str]:
        """Take photos and phone numbers off what is older than `private`, delete what is older than `whole`.

        Returns the names of the photos that are left to keep. Raises SQLAlchemyError, StoreFull.
        """
        now = self._clock.now()
        left = await self._store.call(partial(_forget, private=iso(now - private), whole=iso(now - whole)))
        await self.load()
        return left


def _insert(connection: Connection, report: Report, numbers: Sequence[str]) -> str:
    taken = set(connection.execute(sa.select(reports.c.number).where(reports.c.number.in_(numbers))).scalars())
    number = next(number for number in numbers if number not in taken)
    connection.execute(reports.insert().values(**_row(replace(report, number=number))))
    return number


def _replace(connection: Connection, report: Report, seen: int) -> bool:
    same = sa.and_(reports.c.number == report.number, reports.c.edition == seen)
    return connection.execute(reports.update().where(same).values(**_row(report))).rowcount == 1


def _forget(connection: Connection, private: str, whole: str) -> list[str]:
    connection.execute(reports.delete().where(reports.c.at < whole))
    connection.execute(reports.update().where(reports.c.at < private).values(phone="", photo=""))
    return list(connection.execute(sa.select(reports.c.photo).where(reports.c.photo != "")).scalars())


def _row(report: Report) -> dict[str, object]:
    row = {name: getattr(report, name) for name in reports.c.keys()}  # noqa: SIM118 - a collection of columns
    changed = report.changed or report.at
    return {**row, "at": iso(report.at), "changed": iso(changed), "kind": str(report.kind), "state": str(report.state)}


def _report(row: Any) -> Report:
    at, changed = datetime.fromisoformat(row["at"]), datetime.fromisoformat(row["changed"])
    return Report(**{**row, "at": at, "changed": changed, "kind": Kind(row["kind"]), "state": State(row["state"])})
