"""The people whom the hub knows, and their grants. All in memory, each change written before it counts."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from edge_agent.contract.base import iso
from edge_agent.contract.ids import uuid7
from hub.clock import Clock
from hub.people.rights import EVERYWHERE, Grant, Person, Place, Right, Role
from hub.store import Store
from hub.tables import insert_new, metadata

logger = logging.getLogger(__name__)

people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("password", sa.Text, nullable=False, server_default=""),
    sa.Column("totp", sa.Text, nullable=False, server_default=""),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("disabled", sa.Integer, nullable=False, server_default="0"),
)
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("person", sa.Text, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("place", sa.Text, primary_key=True),
)


@dataclass(frozen=True, slots=True)
class Account:
    """A person as the hub keeps them. `login`: telephone number or short name; `password`, `totp`: empty until set."""

    person: Person
    login: str
    created: datetime
    password: str = ""
    totp: str = ""
    language: str = ""
    disabled: bool = False


Before = Callable[[Connection], None]


class LoginTaken(Exception):
    """Somebody else signs in by this name."""


class LastAdministrator(Exception):
    """Nobody would be left who can let others in."""


class Accounts:
    """All accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._by_id: dict[str, Account] = {}
        self._writing = asyncio.Lock()
        self.on_change: list[Callable[[str], None]] = []
        """Told the id of each person whose account or rights changed, after it was written."""

    async def load(self) -> None:
        """Read what is kept; who is another than before, is told as changed. Raises SQLAlchemyError."""
        async with self._writing:
            before, self._by_id = self._by_id, await self._store.read(read)
        for id_ in before.keys() | self._by_id.keys():
            if before.get(id_) != self._by_id.get(id_):
                self._tell(id_)

    @property
    def all(self) -> tuple[Account, ...]:
        """Everybody."""
        return tuple(self._by_id.values())

    def get(self, id_: str) -> Account | None:
        """One of them."""
        return self._by_id.get(id_)

    def by_login(self, login: str) -> Account | None:
        """Who signs in by this name."""
        wanted = login.strip().casefold()
        return next((a for a in self._by_id.values() if a.login == wanted), None)

    async def add(
        self, login: str, name: str, given: Iterable[Grant], *, password: str = "", first: Before | None = None
    ) -> Account:
        """A new person. `password`: what is kept of it; `first`: done in the same transaction, or neither is.

        Raises LoginTaken, SQLAlchemyError, StoreFull, and what `first` raises.
        """
        person = Person(uuid7(), name.strip()[:100], tuple(dict.fromkeys(given)))
        account = Account(person, login.strip().casefold()[:60], self._clock.now(), password)

        def write(connection: Connection) -> None:
            if first:
                first(connection)
            insert(connection, account)

        async with self._writing:
            if self.by_login(login):
                raise LoginTaken(login)
            try:
                await self._store.call(write)
            except IntegrityError as error:  # the command line was quicker
                raise LoginTaken(login) from error
            self._by_id[person.id] = account
        self._tell(person.id)
        return account

    async def renew(self, id_: str, **changes: Any) -> Account:
        """Change `name`, `password`, `totp`, `language` or `disabled`, and nothing else that another changes meanwhile.

        Raises KeyError, SQLAlchemyError, StoreFull.
        """
        return await self._write(id_, partial(_renew, id_=id_, changes=changes))

    async def disable(self, id_: str) -> Account:
        """No more let in. Raises LastAdministrator, and what `renew` raises."""
        return await self._write(id_, partial(_renew, id_=id_, changes={"disabled": True}), ends=True)

    async def give(self, id_: str, grant: Grant) -> Account:
        """One more role. Raises KeyError, SQLAlchemyError, StoreFull."""
        return await self._write(id_, partial(give, id_=id_, grant=grant))

    async def take(self, id_: str, grant: Grant) -> Account:
        """Without one role. Raises LastAdministrator, KeyError, SQLAlchemyError, StoreFull."""
        ends = grant == Grant(Role.ADMINISTRATOR, EVERYWHERE)
        return await self._write(id_, partial(_take, id_=id_, grant=grant), ends=ends)

    async def grant(self, id_: str, given: Iterable[Grant]) -> Account:
        """Give somebody exactly these roles. Raises KeyError, SQLAlchemyError, StoreFull."""
        return await self._write(id_, partial(_grant, id_=id_, given=tuple(dict.fromkeys(given))))

    async def _write(self, id_: str, job: Before, *, ends: bool = False) -> Account:
        """Write, and know what then is kept. `ends`: they are no administrator any more, so there must be another."""
        async with self._writing:
            if ends and not any(other.person.id != id_ for other in self.administrators):
                raise LastAdministrator(id_)
            found = await self._store.call(partial(_written, job=job, id_=id_))
            account = self._by_id[id_] = found[id_]
        self._tell(id_)
        return account

    @property
    def administrators(self) -> tuple[Account, ...]:
        """Who may administer everything, and come in."""
        return tuple(a for a in self.all if not a.disabled and a.person.may_everywhere(Right.ADMINISTER))

    def _tell(self, id_: str) -> None:
        for tell in self.on_change:
            tell(id_)


def _values(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "name": account.person.name,
        "password": account.password,
        "totp": account.totp,
        "language": account.language,
        "created": iso(account.created),
        "disabled": int(account.disabled),
    }


def insert(connection: Connection, account: Account) -> None:
    """Write a new one. Raises IntegrityError when the login is taken."""
    connection.execute(people.insert().values(id=account.person.id, **_values(account)))
    _grant(connection, account.person.id, account.person.grants)


def renew(connection: Connection, id_: str, **changes: Any) -> None:
    """Change some columns of one, and no others."""
    _renew(connection, id_, changes)


def give(connection: Connection, id_: str, grant: Grant) -> None:
    """One more role."""
    insert_new(connection, grants, _row(id_, grant))


def _renew(connection: Connection, id_: str, changes: dict[str, Any]) -> None:
    values = {name: int(value) if name == "disabled" else value for name, value in changes.items()}
    connection.execute(people.update().where(people.c.id == id_).values(**values))


def _take(connection: Connection, id_: str, grant: Grant) -> None:
    mine = (grants.c.person == id_) & (grants.c.role == grant.role) & (grants.c.place == str(grant.place))
    connection.execute(grants.delete().where(mine))


def _grant(connection: Connection, id_: str, given: Iterable[Grant]) -> None:
    connection.execute(grants.delete().where(grants.c.person == id_))
    insert_new(connection, grants, *(_row(id_, grant) for grant in given))


def _row(id_: str, grant: Grant) -> dict[str, str]:
    return {"person": id_, "role": grant.role.value, "place": str(grant.place)}


def _written(connection: Connection, job: Before, id_: str) -> dict[str, Account]:
    job(connection)
    return read(connection, id_)


def read(connection: Connection, only: str = "") -> dict[str, Account]:
    """Everybody, or only one, by id."""
    given: dict[str, list[Grant]] = {}
    roles = sa.select(grants.c.person, grants.c.role, grants.c.place)
    those = sa.select(people)
    if only:
        roles, those = roles.where(grants.c.person == only), those.where(people.c.id == only)
    for person, role, place in connection.execute(roles):
        if role in set(Role):
            given.setdefault(person, []).append(Grant(Role(role), Place.parse(place)))
        else:
            logger.warning("a role %r is not known and gives nothing", role)
    return {
        row.id: Account(
            Person(row.id, row.name, tuple(given.get(row.id, ()))),
            row.login,
            datetime.fromisoformat(row.created),
            row.password,
            row.totp,
            row.language,
            bool(row.disabled),
        )
        for row in connection.execute(those)
    }
