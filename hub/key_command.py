"""`edge-hub key`: the keys that sign commands, at the machine itself, also while the hub runs."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from edge_agent.contract.base import iso
from hub.config import ConfigError, HubConfig
from hub.keyring import KeyRing, WrongMoment
from hub.people.audit import write
from hub.people.command_base import give_up, loaded, written
from hub.rollout import unconfirmed

_FILE = click.argument("file", type=click.Path(path_type=Path))


class _WithFile(click.Group):
    """`edge-hub key FILE` is `edge-hub key show FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithFile)
def key() -> None:
    """The keys that sign commands. Works while the hub runs: it follows within two seconds."""


@key.command()
@_FILE
def show(file: Path) -> None:
    """Print the id and the public key that nodes pin; the key is made if there is none. The word may be left out."""
    with _complaining():
        for one in KeyRing(loaded(file)).granted():
            click.echo(f"{one.id}: {one.public}")


@key.command()
@_FILE
@click.option("--days", type=click.IntRange(1, 3650), default=30, help="The overlap at most; 30, if not given.")
def rotate(file: Path, days: int) -> None:
    """Make the next key. Nodes learn it as they come on line; it signs when all know it, or after the overlap."""
    config = loaded(file)
    if config.enrolment is None:
        give_up(f"{file} has no section enrolment: nodes pin keys in node.yaml, and nobody can tell them others")
    now = datetime.now(UTC)
    with _complaining():
        ring = KeyRing(config)
        ring.rotate(now, timedelta(days=days))
    made, state = ring.granted()[-1], ring.state
    written(config, partial(write, at=now, act="key.rotate", what=made.id, number=state.number))
    click.echo(f"{made.id}: {made.public}")
    click.echo(f"it signs when every node has confirmed it, or from {iso(state.until) if state.until else ''} on")


@key.command()
@_FILE
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(file: Path, as_json: bool) -> None:
    """Which keys hold, which one signs, and which nodes have not confirmed them."""
    config = loaded(file)
    with _complaining():
        ring = KeyRing(config)
    state, left = ring.state, _left(config, ring)
    if as_json:
        keys = [one.model_dump() for one in ring.granted()]
        told = {"number": state.number, "signs": state.signs, "until": iso(state.until) if state.until else None}
        click.echo(json.dumps({**told, "keys": keys, "unconfirmed": left}))
        return
    for one in ring.granted():
        click.echo(f"{one.id}: {one.public}{'  signs' if one.id == state.signs else ''}")
    if state.until:
        click.echo(f"overlap until {iso(state.until)}")
    for address, why in left.items():
        click.echo(f"not confirmed: {address}{f' ({why})' if why else ''}")


@key.command()
@_FILE
@click.option("--anyway", is_flag=True, help="Also while nodes have not confirmed: they hear nothing until renewed.")
def finish(file: Path, anyway: bool) -> None:
    """End the overlap: only the newest key holds, the old one is removed for good."""
    config, now = loaded(file), datetime.now(UTC)
    with _complaining():
        ring = KeyRing(config)
        left = _left(config, ring) if ring.state.rotating else {}
        if left and not anyway:
            give_up("not confirmed yet by " + ", ".join(left) + "; --anyway ends it all the same")
        old_id = ring.state.keys[0][0]
        old = ring.finish(now)
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            click.echo(f"edge-hub: remove the old key by hand: {old}: {error.strerror}", err=True)
    written(config, partial(write, at=now, act="key.finish", what=old_id, number=ring.state.number))
    click.echo(f"{old_id} holds no more; {ring.key_id} signs")


def _left(config: HubConfig, ring: KeyRing) -> dict[str, str]:
    number = ring.state.number
    if not number:
        return {}
    return written(config, partial(unconfirmed, number=number, now=datetime.now(UTC)))


@contextlib.contextmanager
def _complaining() -> Iterator[None]:
    """What keys cannot be used for, in a sentence."""
    try:
        yield
    except (ConfigError, WrongMoment) as error:
        give_up(str(error))
    except OSError as error:
        give_up(f"the keys cannot be written: {error}")
