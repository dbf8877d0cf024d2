"""Whether a birth record is genuine: by the certificates that this hub gave to its node."""

from typing import Literal

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Connection

from edge_agent.contract.birth import BirthRecord, SignedBirth
from edge_agent.contract.detached import BadSignature, check_detached, key_of
from hub.enrolment.requests import key_hash
from hub.enrolment.tables import certificates

Verdict = Literal["signed", "unknown_key", "unsigned"]
"""unknown_key: whole, but by a key to which this hub gave no certificate (another hub's node, or none enrols here)."""


class Refused(Exception):
    """It is not genuine; its text says why: `another`, `altered`, `stranger`."""


def judged(connection: Connection, address: str, signed: SignedBirth, record: BirthRecord) -> Verdict:
    """How far it can be believed. Raises Refused."""
    if f"{record.commune}/{record.node}" != address:
        raise Refused("another")
    if signed.jws is None or signed.certificate is None:
        if signed.jws is not None or signed.certificate is not None:  # somebody has taken a part of it away
            raise Refused("altered")
        return "unsigned"
    try:
        key = key_of(signed.certificate)
        check_detached(signed.jws, signed.record.encode(), key)
    except BadSignature as error:
        raise Refused("altered") from error
    return _known(connection, record, key)


def _known(connection: Connection, record: BirthRecord, key: ec.EllipticCurvePublicKey) -> Verdict:
    """By the key, not by the certificate that came along: nobody needs to trust that.

    One that was revoked signs nothing any more, whatever day its holder writes into a record.
    """
    mine = (certificates.c.commune == record.commune) & (certificates.c.name == record.node)
    rows = connection.execute(sa.select(certificates.c.key_hash, certificates.c.revoked).where(mine)).fetchall()
    if not rows:
        return "unknown_key"
    hashed = key_hash(key)
    if any(row.key_hash == hashed and not row.revoked for row in rows):
        return "signed"
    raise Refused("stranger")
