"""Certificates as rows: given for a token, renewed by the present key, revoked. Each is one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.enrolment import Board, EnrolmentRequest
from edge_agent.contract.errors import Refusal
from hub.enrolment import tokens
from hub.enrolment.requests import key_hash, name_in
from hub.enrolment.tables import certificates

RENEWALS, RENEWALS_IN = 20, timedelta(days=1)
"""A node may renew that often: more is a mistake in it, or somebody who has its key."""
Certify = Callable[[str, ec.EllipticCurvePublicKey], x509.Certificate]


@dataclass(frozen=True, slots=True)
class Trusted:
    """A node by its newest certificate. `revoked`: the instant; `why`: see the table; `mark`: of its board."""

    commune: str
    name: str
    serial: str
    made: datetime
    ends: datetime
    mark: str
    model: str
    revoked: datetime | None
    why: str
    by: str

    @property
    def address(self) -> str:
        """Commune and name."""
        return f"{self.commune}/{self.name}"


def enrol(
    connection: Connection, now: datetime, asked: EnrolmentRequest, key: ec.EllipticCurvePublicKey, certify: Certify
) -> tuple[x509.Certificate, bool]:
    """The node's first certificate, and whether it is new; any that its name had before is revoked.

    Raises Refusal.
    """
    hashed, node = key_hash(key), (asked.commune, asked.name)
    known = _of_key(connection, hashed)
    fresh = tokens.use(connection, now, asked.token, node, hashed)
    if known is not None and (fresh or (known.commune, known.name) != node):
        raise Refusal("enrol.bad_csr", detail="its key was used before", detail_vi="khoá này đã dùng rồi")
    if known is not None:
        if known.revoked:
            raise Refusal("enrol.revoked", name=asked.name)
        return _certificate(known.pem), False
    revoke(connection, now, asked.commune, asked.name, "replaced", "")
    made = certify(asked.name, key)
    _keep(connection, now, made, asked.commune, hashed, asked.board)
    return made, True


def renew(
    connection: Connection,
    now: datetime,
    present: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    board: Board,
    certify: Certify,
) -> tuple[str, x509.Certificate, bool]:
    """The node's next certificate, its commune, and whether it is new; the present one stays good.

    `present`: is of our authority, and its holder has signed. Raises Refusal.
    """
    row = connection.execute(sa.select(certificates).where(certificates.c.serial == _serial(present))).first()
    name = name_in(present)
    if row is None:
        raise Refusal("enrol.bad_certificate")
    if row.revoked:
        raise Refusal("enrol.revoked", name=name)
    if present.not_valid_after_utc <= now:
        raise Refusal("enrol.expired", name=name, at=iso(present.not_valid_after_utc))
    hashed = key_hash(key)
    known = _of_key(connection, hashed)
    if known is not None:
        if known.name != name or known.revoked or known.serial == row.serial:
            raise Refusal("enrol.bad_csr", detail="its key was used before", detail_vi="khoá này đã dùng rồi")
        return known.commune, _certificate(known.pem), False
    _not_too_often(connection, now, name)
    made = certify(name, key)
    _keep(connection, now, made, row.commune, hashed, board)
    return str(row.commune), made, True


def revoke(connection: Connection, now: datetime, commune: str, name: str, why: str, by: str) -> int:
    """All certificates of a node; how many there were that nobody had revoked."""
    mine = (certificates.c.commune == commune) & (certificates.c.name == name) & (certificates.c.revoked == "")
    changed = certificates.update().where(mine).values(revoked=iso(now), why=why, by_whom=by[:100])
    return connection.execute(changed).rowcount


def trusted(connection: Connection) -> list[Trusted]:
    """Every node that ever had a certificate, by its newest one; by address."""
    rows = connection.execute(sa.select(certificates).order_by(certificates.c.made, certificates.c.serial))
    newest = {(row.commune, row.name): _trusted(row) for row in rows}
    return [newest[address] for address in sorted(newest)]


def boards(connection: Connection) -> dict[str, set[str]]:
    """By address the boards whose certificates are good: one, as a rule."""
    found: dict[str, set[str]] = {}
    good = certificates.select().where(certificates.c.revoked == "", certificates.c.mark != "")
    for row in connection.execute(good.order_by(certificates.c.made, certificates.c.serial)):
        found[f"{row.commune}/{row.name}"] = {row.mark}
    return found


def revoked(connection: Connection) -> list[tuple[int, datetime, str]]:
    """Serial number, instant and name of all that are."""
    chosen = (certificates.c.serial, certificates.c.revoked, certificates.c.name)
    rows = connection.execute(sa.select(*chosen).where(certificates.c.revoked != "").order_by(certificates.c.serial))
    return [(int(row.serial, 16), datetime.fromisoformat(row.revoked), row.name) for row in rows]


def count(connection: Connection) -> tuple[int, int]:
    """How many certificates there are, and how many are revoked: whoever sees the same again has missed nothing."""
    chosen = sa.select(sa.func.count(), sa.func.count(sa.case((certificates.c.revoked != "", 1))))
    row = connection.execute(chosen.select_from(certificates)).one()
    return int(row[0]), int(row[1])


def _not_too_often(connection: Connection, now: datetime, name: str) -> None:
    lately = (certificates.c.name == name) & (certificates.c.made > iso(now - RENEWALS_IN))
    number = connection.execute(sa.select(sa.func.count()).select_from(certificates).where(lately)).scalar_one()
    if number >= RENEWALS:
        raise Refusal("enrol.too_often", seconds=int(RENEWALS_IN.total_seconds()))


def _of_key(connection: Connection, hashed: str) -> Any:
    return connection.execute(sa.select(certificates).where(certificates.c.key_hash == hashed)).first()


def _keep(
    connection: Connection, now: datetime, made: x509.Certificate, commune: str, hashed: str, board: Board
) -> None:
    row = {"serial": _serial(made), "commune": commune, "name": name_in(made), "key_hash": hashed, "made": iso(now)}
    row |= {"pem": made.public_bytes(serialization.Encoding.PEM).decode(), "ends": iso(made.not_valid_after_utc)}
    connection.execute(certificates.insert(), {**row, "mark": board.mark or "", "model": board.model or ""})


def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def _trusted(row: Any) -> Trusted:
    gone = datetime.fromisoformat(row.revoked) if row.revoked else None
    made, ends = datetime.fromisoformat(row.made), datetime.fromisoformat(row.ends)
    return Trusted(row.commune, row.name, row.serial, made, ends, row.mark, row.model, gone, row.why, row.by_whom)
