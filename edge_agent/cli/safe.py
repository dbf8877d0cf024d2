"""`edge-agent safe`: what systemd runs after the agent has ended, whatever ended it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent import systemd
from edge_agent.cli.output import AS_JSON, show_json
from edge_agent.words import say

if TYPE_CHECKING:
    from edge_agent.safe import Done

# Not CONFIG of cli/common.py: it imports the whole configuration, and after an ordinary restart none of it is needed.
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command("safe")
@_FILE
@click.option("--after", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds of silence allowed.")
@click.option(
    "--heartbeat", type=click.Path(path_type=Path), help="Where the agent beats; default $RUNTIME_DIRECTORY/beat."
)
@click.option("--now", is_flag=True, help="Switch off whatever the heartbeat says.")
@AS_JSON
def command(file: Path, after: float, heartbeat: Path | None, now: bool, as_json: bool) -> None:
    """Switch off all lines of the node described by FILE, when its agent has not been alive for so long.

    After an ordinary restart nothing is touched. Refuses while an agent runs on the same folder. Exit 1 when a line
    could not be switched off.
    """
    heard = heartbeat or systemd.heartbeat()
    silent = systemd.silent_for(heard)
    acting = now or silent is None or silent >= after
    if not as_json:
        click.echo(_why(silent, heard, after, now=now, acting=acting), err=True)
    done = _switch_off(file) if acting else []
    if as_json:
        show_json({"acting": acting, "silent_s": silent, "lines": [entry._asdict() for entry in done]})
    else:
        _tell(done, acting=acting)
    if any(entry.detail for entry in done):
        raise click.exceptions.Exit(1)


def _why(silent: float | None, heard: Path, after: float, *, now: bool, acting: bool) -> str:
    if now:
        return say("safe.now")
    if silent is None:
        return say("safe.never", file=heard)
    return say("safe.silent" if acting else "safe.fresh", seconds=round(silent), limit=f"{after:g}")


def _switch_off(file: Path) -> "list[Done]":
    import os

    from edge_agent.cli.common import lock_folder
    from edge_agent.cli.run import usable
    from edge_agent.safe import switch_off

    config = usable(file)
    lock = lock_folder(config.storage.path)  # two programs at the same pins would undo each other's work
    try:
        return asyncio.run(switch_off(config))
    finally:
        os.close(lock)


def _tell(done: "list[Done]", *, acting: bool) -> None:
    for entry in done:
        key = "safe.failed" if entry.detail else "safe.off"
        click.echo(say(key, line=entry.line, detail=entry.detail))
    if acting and not done:
        click.echo(say("safe.none"))
