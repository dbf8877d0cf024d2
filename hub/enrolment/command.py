"""`edge-hub enrol`: tokens, revoking and the broker's files at the machine itself, also while the hub runs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.config import ConfigError, HubConfig
from hub.enrolment import grants, tokens
from hub.enrolment.authority import Authority
from hub.enrolment.broker_files import write_for_broker
from hub.enrolment.desk import card
from hub.enrolment.part import opened
from hub.enrolment.revoking import write_list
from hub.enrolment.settings import Enrolment
from hub.enrolment.tokens import Token
from hub.forms import FormError
from hub.language import sentence
from hub.people.audit import write
from hub.people.command_base import give_up, loaded, written

_FILE = click.argument("file", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def enrol() -> None:
    """How nodes become trusted. Works while the hub runs: it follows within two seconds."""


@enrol.command()
@_FILE
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--commune", required=True, help="Official code of their commune.")
@click.option("--area", default="", help="Where they stand, for the list of open tokens.")
@click.option(
    "--hours", type=click.IntRange(1, 720), help="How long they are good; enrolment.token_hours, if not given."
)
@_JSON
def token(file: Path, names: tuple[str, ...], commune: str, area: str, hours: int | None, as_json: bool) -> None:
    """Make a one-time token for each node NAME, and print once what goes on its card as enrol.json.

    An open token of the same node is void then. With --json a line a node: name, commune, area, card.
    """
    config, settings, authority = _opened(file)
    now, life = datetime.now(UTC), timedelta(hours=hours or settings.token_hours)

    def job(connection: Connection) -> list[tuple[Token, str]]:
        made = [tokens.make(connection, now, (commune, name), area, life, "edge-hub") for name in names]
        for one, _ in made:
            write(connection, now, "enrol.token", one.address, id=one.id, expires=iso(one.expires))
        return made

    try:
        made = written(config, job)
    except FormError as error:
        give_up(sentence("en", error.key, **error.params))
    for one, secret in made:
        held = card(settings, authority, secret, one.expires).model_dump(mode="json")
        told = {"name": one.name, "commune": one.commune, "area": one.area, "card": held}
        click.echo(json.dumps(told if as_json else held, ensure_ascii=False))


@enrol.command("list")
@_FILE
@_JSON
def list_(file: Path, as_json: bool) -> None:
    """Nodes with their certificates, and the tokens that are still open."""
    config, _, _ = _opened(file)
    now = datetime.now(UTC)
    nodes, waiting = written(config, lambda c: (grants.trusted(c), tokens.open_ones(c, now)))
    if as_json:
        told = {
            "nodes": [
                {
                    "node": node.address,
                    "until": iso(node.ends),
                    "board": node.mark,
                    "model": node.model,
                    "revoked": iso(node.revoked) if node.revoked else None,
                }
                for node in nodes
            ],
            "tokens": [{"id": one.id, "node": one.address, "expires": iso(one.expires)} for one in waiting],
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for node in nodes:
        state = f"REVOKED {node.revoked:%Y-%m-%d %H:%M}" if node.revoked else f"trusted until {node.ends:%Y-%m-%d}"
        click.echo(f"{node.address}: {state}, board {node.mark or 'unknown'} {node.model}".rstrip())
    for one in waiting:
        click.echo(f"{one.address}: token {one.id}, good until {one.expires:%Y-%m-%d %H:%M} UTC")


@enrol.command()
@_FILE
@click.argument("node", metavar="COMMUNE/NAME")
@_JSON
def revoke(file: Path, node: str, as_json: bool) -> None:
    """Trust a node no more: its certificates and its open tokens. The running hub shuts it out within a minute."""
    config, settings, authority = _opened(file)
    now, (commune, _, name) = datetime.now(UTC), node.partition("/")

    def job(connection: Connection) -> tuple[int, list[tuple[int, datetime, str]]]:
        tokens.withdraw_of(connection, now, commune, name)
        number = grants.revoke(connection, now, commune, name, "revoked", "edge-hub")
        if number:
            write(connection, now, "enrol.revoke", node, certificates=number)
        return number, grants.revoked(connection)

    number, gone = written(config, job)
    if not number:
        give_up(f"{node} has no certificate that is good")
    try:
        write_list(authority, [row[:2] for row in gone], settings.broker_files)  # the hub may not be running
    except OSError as error:
        give_up(f"revoked, but the list for the broker is not written: {error}")
    click.echo(json.dumps({"revoked": node, "certificates": number}) if as_json else f"revoked {node}")


@enrol.command()
@_FILE
@click.argument("token_id", metavar="ID")
def withdraw(file: Path, token_id: str) -> None:
    """Make an open token void."""
    config, _, _ = _opened(file)
    now = datetime.now(UTC)

    def job(connection: Connection) -> bool:
        write(connection, now, "enrol.withdraw", token_id)
        return tokens.withdraw(connection, now, token_id)

    if not written(config, job):
        give_up(f"there is no open token {token_id}")
    click.echo("withdrawn")


@enrol.command("broker-files")
@_FILE
def broker_files(file: Path) -> None:
    """Write ca.pem, broker.pem, broker.key and crl.pem for mosquitto into enrolment.broker_files."""
    config, settings, authority = _opened(file)
    folder = settings.broker_files
    if folder is None:
        give_up("enrolment.broker_files does not say where")
    gone = written(config, grants.revoked)
    try:
        write_for_broker(authority, settings)
        write_list(authority, [row[:2] for row in gone], folder)
    except (ConfigError, OSError) as error:
        give_up(str(error))
    click.echo(f"{folder}: ca.pem, broker.pem, broker.key, crl.pem")
    click.echo(f"names: {', '.join(settings.broker_names)}")


def _opened(file: Path) -> tuple[HubConfig, Enrolment, Authority]:
    config = loaded(file)
    if config.enrolment is None:
        give_up(f"{file} has no section enrolment, see docs/enrolment.md")
    try:
        return config, config.enrolment, opened(config)
    except ConfigError as error:
        give_up(str(error))
