"""`edge-hub token`: tokens of programs, made and revoked at the machine itself, also while the hub runs."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub import database
from hub.config import ConfigError, load
from hub.people import tokens
from hub.people.audit import write
from hub.people.beside import count_up
from hub.people.rights import Place, Right
from hub.tables import metadata

T = TypeVar("T")
_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def token() -> None:
    """By what programs come in to the API. Works while the hub runs: it follows within two seconds."""


@token.command("list")
@_FILE
def list_(file: Path) -> None:
    """All tokens: what they may do, where, until when."""
    for one in _do(file, tokens.read):
        rights, places = ",".join(sorted(one.rights)), " ".join(str(p) or "(everywhere)" for p in one.places)
        seen = f"used {one.seen:%Y-%m-%d %H:%M}" if one.seen else "never used"
        click.echo(f"{one.id}  {one.name}: {rights} at {places}, until {one.expires:%Y-%m-%d}, {seen}")


@token.command()
@_FILE
@click.option("--name", required=True, help="Which program it is.")
@click.option("--right", "rights", multiple=True, required=True, type=click.Choice([r.value for r in tokens.GIVABLE]))
@click.option("--place", "places", multiple=True, default=("",), help="'' everywhere, COMMUNE, COMMUNE//AREA, NODE.")
@click.option("--days", default=365, type=click.IntRange(1, 3650), show_default=True, help="How long it opens.")
def make(file: Path, name: str, rights: tuple[str, ...], places: tuple[str, ...], days: int) -> None:
    """Make one and print it: nobody can read it again."""
    now = datetime.now(UTC)
    where = tuple(map(Place.parse, places))
    made, secret = tokens.new("edge-hub", name, frozenset(map(Right, rights)), where, now, timedelta(days=days))

    def job(connection: Connection) -> None:
        tokens.insert(connection, made)
        write(connection, now, "token.make", made.name, id=made.id, rights=sorted(rights))

    _do(file, job)
    click.echo(secret)


@token.command()
@_FILE
@click.argument("id_", metavar="ID")
def revoke(file: Path, id_: str) -> None:
    """From now on it opens nothing."""

    def job(connection: Connection) -> bool:
        was = tokens.remove(connection, id_)
        write(connection, datetime.now(UTC), "token.revoke", id_)
        return was

    if not _do(file, job):
        _give_up(f"there is no token {id_}")
    click.echo("revoked")


def _do(file: Path, job: Callable[[Connection], T]) -> T:
    try:
        config = load(file)
        config.data.mkdir(parents=True, exist_ok=True)
        engine = database.beside(config.database_address)
        try:
            with engine.begin() as connection:
                metadata.create_all(connection)
                result = job(connection)
                count_up(connection)
                return result
        finally:
            engine.dispose()
    except ConfigError as error:
        _give_up(str(error))
    except (OSError, SQLAlchemyError) as error:
        _give_up(f"the database cannot be used: {getattr(error, 'orig', None) or error}")


def _give_up(why: str) -> NoReturn:
    for line in why.splitlines():
        click.echo(f"edge-hub: {line}", err=True)
    sys.exit(2)
