"""The second factor: a code of the phone's app that changes every 30 seconds (RFC 6238), or one of ten on paper."""

import hashlib
import hmac
import io
import logging
import secrets
from datetime import datetime
from urllib.parse import quote

import pyotp
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.people.accounts import Account, Accounts
from hub.sealed import KeyLost, Seal, is_sealed
from hub.store import Store
from hub.tables import Long, metadata, upsert

logger = logging.getLogger(__name__)

STEP_S = 30
SLACK = 1
"""Steps that a phone's clock may be early or late."""
ON_PAPER = 10

factors = sa.Table(
    "factors",
    metadata,
    sa.Column("person", sa.Text, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("step", Long, nullable=False),
)
recovery = sa.Table(
    "recovery",
    metadata,
    sa.Column("person", sa.Text, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("used", sa.Text, nullable=False),
)


class Factors:
    """Checks codes; each is good once. An account holds its secret sealed, so the database alone lets nobody in."""

    def __init__(self, store: Store, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal

    def sealed(self, secret: str) -> str:
        """A secret as an account keeps it. Raises KeyLost."""
        return self._seal.seal(secret)

    async def seal_all(self, accounts: Accounts) -> None:
        """Seal what was kept open by earlier versions, and log whose secret cannot be read. Raises SQLAlchemyError."""
        lost = 0
        for account in accounts.all:
            try:
                if account.totp and not is_sealed(account.totp):
                    await accounts.renew(account.person.id, totp=self._seal.seal(account.totp))
                self._seal.open(account.totp)
            except KeyLost as error:
                lost, why = lost + 1, error
        if lost:
            logger.error("the codes of %d people cannot be checked, only those on paper: %s", lost, why)

    async def begin(self, person: str, secret: str, code: str) -> tuple[str, ...] | None:
        """The first code of a new secret: the codes on paper if it is right. The account is not changed by this.

        Raises KeyLost where it could not be kept, SQLAlchemyError, StoreFull.
        """
        self._seal.seal(secret)
        step = self._step(secret, code)
        if step is None:
            return None
        papers = tuple(_paper() for _ in range(ON_PAPER))
        await self._store.call(lambda c: _begin(c, person, step, papers))
        return papers

    async def anew(self, person: str) -> tuple[str, ...]:
        """Other codes on paper; those of before are void. Raises SQLAlchemyError, StoreFull."""
        papers = tuple(_paper() for _ in range(ON_PAPER))
        await self._store.call(lambda c: _write(c, person, papers))
        return papers

    async def right(self, account: Account, code: str) -> bool:
        """Whether it is theirs, and was never used. A code on paper needs no key.

        Raises KeyLost, SQLAlchemyError, StoreFull.
        """
        person, now, plain = account.person.id, self._clock.now(), _plain(code)
        if len(plain) == 10:
            return await self._store.call(lambda c: _use_paper(c, person, plain, now))
        step = self._step(self._seal.open(account.totp), code)
        return step is not None and await self._store.call(lambda c: _use_step(c, person, step))

    async def left(self, person: str) -> int:
        """How many codes on paper are unused. Raises SQLAlchemyError."""
        unused = sa.select(sa.func.count()).where((recovery.c.person == person) & (recovery.c.used == ""))
        return int(await self._store.read(lambda c: c.execute(unused).scalar_one()))

    def _step(self, secret: str, code: str) -> int | None:
        digits = "".join(code.split())
        if not secret or len(digits) != 6 or not digits.isdigit():
            return None
        now = int(self._clock.now().timestamp()) // STEP_S
        made = pyotp.TOTP(secret)
        steps = (now + away for away in range(-SLACK, SLACK + 1))
        right = [step for step in steps if hmac.compare_digest(made.generate_otp(step), digits)]
        return right[-1] if right else None


def fresh() -> str:
    """A new secret of 160 bits, in base 32."""
    return pyotp.random_base32(32)


def address(secret: str, login: str, issuer: str) -> str:
    """What the QR code holds: Google Authenticator's `otpauth` key URI."""
    label = quote(f"{issuer}:{login}", safe="")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}&digits=6&period={STEP_S}"


def picture(text: str) -> str:
    """A QR code as SVG, without any style of its own."""
    import segno  # late: only few pages draw one

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, scale=6, border=4, light="#fff", omitsize=True, nl=False
    )
    return out.getvalue().decode("ascii")


def clear(connection: Connection, person: str) -> None:
    """Forget all codes of somebody."""
    connection.execute(factors.delete().where(factors.c.person == person))
    connection.execute(recovery.delete().where(recovery.c.person == person))


def _begin(connection: Connection, person: str, step: int, papers: tuple[str, ...]) -> None:
    upsert(connection, factors, {"person": person, "step": step})
    _write(connection, person, papers)


def _write(connection: Connection, person: str, papers: tuple[str, ...]) -> None:
    connection.execute(recovery.delete().where(recovery.c.person == person))
    rows = [{"person": person, "hash": _hash(person, _plain(paper)), "used": ""} for paper in papers]
    connection.execute(recovery.insert(), rows)


def _use_step(connection: Connection, person: str, step: int) -> bool:
    """In one statement: of two who send the same code at once, one comes in."""
    mine = (factors.c.person == person) & (factors.c.step < step)
    return connection.execute(factors.update().where(mine).values(step=step)).rowcount == 1


def _use_paper(connection: Connection, person: str, plain: str, now: datetime) -> bool:
    mine = (recovery.c.person == person) & (recovery.c.hash == _hash(person, plain)) & (recovery.c.used == "")
    return connection.execute(recovery.update().where(mine).values(used=iso(now))).rowcount == 1


def _paper() -> str:
    letters = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def _plain(code: str) -> str:
    return "".join(c for c in code.lower() if c.isalnum())[:40]


def _hash(person: str, plain: str) -> str:
    """Random enough (49 bits) that a slow hash would add nothing."""
    return hashlib.sha256(f"{person}:{plain}".encode(errors="replace")).hexdigest()
