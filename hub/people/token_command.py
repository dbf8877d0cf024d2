"""`edge-hub token`: tokens of programs, made and revoked at the machine itself, also while the hub runs."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.aired.rows import node_names
from hub.people import tokens
from hub.people.audit import write
from hub.people.command_base import give_up, loaded, written
from hub.people.rights import Place, Right
from hub.plain import area_id

_SHOWN = 40
"""Places that are listed where one is not known."""
_FILE = click.argument("file", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


class Unknown(Exception):
    """No place's address. The text is a sentence for a person."""


@click.group()
def token() -> None:
    """By what programs come in to the API. Works while the hub runs: it follows within two seconds."""


@token.command("list")
@_FILE
@_JSON
def list_(file: Path, as_json: bool) -> None:
    """All tokens: what they may do, where, until when."""
    found = written(loaded(file), tokens.read)
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        rights, places = ",".join(sorted(one.rights)), " ".join(str(p) or "(everywhere)" for p in one.places)
        seen = f"used {one.seen:%Y-%m-%d %H:%M}" if one.seen else "never used"
        click.echo(f"{one.id}  {one.name}: {rights} at {places}, until {one.expires:%Y-%m-%d}, {seen}")


@token.command()
@_FILE
@click.option("--name", required=True, help="Which program it is.")
@click.option("--right", "rights", multiple=True, required=True, type=click.Choice([r.value for r in tokens.GIVABLE]))
@click.option("--place", "places", multiple=True, default=("",), help="'' everywhere, COMMUNE, COMMUNE//AREA, NODE.")
@click.option("--days", default=365, type=click.IntRange(1, 3650), show_default=True, help="How long it opens.")
@_JSON
def make(file: Path, name: str, rights: tuple[str, ...], places: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make one and print it: nobody can read it again."""
    now = datetime.now(UTC)
    where = tuple(map(Place.parse, places))
    made, secret = tokens.new("edge-hub", name, frozenset(map(Right, rights)), where, now, timedelta(days=days))

    def job(connection: Connection) -> list[str]:
        silent = _known(connection, where)
        tokens.insert(connection, made)
        write(connection, now, "token.make", made.name, id=made.id, rights=sorted(rights))
        return silent

    try:
        silent = written(loaded(file), job)
    except Unknown as error:
        give_up(str(error))
    for place in silent:
        click.echo(f"note: no node has reported from {place} so far; the token opens it as soon as one does", err=True)
    click.echo(json.dumps({**_told(made), "secret": secret}, ensure_ascii=False, indent=2) if as_json else secret)


@token.command()
@_FILE
@click.argument("id_", metavar="ID")
@_JSON
def revoke(file: Path, id_: str, as_json: bool) -> None:
    """From now on it opens nothing."""

    def job(connection: Connection) -> bool:
        was = tokens.remove(connection, id_)
        write(connection, datetime.now(UTC), "token.revoke", id_)
        return was

    if not written(loaded(file), job):
        give_up(f"there is no token {id_}")
    click.echo(json.dumps({"revoked": id_}) if as_json else "revoked")


def _told(one: tokens.Token) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "rights": sorted(one.rights),
        "places": [str(place) for place in one.places],
        "expires": iso(one.expires),
        "seen": iso(one.seen) if one.seen else None,
    }


def _known(connection: Connection, where: Iterable[Place]) -> list[str]:
    """Refuse a place by its name: addresses alone open anything. Raises Unknown with those that nodes have told.

    Returns those from which no node has reported, where others have: they may be mistyped.
    """
    nodes = {address: area_id(zone) for address, _, zone in connection.execute(sa.select(node_names))}
    known = sorted({each for address, area in nodes.items() for each in _places(address, area)})
    short = {part for place in known for part in place.split("/")[1:] if part}
    for place in where:
        parts = [part for part in (place.commune, place.area, place.node) if part]
        if place.commune in short or not all(re.fullmatch(r"[a-z0-9-]{1,60}", part) for part in parts):
            told = "; ".join(known[:_SHOWN]) + ("; ..." if len(known) > _SHOWN else "")
            raise Unknown(f"{place} is no place's address. Known places: {told or 'none, no node has reported yet'}")
    return [str(place) for place in where if known and place.commune and str(place) not in known]


def _places(address: str, area: str) -> tuple[str, ...]:
    commune = address.partition("/")[0]
    return (commune, f"{commune}//{area}", address) if area else (commune, address)
