"""`edge-agent check`."""

from pathlib import Path

import click

from edge_agent.cli.common import CONFIG, show_notes, show_problems
from edge_agent.cli.output import AS_JSON, BAD_INPUT, show_json
from edge_agent.config.load import load
from edge_agent.words import say


@click.command("check")
@CONFIG
@AS_JSON
def command(file: Path, as_json: bool) -> None:
    """Check a node's configuration FILE: all mistakes at once, each with its line. Exit 2 if there are any.

    What may be meant, but seldom is, is a note and no mistake.
    Touches no hardware and needs no network; secrets are neither read nor shown.
    """
    loaded = load(file)
    if as_json:
        show_json(
            {
                "file": str(file),
                "ok": loaded.config is not None,
                "problems": [problem.as_json() for problem in loaded.problems],
                "notes": [note.as_json() for note in loaded.notes],
            }
        )
    elif loaded.config is None:
        show_notes(loaded.notes)
        show_problems(loaded.problems, file)
    else:
        show_notes(loaded.notes)
        config = loaded.config
        click.echo(
            say(
                "check.good",
                file=file,
                node=f"{config.node.commune}/{config.node.name}",
                lights=len(config.lights),
                speakers=len(config.speakers),
                cameras=len(config.cameras),
            )
        )
        if config.identity is not None:
            from edge_agent.cli.identity import sentence

            click.echo(sentence(config.identity.folder))
    if loaded.config is None:
        raise click.exceptions.Exit(BAD_INPUT)
