"""Who is signed in, on which device. A session ends at once when it is revoked: its open pages and streams too."""

import asyncio
import contextlib
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.people.accounts import Accounts
from hub.people.rights import NOBODY, Person
from hub.store import Store, StoreFull
from hub.tables import metadata

IDLE, LONGEST = timedelta(days=30), timedelta(days=180)
"""A session is over when it was unused for so long, and so long after it began however often it was used."""
STRONG_IDLE, STRONG_LONGEST = timedelta(days=7), timedelta(days=30)
"""The same for people who must sign in with a second factor."""
SEEN_EVERY = timedelta(minutes=5)
HALF = timedelta(minutes=15)
"""So long somebody has for the second factor after the password."""
COOKIE = "hub_session"
DEVICES = 20

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("began", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("strong", sa.Integer, nullable=False, server_default="0"),
)


@dataclass
class Session:
    """A device on which somebody signed in. `strong`: with a second factor. `ended`: set once it is over."""

    hash: str
    person: str
    began: datetime
    seen: datetime
    device: str
    strong: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """All sessions, by the hash of the secret that the device holds."""

    def __init__(self, store: Store, accounts: Accounts, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._known: dict[str, Session] = {}
        accounts.on_change.append(self._look_again)

    async def load(self) -> None:
        """Read what is kept; a session that is no more there is over. Raises SQLAlchemyError."""
        known = set(self._known)
        found = await self._store.read(lambda c: c.execute(sa.select(sessions)).fetchall())
        for row in found:
            began, seen = datetime.fromisoformat(row.began), datetime.fromisoformat(row.seen)
            session = Session(row.hash, row.person, began, seen, row.device, bool(row.strong))
            if self._is_over(session):
                self._store.offer(partial(_forget, hashes=[session.hash]))
            else:
                self._known.setdefault(row.hash, session)
        for hash_ in known - {row.hash for row in found}:  # not those that were opened meanwhile
            if session_ := self._known.pop(hash_, None):
                session_.ended.set()

    async def open(self, person: str, device: str, *, strong: bool) -> str:
        """A new session; returns the secret for its cookie. Raises SQLAlchemyError, StoreFull.

        Somebody has `DEVICES` at most: the one that was used the longest ago ends.
        """
        if len(older := self.of(person)) >= DEVICES:
            await self.end(*older[DEVICES - 1 :])
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(_hash(secret), person, now, now, device[:200], strong)
        values = {
            "hash": session.hash,
            "person": person,
            "began": iso(now),
            "seen": iso(now),
            "device": session.device,
            "strong": int(strong),
        }
        await self._store.call(lambda c: c.execute(sessions.insert().values(**values)) and None)
        self._known[session.hash] = session
        return secret

    def find(self, secret: str | None) -> tuple[Session | None, Person]:
        """The session of a cookie and whose it is. Nobody's when it is over, unknown, or lacks the second factor."""
        session = self._known.get(_hash(secret)) if secret else None
        if session is None or session.ended.is_set() or self._is_over(session):
            return None, NOBODY
        now = self._clock.now()
        if now - session.seen > SEEN_EVERY:
            session.seen = now
            with contextlib.suppress(StoreFull):
                self._store.offer(partial(_see, hash_=session.hash, at=now))
        account = self._accounts.get(session.person)
        return session, account.person if account and self.is_whole(session) else NOBODY

    def is_whole(self, session: Session) -> bool:
        """Whether nothing more is needed: a second factor, from who has one or must have one."""
        account = self._accounts.get(session.person)
        return account is not None and (session.strong or not (account.totp or account.person.needs_second_factor))

    def _is_over(self, session: Session) -> bool:
        account, now = self._accounts.get(session.person), self._clock.now()
        if account is None or account.disabled:
            return True
        if not self.is_whole(session):
            return now - session.began > HALF
        needs = account.person.needs_second_factor
        idle, longest = (STRONG_IDLE, STRONG_LONGEST) if needs else (IDLE, LONGEST)
        return now - session.seen > idle or now - session.began > longest

    def of(self, person: str) -> list[Session]:
        """The sessions of somebody, the newest first."""
        return sorted((s for s in self._known.values() if s.person == person), key=lambda s: s.seen, reverse=True)

    async def end(self, *ended: Session) -> None:
        """Revoke sessions. Raises SQLAlchemyError, StoreFull; they are over all the same, until the next start."""
        for session in ended:
            session.ended.set()
            self._known.pop(session.hash, None)
        hashes = [session.hash for session in ended]
        if hashes:
            await self._store.call(lambda c: _forget(c, hashes))

    async def strengthen(self, session: Session) -> None:
        """The second factor was given on this device. Raises SQLAlchemyError, StoreFull."""
        mine = sessions.c.hash == session.hash
        await self._store.call(lambda c: c.execute(sessions.update().where(mine).values(strong=1)) and None)
        if (known := self._known.get(session.hash)) is not None:
            known.strong = True

    def _look_again(self, person: str) -> None:
        """Open streams were begun with the rights of before: they end, and the page comes back with those of now."""
        for session in self.of(person):
            session.ended.set()
            self._known[session.hash] = Session(
                session.hash, person, session.began, session.seen, session.device, session.strong
            )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _forget(connection: Connection, hashes: list[str]) -> None:
    connection.execute(sessions.delete().where(sessions.c.hash.in_(hashes)))


def _see(connection: Connection, hash_: str, at: datetime) -> None:
    connection.execute(sessions.update().where(sessions.c.hash == hash_).values(seen=iso(at)))
