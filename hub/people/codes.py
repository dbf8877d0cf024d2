"""Codes that work once: an invitation, a link to sign in or to a new password, the first run. Only hashes are kept."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.ids import uuid7
from hub.people.rights import RIGHTS, Grant, Person, Place, Right, Role
from hub.tables import metadata

Kind = Literal["invitation", "link", "password", "first"]
LIFE: dict[Kind, timedelta] = {
    "invitation": timedelta(days=7),
    "link": timedelta(minutes=15),
    "password": timedelta(days=1),
    "first": timedelta(days=1),
}
KEPT = timedelta(days=90)
"""So long a code that is over is still listed."""

codes = sa.Table(
    "codes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("grants", sa.Text, nullable=False),
    sa.Column("maker", sa.Text, nullable=False),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("over", sa.Text, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Code:
    """What a code is for. `person`: whose (empty: of nobody yet); `over`: when it was used or revoked (`how`)."""

    id: str
    kind: Kind
    person: str
    name: str
    grants: tuple[Grant, ...]
    maker: str
    made: datetime
    expires: datetime
    over: datetime | None = None
    how: str = ""

    def is_open(self, now: datetime) -> bool:
        """Whether it still works."""
        return self.over is None and now < self.expires


def fresh(kind: Kind) -> str:
    """A new code: 128 random bits; for the first run, which is typed by hand, 60 in three groups of letters."""
    if kind != "first":
        return secrets.token_urlsafe(16)
    letters = "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(12))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def make(
    connection: Connection,
    kind: Kind,
    code: str,
    now: datetime,
    *,
    person: str = "",
    name: str = "",
    grants: Iterable[Grant] = (),
    maker: str = "",
) -> str:
    """Write down a new code; returns its id. A person has one of a kind: an older one is over."""
    connection.execute(codes.delete().where(codes.c.expires < iso(now - KEPT)))
    if kind != "invitation":
        older = (codes.c.kind == kind) & (codes.c.person == person) & (codes.c.over == "")
        connection.execute(codes.update().where(older).values(over=iso(now), how="replaced"))
    id_ = uuid7()
    row = {
        "id": id_,
        "hash": _hash(kind, code),
        "kind": kind,
        "person": person,
        "name": name,
        "grants": json.dumps([[g.role, str(g.place)] for g in grants]),
        "maker": maker,
        "made": iso(now),
        "expires": iso(now + LIFE[kind]),
        "over": "",
        "how": "",
    }
    connection.execute(codes.insert().values(**row))
    return id_


def find(connection: Connection, kind: Kind, code: str) -> Code | None:
    """What a code is for, also when it is over."""
    row = connection.execute(sa.select(codes).where(codes.c.hash == _hash(kind, code))).one_or_none()
    return _code(row) if row else None


def take(connection: Connection, kind: Kind, code: str, now: datetime) -> Code | None:
    """Use a code: whoever comes second, or too late, gets nothing."""
    mine = (codes.c.hash == _hash(kind, code)) & (codes.c.over == "") & (codes.c.expires > iso(now))
    taken = connection.execute(codes.update().where(mine).values(over=iso(now), how="used"))
    return find(connection, kind, code) if taken.rowcount == 1 else None


def revoke(connection: Connection, id_: str, now: datetime) -> bool:
    """It works no more; False if it was over already."""
    mine = (codes.c.id == id_) & (codes.c.over == "")
    return connection.execute(codes.update().where(mine).values(over=iso(now), how="revoked")).rowcount == 1


def listed(connection: Connection, kind: Kind) -> list[Code]:
    """All of a kind that are kept, the newest first."""
    rows = connection.execute(sa.select(codes).where(codes.c.kind == kind).order_by(codes.c.id.desc()).limit(500))
    return [_code(row) for row in rows]


def within(code: Code, maker: Person) -> bool:
    """Whether somebody may give what the code gives."""
    return all(may_give(maker, grant) for grant in code.grants)


def may_give(giver: Person, grant: Grant) -> bool:
    """Nobody gives more than they have: administers the place, and has there every right of the role."""
    rights = {Right.ADMINISTER, *RIGHTS[grant.role]}
    return all(giver.may(right, grant.place) for right in rights)


def _code(row: sa.Row[tuple[object, ...]]) -> Code:
    given = tuple(Grant(Role(role), Place.parse(place)) for role, place in json.loads(row.grants) if role in set(Role))
    over = datetime.fromisoformat(row.over) if row.over else None
    made, expires = datetime.fromisoformat(row.made), datetime.fromisoformat(row.expires)
    return Code(row.id, row.kind, row.person, row.name, given, row.maker, made, expires, over, row.how)


def _hash(kind: Kind, code: str) -> str:
    """Typed by hand, small letters, blanks and dashes do not matter."""
    plain = code.upper().replace("-", "").replace(" ", "") if kind == "first" else code.strip()
    return hashlib.sha256(f"{kind}:{plain}".encode(errors="replace")).hexdigest()
