"""One-time tokens for nodes, as rows: also `edge-hub enrol` works on them, beside the hub. Only hashes are kept."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import NAME_PATTERN, iso
from edge_agent.contract.errors import Refusal
from edge_agent.contract.ids import uuid7
from edge_agent.contract.topics import RESERVED
from hub.enrolment.tables import certificates, tokens
from hub.forms import FormError

BYTES = 20
"""160 bits: nobody guesses them."""
MOST_OPEN = 2000
_TAKEN = RESERVED | {"hub", "ioc"}
"""Accounts of the broker that are no nodes."""
_HUBS = "edge-hub-"
"""Begins the names under which hubs come to the broker."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is still good. Its secret is told once."""

    id: str
    commune: str
    name: str
    area: str
    made: datetime
    made_by: str
    expires: datetime

    @property
    def address(self) -> str:
        """Of the node that it is for."""
        return f"{self.commune}/{self.name}"


def make(
    connection: Connection, now: datetime, node: tuple[str, str], area: str, life: timedelta, by: str
) -> tuple[Token, str]:
    """A new token for `node` (commune, name), and its secret. An open one for the same node is withdrawn.

    Raises FormError where the name cannot be a node's.
    """
    commune, name = node
    _check(connection, commune, name)
    if len(open_ones(connection, now)) >= MOST_OPEN:
        raise FormError("trust.too_many")
    mine = (tokens.c.commune == commune) & (tokens.c.name == name)
    _withdraw(connection, now, mine)
    token = Token(uuid7(), commune, name, area.strip()[:100], now, by[:100], now + life)
    secret = secrets.token_urlsafe(BYTES)
    row = {"id": token.id, "hash": _hash(secret), "commune": commune, "name": name, "area": token.area}
    row |= {"made": iso(now), "made_by": token.made_by, "expires": iso(token.expires)}
    connection.execute(tokens.insert(), row)
    return token, secret


def use(connection: Connection, now: datetime, secret: str, node: tuple[str, str], key_hash: str) -> bool:
    """Take a token for a node's key. False: it was used for the same key before, by a node that got no answer.

    Raises Refusal.
    """
    commune, name = node
    row = connection.execute(sa.select(tokens).where(tokens.c.hash == _hash(secret))).first()
    if row is None:
        raise Refusal("enrol.token_unknown", name=name)
    if (row.commune, row.name) != node:
        raise Refusal("enrol.wrong_node", name=name, commune=commune)
    if row.used:
        if row.key_hash == key_hash:
            return False
        raise Refusal("enrol.token_used", name=name)
    if row.withdrawn:
        raise Refusal("enrol.token_withdrawn", name=name)
    if datetime.fromisoformat(row.expires) <= now:
        raise Refusal("enrol.token_expired", name=name, at=row.expires)
    mine = (tokens.c.id == row.id) & (tokens.c.used == "")
    if connection.execute(tokens.update().where(mine).values(used=iso(now), key_hash=key_hash)).rowcount != 1:
        raise Refusal("enrol.token_used", name=name)
    return True


def open_ones(connection: Connection, now: datetime) -> list[Token]:
    """Those that are good now, the newest first."""
    good = (tokens.c.used == "") & (tokens.c.withdrawn == "") & (tokens.c.expires > iso(now))
    rows = connection.execute(sa.select(tokens).where(good).order_by(tokens.c.made.desc(), tokens.c.id.desc()))
    moment = datetime.fromisoformat
    return [
        Token(row.id, row.commune, row.name, row.area, moment(row.made), row.made_by, moment(row.expires))
        for row in rows
    ]


def withdraw(connection: Connection, now: datetime, id_: str) -> bool:
    """Whether there was one that nobody had used."""
    return _withdraw(connection, now, tokens.c.id == id_) == 1


def withdraw_of(connection: Connection, now: datetime, commune: str, name: str) -> None:
    """All open ones of a node."""
    _withdraw(connection, now, (tokens.c.commune == commune) & (tokens.c.name == name))


def _withdraw(connection: Connection, now: datetime, which: sa.ColumnElement[bool]) -> int:
    unused = which & (tokens.c.used == "") & (tokens.c.withdrawn == "")
    return connection.execute(tokens.update().where(unused).values(withdrawn=iso(now))).rowcount


def _check(connection: Connection, commune: str, name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name) or not re.fullmatch(NAME_PATTERN, commune):
        raise FormError("trust.bad_name")
    if name in _TAKEN or name.startswith(_HUBS) or commune in RESERVED:
        raise FormError("trust.reserved", name=name)
    mine = (certificates.c.name == name) & (certificates.c.revoked == "")
    other = connection.execute(sa.select(certificates.c.commune).where(mine, certificates.c.commune != commune)).first()
    if other is not None:
        raise FormError("trust.name_taken", name=name, commune=other.commune)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
