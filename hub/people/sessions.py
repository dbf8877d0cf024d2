"""Who is signed in, on which device. A session ends at once when it is revoked: its open pages and streams too."""

import asyncio
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
from hub.store import Store
from hub.tables import metadata

LIFE = timedelta(days=30)
"""Unused for so long, a session is over."""
COOKIE = "hub_session"

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
        """Read what is kept. Raises SQLAlchemyError."""
        found = await self._store.read(lambda c: c.execute(sa.select(sessions)).fetchall())
        for row in found:
            began, seen = datetime.fromisoformat(row.began), datetime.fromisoformat(row.seen)
            self._known[row.hash] = Session(row.hash, row.person, began, seen, row.device, bool(row.strong))

    async def open(self, person: str, device: str, *, strong: bool) -> str:
        """A new session; returns the secret for its cookie. Raises SQLAlchemyError, StoreFull."""
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
        """The session of a cookie and whose it is; nobody's when it is unknown, over, or its person may not come in."""
        session = self._known.get(_hash(secret)) if secret else None
        account = self._accounts.get(session.person) if session else None
        if session is None or account is None or account.disabled or session.ended.is_set():
            return None, NOBODY
        now = self._clock.now()
        if now - session.seen > LIFE:
            return None, NOBODY
        if now - session.seen > timedelta(hours=1):
            session.seen = now
            self._store.offer(partial(_see, hash_=session.hash, at=now))
        return session, account.person

    def of(self, person: str) -> list[Session]:
        """The sessions of somebody, the newest first."""
        return sorted((s for s in self._known.values() if s.person == person), key=lambda s: s.seen, reverse=True)

    async def end(self, *ended: Session) -> None:
        """Revoke sessions. Raises SQLAlchemyError, StoreFull; they are over all the same, until the next start."""
        for session in ended:
            session.ended.set()
            self._known.pop(session.hash, None)
        hashes = [session.hash for session in ended]
        await self._store.call(lambda c: c.execute(sessions.delete().where(sessions.c.hash.in_(hashes))) and None)

    def _look_again(self, person: str) -> None:
        """Open streams were begun with the rights of before: they end, and the page comes back with those of now."""
        for session in self.of(person):
            session.ended.set()
            self._known[session.hash] = Session(
                session.hash, person, session.began, session.seen, session.device, session.strong
            )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _see(connection: Connection, hash_: str, at: datetime) -> None:
    connection.execute(sessions.update().where(sessions.c.hash == hash_).values(seen=iso(at)))
