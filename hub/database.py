"""Where the hub's database is, and how one connects: SQLite in a file, or PostgreSQL by configuration."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

READERS = 3
"""Connections that read at the same time."""
STATEMENT_S = 30
"""A statement that takes longer is given up by PostgreSQL."""
LOCK = 0x6564676568756231
"""Advisory lock of PostgreSQL that the one hub of a database holds."""
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "edge-hub",
}


class Taken(OperationalError):
    """Another hub uses this database."""

    def __init__(self, why: str = "another hub uses this database; each needs one of its own") -> None:
        super().__init__(None, None, Exception(why))

    def __str__(self) -> str:
        return str(self.orig)


def address_of(data: Path, url: str | None = None, password: str | None = None) -> URL:
    """Where the database is: what the configuration says, else a SQLite file in the data folder."""
    if url is None:
        return URL.create("sqlite", database=str(data / "hub.sqlite3"))
    made = make_url(url)
    return made.set(password=password) if password else made


def file_of(address: URL) -> Path | None:
    """The file, where the database is one."""
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def shown(address: URL) -> str:
    """For people and logs: never with a password."""
    return str(file_of(address) or address.set(password=None).render_as_string())


def why(error: Exception) -> str:
    """What went wrong, in the driver's words: without the statement, and without SQLAlchemy's link to its manual."""
    return str(getattr(error, "orig", None) or error).partition("(Background on this error at:")[0].strip()


def writer(address: URL) -> Engine:
    """For the one thread that writes."""
    if file_of(address) is not None:
        return _sqlite(address, "BEGIN IMMEDIATE")
    engine = _postgres(address, pool_size=1)

    @sa.event.listens_for(engine, "connect")
    def _lock(connection: Any, _: object) -> None:
        """One hub for one database; the lock goes with the connection, so a commit without an answer is over too."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
            mine = cursor.fetchone()[0]
        connection.commit()
        if not mine:
            connection.close()
            raise Taken

    return engine


def beside(address: URL) -> Engine:
    """For a program that writes a little while the hub runs: without the lock of the one hub."""
    return _sqlite(address, "BEGIN IMMEDIATE") if file_of(address) is not None else _postgres(address, pool_size=1)


def reader(address: URL) -> Engine:
    """For all that only read: each transaction sees one state of the database and cannot write."""
    if file_of(address) is None:
        options = {"isolation_level": "REPEATABLE READ", "pool_size": READERS, "pool_pre_ping": True}
        return _postgres(address, readonly=True, **options)
    return _sqlite(address, "BEGIN DEFERRED", "PRAGMA query_only=ON")


@contextmanager
def opened(address: URL) -> Iterator[Connection]:
    """A connection that only reads, for programs beside the hub. Raises SQLAlchemyError."""
    file = file_of(address)
    if file is None:
        engine = reader(address)
    else:
        uri = f"{file.resolve().as_uri()}?mode=ro"
        engine = sa.create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=10), poolclass=NullPool
        )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def is_damage(error: DBAPIError) -> bool:
    """Whether a file is no database; an operational error says so little of it that nothing is put aside."""
    return isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.OperationalError)


def is_away(error: BaseException) -> bool:
    """Whether the server could not be reached or went away: the same may go well later."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    if error.connection_invalidated or isinstance(error, Taken):
        return True
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] == "08" or state[:3] == "57P"


def _sqlite(address: URL, begin: str, *more: str) -> Engine:
    arguments = {"timeout": 10, "check_same_thread": False}
    engine = sa.create_engine(address, hide_parameters=True, connect_args=arguments, pool_size=READERS, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        for pragma in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", *more):
            connection.execute(pragma)

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres(address: URL, *, readonly: bool = False, **more: Any) -> Engine:
    said = {"statement_timeout": f"{STATEMENT_S}s", "idle_in_transaction_session_timeout": "120s", "TimeZone": "UTC"}
    said |= {"default_transaction_read_only": "on"} if readonly else {"synchronous_commit": "on"}
    options = " ".join(f"-c {name}={value}" for name, value in said.items())
    engine = sa.create_engine(
        address, hide_parameters=True, connect_args={**_CONNECT, "options": options}, max_overflow=0, **more
    )

    @sa.event.listens_for(engine, "connect", insert=True)
    def _connected(connection: Any, _: object) -> None:
        connection.adapters.register_dumper(str, _dumper())

    return engine


def _dumper() -> type:
    """PostgreSQL knows no NUL in a text; nodes may send one, and nothing is said by it."""
    from psycopg.types.string import StrDumper  # late: an extra

    class WithoutNul(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "") if "\x00" in obj else obj)

    return WithoutNul
