"""Where `send` and `watch` find the broker."""

import os
from pathlib import Path

import click

from edge_agent.client import Access

_PLACES = (".demo/hub.yaml", "/etc/edge-agent/hub.yaml")

HUB = click.option(
    "--hub",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A hub's configuration: names the broker and the signing key. Default: EDGE_HUB, then .demo/hub.yaml, "
    "then /etc/edge-agent/hub.yaml.",
)


def access(hub: Path | None) -> Access:
    """The access. Raises Refusal."""
    if hub is None:
        places = [os.environ["EDGE_HUB"]] if os.environ.get("EDGE_HUB") else _PLACES
        hub = next((Path(place) for place in places if Path(place).exists()), Path(places[-1]))
    return Access.read(hub)
