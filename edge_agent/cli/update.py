"""`edge-agent update`: new versions of the agent on this node."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from edge_agent.cli.output import AS_JSON, fail, show_json
from edge_agent.contract.errors import Refusal
from edge_agent.update import health
from edge_agent.update.journal import Books
from edge_agent.update.places import Places
from edge_agent.update.slots import Slots
from edge_agent.version import VERSION
from edge_agent.words import language, say

if TYPE_CHECKING:
    from edge_agent.config.model import NodeConfig
    from edge_agent.update.child import Job
    from edge_agent.update.means import Means

_ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("/"),
    show_default=True,
    help="Where the tree begins.",
)
_CONFIG = click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="The node's configuration; default: the system's."
)
_RESTART = click.option("--restart", help="Program that restarts the agent; default: systemctl.", hidden=True)
_WITHIN = click.option(
    "--within", type=click.FloatRange(1, 600), default=60.0, show_default=True, help="Seconds to be healthy in."
)


@click.group("update")
def command() -> None:
    """See, fetch and install new versions of the agent, and go back to the one before."""


@command.command("status")
@_ROOT
@AS_JSON
def status(root: Path, as_json: bool) -> None:
    """Say which version runs from which slot, what is under way, and what became of the last update."""
    places = Places(root)
    books, slots = Books(places.keep), Slots(places)
    journal, last, said = books.journal(), books.last(), health.read(places.healthy)
    if as_json:
        show_json(
            {
                "version": said.version if said else None,
                "current": slots.current(),
                "good": slots.good(),
                "under_way": journal.model_dump(mode="json", exclude_none=True) if journal else None,
                "last": last.model_dump(mode="json", exclude_none=True) if last else None,
                "health": said.model_dump(mode="json") if said else None,
            }
        )
        return
    click.echo(say("update.runs", version=said.version if said else "?", slot=slots.current()))
    if journal is not None:
        click.echo(say("update.under_way", version=journal.version, step=journal.step))
    if last is None:
        click.echo(say("update.nothing_yet"))
        return
    result = {"healthy": "update.result_healthy", "back": "update.result_back", "refused": "update.result_refused"}
    click.echo(say("update.last", result=say(result[last.result]), version=last.version, at=last.at.isoformat()))
    if last.fault is not None:
        click.echo(f"  {last.fault.text(language())}")


@command.command("check")
@_ROOT
@_CONFIG
@click.option("--version", "version", help="This version; default: the newest for this node.")
@AS_JSON
def check(root: Path, config: Path | None, version: str | None, as_json: bool) -> None:
    """Ask the hub whether there is a newer version for this node. Exit 1 when there is none, or nobody can tell."""
    _fetch(Places(root), config, version, as_json=as_json)


@command.command("apply")
@_ROOT
@_CONFIG
@click.option("--version", "version", help="This version; default: the newest for this node.")
@click.option("--by", default="", help="Who asks for it, for the books.")
@AS_JSON
def apply(root: Path, config: Path | None, version: str | None, by: str, as_json: bool) -> None:
    """Fetch a version and leave word for the installer. Goes on where it was cut off."""
    _fetch(Places(root), config, version, as_json=as_json, by=by or os.environ.get("SUDO_USER", "-"))


@command.command("back")
@_ROOT
@_RESTART
@AS_JSON
def back(root: Path, restart: str | None, as_json: bool) -> None:
    """Go back to the version before (as root), its configuration included."""
    from edge_agent.update.undo import go_back

    by = os.environ.get("SUDO_USER", "root")
    try:
        last = go_back(Places(root), _means(restart, 60.0), by)
    except Refusal as refusal:
        _refuse(refusal, as_json=as_json)
    except PermissionError as error:
        fail(say("update.rights", detail=error))
    if as_json:
        show_json(last.model_dump(mode="json", exclude_none=True) if last else None)
    elif last is not None:
        click.echo(say("update.runs", version=last.version_before, slot=Slots(Places(root)).current()))


@command.command("install")
@_ROOT
@_RESTART
@_WITHIN
def install(root: Path, restart: str | None, within: float) -> None:
    """Install what the agent fetched, or finish what was cut off (as root; started by systemd)."""
    import logging

    from edge_agent.update.install import Installer

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        last = Installer(Places(root), _means(restart, within)).run()
    except BlockingIOError:
        return  # the other one does it
    except PermissionError as error:
        fail(say("update.rights", detail=error))
    if last is not None:
        click.echo(last.model_dump_json(exclude_none=True))


@command.command("guard")
@_ROOT
def guard(root: Path) -> None:
    """Before each start of the agent: make sure that what `current` leads to can run (as root; started by systemd)."""
    from edge_agent.update.guard import guard as act

    try:
        click.echo(act(Places(root)))
    except OSError as error:  # the agent is started all the same: it is the only one that can still help
        click.echo(str(error), err=True)


@command.command("migrate")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def migrate(file: Path) -> None:
    """Print the configuration FILE in the form of this version; FILE itself stays as it is."""
    from edge_agent.config.forms import migrated

    content = file.read_bytes()
    with contextlib.suppress(UnicodeDecodeError):  # what cannot be read is told by `check`
        content = migrated(content.decode("utf-8")).encode()
    sys.stdout.buffer.write(content)


def _means(restart: str | None, within: float) -> "Means":
    from edge_agent.update.means import Means

    usual = Means(healthy_s=within)
    return (
        usual if restart is None else Means(restart=(restart,), healthy_s=within, steady_s=1.0, look_s=0.1, user=None)
    )


def _fetch(places: Places, file: Path | None, version: str | None, *, as_json: bool, by: str | None = None) -> None:
    """Look, and with `by` fetch and hand over."""
    from edge_agent.cli.common import load_or_fail
    from edge_agent.cli.identity import with_identity
    from edge_agent.clock import SystemClock
    from edge_agent.update.ask import Asker

    config = with_identity(load_or_fail(file or places.config))
    try:
        clock = SystemClock(config.clock.trust)
        asker = Asker(places, config.storage.path / "update", _job(config).remote(), clock.trusted)
        bundle = asker.look(version)
        if by is not None:
            asker.fetch(bundle, config.updates.kilobytes_s * 1000.0)
            asker.hand_over(bundle, by)
    except Refusal as refusal:
        _refuse(refusal, as_json=as_json)
    megabytes = round(bundle.length / 1e6, 1)
    if as_json:
        handed = {"version": bundle.custom.version, "bytes": bundle.length, "handed_over": by is not None}
        show_json({"ok": True, "here": VERSION, **handed})
    elif by is not None:
        click.echo(say("update.handed_over", version=bundle.custom.version))
    else:
        click.echo(say("update.available", version=bundle.custom.version, megabytes=megabytes, here=VERSION))


def _job(config: "NodeConfig") -> "Job":
    from edge_agent.update.child import Job
    from edge_agent.update.service import source

    url, token, ca = source(config)
    rate = config.updates.kilobytes_s * 1000.0
    inbox = config.storage.path / "update"
    return Job(url=url, token=token, ca=ca, inbox=inbox, rate=rate, version="", by="", trusted=True)


def _refuse(refusal: Refusal, *, as_json: bool) -> NoReturn:
    if as_json:
        show_json({"ok": False, "fault": refusal.fault.model_dump(mode="json")})
        raise click.exceptions.Exit(1)
    fail(refusal.fault.text(language()))
