"""`edge-agent doctor`."""

import asyncio
import fcntl
import os
from pathlib import Path

import click

from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.identity import with_identity
from edge_agent.cli.output import AS_JSON, show_json
from edge_agent.config.model import NodeConfig
from edge_agent.doctor import Finding, examine
from edge_agent.words import say

_COLOURS = {"ok": "green", "note": "yellow", "faulty": "red"}
_WORDS = {"ok": "doctor.ok", "note": "doctor.warn", "faulty": "doctor.bad"}


@click.command("doctor")
@CONFIG
@click.option("--install", is_flag=True, help="Accept the box at its pole, step by step, on a phone.")
@click.option("--page/--no-page", default=True, help="With --install: as a page for a phone, or asked here.")
@click.option(
    "--listen", default="127.0.0.1", show_default=True, help="With --install: address of the page; 0.0.0.0: all."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8099, show_default=True, help="Port of that page.")
@click.option(
    "--link-seconds",
    type=click.FloatRange(1, 600),
    default=120.0,
    show_default=True,
    help="With --install: how long the way to the broker is measured.",
)
@AS_JSON
def command(file: Path, install: bool, page: bool, listen: str, port: int, link_seconds: float, as_json: bool) -> None:
    """Try each part of the node described by FILE, from its clock and its disk to its broker and its hub.

    Clock, disk, drivers, voice, room for video, cameras, identity (the node's certificate), broker, hub.

    Lines are not switched and nothing is played. Exit 1 when anything is faulty, 2 when FILE has mistakes.

    --install: the acceptance at the pole. Plays the test sound, switches each lamp, shows each camera, measures link,
    clock and power, asks who stands there, and sends the signed birth record to the hub. For an hour, or until Ctrl+C.
    """
    config = with_identity(load_or_fail(file))
    if install:
        from edge_agent.cli.accepting import Wishes, accept

        wishes = Wishes(file, page, listen, port, link_seconds, as_json)
        accept(config, wishes, runs=_runs(config.storage.path))
        return
    findings = asyncio.run(_examine(config, quiet=as_json))
    if as_json:
        show_json({"node": config.node.name, "findings": [_plain(finding) for finding in findings]})
    else:
        _table(config, findings)
    if any(finding.state == "faulty" for finding in findings):
        raise click.exceptions.Exit(1)


def _plain(finding: Finding) -> dict[str, str | None]:
    return {"part": finding.part, "state": finding.state, "detail": finding.detail, "code": finding.code}


async def _examine(config: NodeConfig, *, quiet: bool) -> list[Finding]:
    findings = []
    async for name, finding in examine(config, agent_runs=_runs(config.storage.path)):
        if finding is not None:
            findings.append(finding)
        elif not quiet:
            click.echo(say("doctor.trying", name=name), err=True)
    return findings


def _table(config: NodeConfig, findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=say("doctor.title", node=config.node.name))
    for column in ("doctor.part", "doctor.state", "doctor.detail"):
        table.add_column(say(column))
    for finding in findings:
        colour = _COLOURS[finding.state]
        word = f"[{colour}]{say(_WORDS[finding.state])}[/{colour}]"
        detail = f"{finding.detail} ({finding.code})" if finding.code else finding.detail
        table.add_row(finding.part, word, escape(detail))
    Console().print(table)


def _runs(folder: Path) -> bool:
    """Whether an agent holds the folder's lock."""
    try:
        lock = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
