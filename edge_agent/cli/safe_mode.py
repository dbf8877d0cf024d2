"""`edge-agent safe-mode`: whether only the safe core runs, and back to the whole agent."""

from pathlib import Path

import click

from edge_agent.cli.output import AS_JSON, fail, show_json
from edge_agent.cli.run import place_of, usable
from edge_agent.survival.starts import STARTS, Starts, mark_of
from edge_agent.words import say

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command("safe-mode")
@_FILE
@click.option("--leave", is_flag=True, help="Try the whole agent again, within seconds.")
@AS_JSON
def command(file: Path, leave: bool, as_json: bool) -> None:
    """Say whether the node described by FILE is in safe mode, and why. Exit 1 when it is."""
    place = _place(file)
    starts = Starts(place, mark_of(file))
    safe = starts.safe()
    if leave:
        try:
            left = starts.leave()
        except OSError as error:
            fail(say("safe_mode.cannot", detail=f"{place}: {error.strerror}"))
        if as_json:
            show_json({"safe": False, "left": left})
        else:
            click.echo(say("safe_mode.left" if left else "safe_mode.not"))
        return
    if as_json:
        show_json({"safe": safe is not None, "reason": safe.reason if safe else None})
    else:
        click.echo(say("safe_mode.not") if safe is None else say("safe_mode.is", detail=safe.reason or "-"))
    if safe is not None:
        raise click.exceptions.Exit(1)


def _place(file: Path) -> Path:
    """As the agent had it, also where this was not started by systemd."""
    place = place_of(file)
    return place if place.exists() else usable(file).storage.path / STARTS
