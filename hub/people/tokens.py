"""Tokens by which programs come in: each has rights, places and an end. The hub keeps only their hashes.

A token is a long random number, so a plain SHA-256 of it cannot be turned back; passwords are another matter.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.ids import uuid7
from hub.clock import Clock
from hub.people.rights import Grant, Person, Place, Right, Role
from hub.store import Store, StoreFull
from hub.tables import metadata

PREFIX = "ehub_"
"""By it people, and programs that look for lost secrets, know what they have found."""
GIVABLE = tuple(right for right in Right if right is not Right.ADMINISTER)
"""What a program may be let do: it never administers people."""
LONGEST = timedelta(days=3650)
MOST = 1000
SEEN_EVERY = timedelta(minutes=1)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("rights", sa.Text, nullable=False),
    sa.Column("places", sa.Text, nullable=False),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False, server_default=""),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A program's way in. `made_by`: the name of who made it; `seen`: when it was used last."""

    id: str
    name: str
    hash: str = field(repr=False)
    rights: frozenset[Right]
    places: tuple[Place, ...]
    made: datetime
    made_by: str
    expires: datetime
    seen: datetime | None = None

    @property
    def person(self) -> Person:
        """The program as somebody who acts."""
        grants = tuple(Grant(Role.ADMINISTRATOR, place) for place in self.places)
        return Person(f"token:{self.id}", self.name, grants, "token", self.rights)


class CannotGive(Exception):
    """Nobody gives a program what they may not do themselves, or more than programs may."""


class TooMany(Exception):
    """There are as many tokens as the hub keeps."""


class Tokens:
    """All tokens, in memory; each change is written before it counts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._by_hash: dict[str, Token] = {}

    async def load(self) -> None:
        """Read what is kept. Raises SQLAlchemyError."""
        self._by_hash = {token.hash: token for token in await self._store.read(read)}

    def seen_by(self, who: Person) -> list[Token]:
        """Those that somebody may look after, the newest first."""
        mine = [token for token in self._by_hash.values() if may_manage(who, token.places)]
        return sorted(mine, key=lambda token: token.made, reverse=True)

    def get(self, id_: str) -> Token | None:
        """One of them."""
        return next((token for token in self._by_hash.values() if token.id == id_), None)

    async def make(
        self, maker: Person, name: str, rights: Iterable[Right], places: Iterable[Place], life: timedelta
    ) -> tuple[Token, str]:
        """A new token, and its secret, which nobody can read again.

        Raises CannotGive, TooMany, SQLAlchemyError, StoreFull.
        """
        given, where = frozenset(rights), tuple(dict.fromkeys(places))
        if not may_give(maker, given, where):
            raise CannotGive
        if len(self._by_hash) >= MOST:
            raise TooMany
        token, secret = new(maker.name, name, given, where, self._clock.now(), life)
        await self._store.call(partial(insert, token=token))
        self._by_hash[token.hash] = token
        return token, secret

    async def revoke(self, token: Token) -> None:
        """From now on it opens nothing. Raises SQLAlchemyError, StoreFull: then it would be back after a start."""
        self._by_hash.pop(token.hash, None)
        await self._store.call(partial(remove, id_=token.id))

    def find(self, secret: str) -> Token | None:
        """The token of a secret; None when it is unknown, revoked or over."""
        token = self._by_hash.get(_hash(secret))
        now = self._clock.now()
        if token is None or token.expires <= now:
            return None
        if token.seen is None or now - token.seen > SEEN_EVERY:
            token = self._by_hash[token.hash] = replace(token, seen=now)
            self._note_seen(token.id, now)
        return token

    def is_known(self, token: Token) -> bool:
        """Whether it still opens the door: open streams ask."""
        return token.hash in self._by_hash and token.expires > self._clock.now()

    def _note_seen(self, id_: str, now: datetime) -> None:
        try:
            self._store.offer(
                lambda c: c.execute(tokens.update().where(tokens.c.id == id_).values(seen=iso(now))) and None
            )
        except StoreFull:
            return  # the next use says so again


def new(
    maker: str, name: str, rights: frozenset[Right], places: tuple[Place, ...], now: datetime, life: timedelta
) -> tuple[Token, str]:
    """A token that is not kept yet, and its secret."""
    secret = PREFIX + secrets.token_urlsafe(32)
    expires = now + min(life, LONGEST)
    return Token(uuid7(), name.strip()[:100], _hash(secret), rights, places, now, maker, expires), secret


def may_give(maker: Person, rights: frozenset[Right], places: tuple[Place, ...]) -> bool:
    """Whether somebody may let a program do this there."""
    able = all(maker.may(right, place) for right in rights for place in places)
    return bool(rights and places) and rights <= set(GIVABLE) and able and may_manage(maker, places)


def may_manage(who: Person, places: Iterable[Place]) -> bool:
    """Whether somebody administers all of the places."""
    return all(who.may(Right.ADMINISTER, place) for place in places)


def insert(connection: Connection, token: Token) -> None:
    """Keep a new token."""
    row = {
        "id": token.id,
        "name": token.name,
        "hash": token.hash,
        "rights": json.dumps(sorted(token.rights)),
        "places": json.dumps([str(place) for place in token.places]),
        "made": iso(token.made),
        "made_by": token.made_by,
        "expires": iso(token.expires),
    }
    connection.execute(tokens.insert(), row)


def remove(connection: Connection, id_: str) -> bool:
    """Whether there was one."""
    return connection.execute(tokens.delete().where(tokens.c.id == id_)).rowcount == 1


def read(connection: Connection) -> list[Token]:
    """All that are kept."""
    return [
        Token(
            row.id,
            row.name,
            row.hash,
            frozenset(Right(right) for right in json.loads(row.rights) if right in set(Right)),
            tuple(map(Place.parse, json.loads(row.places))),
            datetime.fromisoformat(row.made),
            row.made_by,
            datetime.fromisoformat(row.expires),
            datetime.fromisoformat(row.seen) if row.seen else None,
        )
        for row in connection.execute(sa.select(tokens))
    ]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
