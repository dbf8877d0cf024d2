"""What the commands about people share: they open the database beside the hub, and complain in a sentence."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hub import private
from hub.config import ConfigError, HubConfig, load
from hub.database import beside, file_of, opened, why
from hub.people.beside import count_up
from hub.tables import metadata

T = TypeVar("T")


def written(config: HubConfig, job: Callable[[Connection], T]) -> T:
    """Change something, and let the hub know; ends the program with a sentence where that cannot be."""
    with complaining(config):
        if path := file_of(config.database_address):
            private.file(path)
        engine = beside(config.database_address)
        try:
            with engine.begin() as connection:
                metadata.create_all(connection)
                result = job(connection)
                count_up(connection)
                return result
        finally:
            engine.dispose()


def looked(config: HubConfig, job: Callable[[Connection], T]) -> T:
    """Read something; ends the program with a sentence where that cannot be."""
    with complaining(config), opened(config.database_address) as connection:
        return job(connection)


@contextmanager
def complaining(config: HubConfig) -> Iterator[None]:
    """Mistakes of the database in a sentence."""
    try:
        private.folder(config.data)
        yield
    except ConfigError as error:
        give_up(str(error))
    except IntegrityError:
        give_up("somebody changed the same at the same time: try again")
    except (OSError, SQLAlchemyError) as error:
        give_up(f"the database cannot be used: {why(error)}")


def loaded(file: Path) -> HubConfig:
    """The configuration; ends the program with a sentence for each mistake."""
    try:
        return load(file)
    except ConfigError as error:
        give_up(str(error))


def give_up(why: str) -> NoReturn:
    """End the program, saying why."""
    for line in why.splitlines():
        click.echo(f"edge-hub: {line}", err=True)
    sys.exit(2)


def address(config: HubConfig) -> str:
    """Where people open the console."""
    host = f"[{config.listen.host}]" if ":" in config.listen.host else config.listen.host
    return config.address or f"http://{host}:{config.listen.port}"
