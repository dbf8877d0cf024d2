"""The database in a file of its own, as it was at one instant, and back: SQLite's backup, pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from hub.database import file_of

_LIMIT_S = 3600


class DumpFailed(Exception):
    """The database could not be copied or filled; in words."""


def dump(address: URL, to: Path) -> None:
    """Copy the database while the hub goes on. Raises DumpFailed."""
    file = file_of(address)
    if file is None:
        _postgres("pg_dump", address, "--format=custom", "--no-owner", "--no-privileges", f"--file={to}")
        return
    if not file.exists():
        raise DumpFailed(f"there is no database {file}")
    try:
        uri = f"{file.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)  # one transaction: the hub's writes go into the write-ahead log meanwhile
            target.execute("PRAGMA journal_mode=DELETE")
            found = target.execute("PRAGMA quick_check").fetchone()
        if found != ("ok",):
            raise DumpFailed(f"the database {file} is damaged: {found[0] if found else '-'}")
    except sqlite3.Error as error:
        raise DumpFailed(f"the database {file} cannot be copied: {error}") from error


def fill(address: URL, source: Path, *, replace: bool) -> None:
    """Fill an empty database of PostgreSQL; with `replace` one that holds a hub's tables. Raises DumpFailed."""
    more = ("--clean", "--if-exists") if replace else ()
    _postgres(
        "pg_restore", address, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", *more, source
    )


def is_empty(address: URL) -> bool:
    """Whether a database of PostgreSQL has no table. Raises SQLAlchemyError."""
    import sqlalchemy as sa

    from hub.database import opened

    with opened(address) as connection:
        return not sa.inspect(connection).get_table_names()


def _postgres(program: str, address: URL, *arguments: str | Path) -> None:
    found = _program(program)
    where = ("--host", address.host, "--port", str(address.port or 5432), "--username", address.username)
    argv: Sequence[str | Path] = [
        found,
        *(part for part in where if part is not None),
        "--no-password",
        "--dbname" if program == "pg_restore" else "-d",
        address.database or "",
        *arguments,
    ]
    environment = {**os.environ, **({"PGPASSWORD": str(address.password)} if address.password else {})}
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DumpFailed(f"{program}: {error}") from error
    if done.returncode != 0:
        raise DumpFailed(f"{program}: {done.stderr.strip()[-500:]}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: path.parts[4])
        if not versions:
            raise DumpFailed(f"{name} is not installed: apt install postgresql-client")
        found = str(versions[-1])
    return found
