"""`edge-hub openapi`: the description of the API, as the reference keeps it."""

import sys
from pathlib import Path

import click

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "hub-openapi.json"


@click.command()
@click.option("--check", is_flag=True, help="Say whether the reference is what the code says; write nothing.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=REFERENCE, show_default=False, help="File.")
def openapi(check: bool, out: Path) -> None:
    """Write the description of the API to docs/reference."""
    from hub.api.app import text  # late: no other command needs a web server

    made = text()
    if not check:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(made, encoding="utf-8")
        return
    if not out.exists() or out.read_text(encoding="utf-8") != made:
        click.echo(f"{out} is not what the code says: make docs", err=True)
        sys.exit(1)
