"""`edge-agent schema`."""

from pathlib import Path

import click

from edge_agent.cli.output import fail


@click.command("schema")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Repository to write to."
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not what it should be.")
def command(folder: Path, check: bool) -> None:
    """Write the AsyncAPI document, JSON Schemas and reference pages that are generated from the code."""
    from edge_agent.reference.write import files

    wrong = []
    for name, content in files().items():
        path = folder / name
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                wrong.append(str(name))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            click.echo(str(name))
    if wrong:
        fail("Not what the code says: " + ", ".join(wrong) + ". Run: edge-agent schema")
