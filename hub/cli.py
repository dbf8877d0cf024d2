"""`edge-hub`: the command line of the hub."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.version import VERSION
from hub.api.command import openapi
from hub.backup import command as backup_command
from hub.config import ConfigError, HubConfig, load
from hub.database import why
from hub.enrolment.command import enrol
from hub.key_command import key
from hub.people import command as people_command
from hub.people import token_command
from hub.updates.command import updates

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
@click.version_option(VERSION, prog_name="edge-hub")
def main() -> None:
    """The console of a commune: lights, loudspeakers, cameras of all its nodes."""


@main.command()
@_FILE
def run(file: Path) -> None:
    """Serve the console as FILE says, until SIGTERM or Ctrl-C."""
    config = _load(file)
    logging.basicConfig(level=config.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        _in_loop(_serve(config))
    except ConfigError as error:
        _give_up(str(error))
    except (OSError, SQLAlchemyError) as error:
        _give_up(f"the console cannot start: {why(error)}")


@main.command()
@_FILE
def check(file: Path) -> None:
    """Say whether FILE is right, and whether what it names is there. Nothing is started, nothing kept."""
    from hub.checking import mistakes, unset

    config = _load(file)
    if found := list(mistakes(file, config)):
        _give_up("\n".join(found))
    for note in unset(config):
        click.echo(f"edge-hub: {note}", err=True)
    click.echo(f"{file} is right.")


main.add_command(people_command.people)
main.add_command(people_command.audit)
main.add_command(people_command.first_run)
main.add_command(token_command.token)
main.add_command(enrol)
main.add_command(key)
main.add_command(updates)
main.add_command(openapi)
main.add_command(backup_command.backup)
main.add_command(backup_command.restore_command)


@main.command()
@_FILE
@click.option("--month", "chosen", help="Such as 2026-11; the one that runs, if not given.")
@click.option("--node", "where", default="", metavar="COMMUNE[/NODE]", help="Only of this commune or node.")
@click.option("--csv", "kind", flag_value="csv", help="Comma-separated, for spreadsheets.")
@click.option("--pdf", "kind", flag_value="pdf", help="A4, for signing.")
@click.option("--json", "kind", flag_value="json", help="For programs.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write; standard output, if not given.")
def aired(file: Path, chosen: str | None, where: str, kind: str | None, out: Path | None) -> None:
    """Write the as-aired log of a month: what was broadcast where, whether it was heard, by whose approval."""
    from hub.aired import command, month

    config = _load(file)
    if kind == "pdf" and out is None and sys.stdout.isatty():
        _give_up("a PDF is nothing to look at here: give -o FILE")
    try:
        chosen = chosen or month.month_of(datetime.now(UTC), config.zone)
        command.show(config, chosen, kind or "text", out, where)
    except command.Failed as error:
        _give_up(str(error))


async def _serve(config: HubConfig) -> None:
    from hub.server import serve  # late: `key` and `check` need no web server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host = f"[{config.listen.host}]" if ":" in config.listen.host else config.listen.host
    await serve(config, stop, lambda port: click.echo(f"http://{host}:{port}/"))


def _in_loop(main: Coroutine[Any, Any, None]) -> None:
    """uvloop: a tap comes back a tenth of its time sooner."""
    import uvloop  # late, for the same reason

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _load(file: Path) -> HubConfig:
    try:
        return load(file)
    except ConfigError as error:
        _give_up(str(error))


def _give_up(why: str) -> NoReturn:
    for line in why.splitlines():
        click.echo(f"edge-hub: {line}", err=True)
    sys.exit(2)
