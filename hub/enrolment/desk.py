"""Trusting nodes: what people do (tokens, revoking) and what nodes ask (enrol, renew). Each act is written down."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.enrolment import CardEnrolment, EnrolmentRequest, Grant, GrantedHub, RenewalRequest
from edge_agent.contract.errors import Refusal
from hub.clock import Clock
from hub.enrolment import grants, happened, tokens
from hub.enrolment.authority import Authority
from hub.enrolment.enforcing import Enforcing
from hub.enrolment.grants import Trusted
from hub.enrolment.happened import Happened
from hub.enrolment.requests import is_signed, name_in, requested_key, shown_certificate
from hub.enrolment.settings import Enrolment
from hub.enrolment.tokens import Token
from hub.forms import FormError
from hub.keyring import KeyRing
from hub.people.acting import by
from hub.people.audit import Audit
from hub.people.rights import Person
from hub.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stands:
    """What it stands on. `keys`: those whose commands nodes carry out; `hub`: where the
    owner of a certificate (by its serial number) puts media.
    """

    store: Store
    clock: Clock
    audit: Audit
    keys: KeyRing
    hub: Callable[[int], GrantedHub | None]


class Enrolling:
    """One for the hub; pages, API and the nodes' listener share it."""

    def __init__(self, settings: Enrolment, authority: Authority, stands: Stands, enforcing: Enforcing) -> None:
        self.settings = settings
        self.authority = authority
        self._stands = stands
        self._enforcing = enforcing

    async def make_token(self, commune: str, name: str, area: str) -> tuple[Token, CardEnrolment]:
        """For the acting person. Raises FormError, SQLAlchemyError, StoreFull."""
        now, life = self._now(), timedelta(hours=self.settings.token_hours)
        job = partial(tokens.make, now=now, node=(commune, name), area=area, life=life, by=by())
        token, secret = await self._stands.store.call(job)
        self._stands.audit.note("enrol.token", token.address, token.area, id=token.id, expires=iso(token.expires))
        return token, card(self.settings, self.authority, secret, token.expires)

    async def open_tokens(self) -> list[Token]:
        """Those that are good now. Raises SQLAlchemyError."""
        return await self._stands.store.read(partial(tokens.open_ones, now=self._now()))

    async def withdraw(self, token: Token) -> None:
        """It opens nothing any more. Raises FormError, SQLAlchemyError, StoreFull."""
        if not await self._stands.store.call(partial(tokens.withdraw, now=self._now(), id_=token.id)):
            raise FormError("trust.no_token")
        self._stands.audit.note("enrol.withdraw", token.address, id=token.id)

    async def nodes(self) -> list[Trusted]:
        """Every node that has or had a certificate. Raises SQLAlchemyError."""
        return await self._stands.store.read(grants.trusted)

    async def happened(self) -> dict[str, tuple[Happened, ...]]:
        """By address, what became of a node's boxes. Raises SQLAlchemyError."""
        return await self._stands.store.read(happened.read)

    async def revoke(self, commune: str, name: str, why: str = "revoked") -> int:
        """From now on the node is not trusted; how many certificates it had.

        Raises SQLAlchemyError, StoreFull.
        """
        now = self._now()

        def job(connection: Connection) -> int:
            tokens.withdraw_of(connection, now, commune, name)
            return grants.revoke(connection, now, commune, name, why, by())

        number = await self._stands.store.call(job)
        if number:
            self._stands.audit.note("enrol.revoke", f"{commune}/{name}", why, certificates=number)
            self._enforcing.wake()
        return number

    async def enrol(self, asked: EnrolmentRequest, address: str) -> Grant:
        """A node asks, from an address. Raises Refusal, SQLAlchemyError, StoreFull."""
        who, node = Person("", asked.name), f"{asked.commune}/{asked.name}"
        try:
            key, now = requested_key(asked.csr), self._now()
            job = partial(grants.enrol, now=now, asked=asked, key=key, certify=partial(self._certify, now=now))
            made, fresh = await self._stands.store.call(job)
        except Refusal as refusal:
            self._refused("enrol.node", node, refusal, who, address)
            raise
        if fresh:
            told: dict[str, object] = {
                "ip": address,
                "board": asked.board.mark,
                "model": asked.board.model,
                "version": asked.version,
            }
            told["serial"] = f"{made.serial_number:x}"
            self._stands.audit.note("enrol.node", node, "", who=who, outcome="done", **told)
            self._enforcing.wake()
        return self._grant(made, asked.commune)

    async def renew(self, asked: RenewalRequest, address: str) -> Grant:
        """A trusted node asks. Raises Refusal, SQLAlchemyError, StoreFull."""
        present = shown_certificate(asked.certificate)
        who = Person("", name_in(present)[:40])
        try:
            if not self.authority.made(present):
                raise Refusal("enrol.bad_certificate")
            if not is_signed(asked.csr, asked.signature, present):
                raise Refusal("enrol.bad_signature")
            key, now = requested_key(asked.csr), self._now()
            certify = partial(self._certify, now=now)
            job = partial(grants.renew, now=now, present=present, key=key, board=asked.board, certify=certify)
            commune, made, fresh = await self._stands.store.call(job)
        except Refusal as refusal:
            self._refused("enrol.renew", who.name, refusal, who, address)
            raise
        if fresh:
            node = f"{commune}/{who.name}"
            self._stands.audit.note("enrol.renew", node, who=who, serial=f"{made.serial_number:x}", ip=address)
        return self._grant(made, commune)

    def _certify(self, name: str, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
        return self.authority.certify(name, key, now, timedelta(days=self.settings.certificate_days))

    def _refused(self, act: str, place: str, refusal: Refusal, who: Person, address: str) -> None:
        logger.warning("%s at %s from %s was refused: %s", act, place, address, refusal.fault.code)
        self._stands.audit.refused(act, place, "", refusal.fault.code, who=who, ip=address)

    def _grant(self, made: x509.Certificate, commune: str) -> Grant:
        now, name, ends = self._now(), name_in(made), made.not_valid_after_utc
        return Grant(
            name=name,
            commune=commune,
            certificate=made.public_bytes(serialization.Encoding.PEM).decode(),
            ca=self.authority.pem.decode(),
            broker=self.settings.broker,
            command_keys=self._stands.keys.granted(),
            keys_number=self._stands.keys.state.number,
            hub=self._stands.hub(made.serial_number),
            not_after=ends,
            renew_from=now + (ends - now) / 2,
            at=now,
        )

    def _now(self) -> datetime:
        return self._stands.clock.now()


def card(settings: Enrolment, authority: Authority, secret: str, expires: datetime) -> CardEnrolment:
    """What stands on the node's card."""
    return CardEnrolment(hub=settings.address, pin=authority.pin, token=secret, expires=expires)
