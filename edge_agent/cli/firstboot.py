"""`edge-agent firstboot`: what systemd runs at each boot while a card has something to say."""

import logging
from pathlib import Path

import click

from edge_agent.cli.output import AS_JSON, show_json
from edge_agent.firstboot.boot import FirstBoot
from edge_agent.firstboot.card import PLACES, Card
from edge_agent.firstboot.journal import Journal
from edge_agent.firstboot.result import Result
from edge_agent.firstboot.system import System
from edge_agent.words import explain, say

_CODES = {"ready": 0, "working": 1, "waiting": 1, "failed": 3}
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("firstboot")
@click.option("--card", "card", type=_FOLDER, help="The card's FAT partition. Default: /boot/firmware, then /boot.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/edge-agent/node.yaml"),
    show_default=True,
    help="Where the node's configuration belongs.",
)
@click.option(
    "--journal",
    type=_FOLDER,
    default=Path("/var/lib/edge-agent-firstboot"),
    show_default=True,
    help="Folder that remembers what is done.",
)
@click.option("--user", default="edge-agent", show_default=True, help="The agent's account; empty: our own.")
@click.option("--unit", default="edge-agent.service", show_default=True, help="The agent's service; empty: none.")
@click.option("--once", is_flag=True, help="Try to enrol once instead of for as long as the token lives.")
@AS_JSON
def command(card: Path | None, config: Path, journal: Path, user: str, unit: str, once: bool, as_json: bool) -> None:
    """Make a working, trusted node of what stands on the card in the folder edge-agent.

    Installs node.yaml after checking it, starts the agent, asks the hub to trust this node by enrol.json, wipes the
    token, and writes onto the card how it went (KET-QUA.txt). Each step may be done again: a power cut spoils nothing,
    and a card that was dealt with is left alone.

    Exit 1: not ready yet; 3: a person must act; 0: ready, or there is nothing on the card.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    found = Card.found([card] if card is not None else PLACES)
    if found is None:
        click.echo(say("firstboot.no_card"), err=True)
        return
    tries = 1.0 if once else float("inf")
    result = FirstBoot(found, config, Journal(journal), System(user, unit), tries=tries).run()
    _show(result, as_json)
    if result.state != "ready":
        raise click.exceptions.Exit(_CODES[result.state])


def _show(result: Result, as_json: bool) -> None:
    if as_json:
        fault = result.fault.model_dump(mode="json") if result.fault is not None else None
        show_json({"state": result.state, "step": result.step, "node": result.node, "fault": fault})
        return
    click.echo(say(f"firstboot.{result.state}"))
    if result.fault is not None:
        click.echo(explain(result.fault))
