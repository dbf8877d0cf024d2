"""`edge-agent run`."""

import asyncio
import gc
import logging
import os
import signal
import sqlite3
from pathlib import Path

import click

from edge_agent.cli.common import CONFIG, lock_folder, show_problems
from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Refusal
from edge_agent.store.files import write_atomically
from edge_agent.words import say

log = logging.getLogger("edge_agent")
LAST_GOOD = Path("last-good.yaml")


@click.command("run")
@CONFIG
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def command(file: Path, verbose: bool) -> None:
    """Run the node described by FILE until it is told to stop (SIGTERM or Ctrl+C)."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config = usable(file)
    lock = lock_folder(config.storage.path)
    try:
        asyncio.run(_run(config))
    except Refusal as refusal:
        fail(say("run.cannot_start", detail=refusal.fault.text(config.node.language)))
    except (sqlite3.OperationalError, OSError) as error:
        fail(say("run.cannot_start", detail=error))
    finally:
        os.close(lock)


def usable(file: Path) -> NodeConfig:
    """The configuration; when it has mistakes, the last good one, told so."""
    loaded = load(file)
    kept = _kept(file)
    if loaded.config is not None:
        _keep(file, kept)
        return loaded.config
    show_problems(loaded.problems, file)
    fallback = load(kept).config if kept.exists() else None
    if fallback is None:
        raise click.exceptions.Exit(BAD_INPUT)
    click.echo(say("run.keeping", file=kept), err=True)
    return fallback


def _kept(file: Path) -> Path:
    """Where the last good configuration lies: systemd's state folder, else beside the file."""
    folder = os.environ.get("STATE_DIRECTORY")
    return Path(folder) / LAST_GOOD if folder else file.with_name(f".{file.stem}.{LAST_GOOD}")


def _keep(file: Path, kept: Path) -> None:
    try:
        content = file.read_bytes()
        if not kept.exists() or kept.read_bytes() != content:
            write_atomically(kept, content)
    except OSError as error:
        log.warning("the configuration could not be kept as the last good one: %s", error)


async def _run(config: NodeConfig) -> None:
    from edge_agent.agent import Agent

    gc.freeze()  # what start-up made stays; the collector need not look at it again
    work = asyncio.create_task(Agent(config).run(), name="agent")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info("%s", say("run.stopped"))
