"""Asks the hub to trust this node, for the first time by a token, later by the present key. Blocks; for a thread."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from edge_agent.config.broker import Broker
from edge_agent.contract.enrolment import (
    ENROL_PATH,
    RENEW_PATH,
    Board,
    CardEnrolment,
    EnrolmentRequest,
    Grant,
    RenewalRequest,
)
from edge_agent.contract.errors import Refusal
from edge_agent.contract.signature import public_key
from edge_agent.identity.board import board_model, board_serial, fingerprint, machine
from edge_agent.identity.csr import request_for
from edge_agent.identity.folder import Identity, IdentityFolder, Place
from edge_agent.identity.web import ask, pinned_ca
from edge_agent.version import VERSION

FINAL = frozenset(
    {
        "enrol.token_unknown",
        "enrol.token_used",
        "enrol.token_expired",
        "enrol.token_withdrawn",
        "enrol.wrong_node",
        "enrol.revoked",
        "enrol.bad_csr",
        "enrol.bad_request",
        "identity.address",
    }
)
"""After these nothing gets better by asking again: a person must act."""


def this_board(root: Path = Path("/")) -> Board:
    """What is told of the board that asks."""
    return Board(serial=board_serial(root), model=board_model(root), machine=machine()[:32], mark=fingerprint(root))


def enrol(folder: IdentityFolder, name: str, commune: str, card: CardEnrolment, floor: datetime | None) -> Identity:
    """Become trusted; an identity that was there is replaced once the hub has granted the new one.

    `floor`: where the clock is not believed, the instant that it surely is later than. Raises Refusal (those of FINAL
    for good), and OSError where the disk refuses.
    """
    done = _done_before(folder, card)
    if done is not None:
        return done
    ca = pinned_ca(card.hub, card.pin)
    key = folder.next_key()
    request = EnrolmentRequest(
        name=name,
        commune=commune,
        token=card.token,
        csr=request_for(name, key),
        board=this_board(),
        version=VERSION[:40],
    )
    grant = _granted(ask(card.hub, ENROL_PATH, request.body(), ca, floor), name, commune, ca)
    folder.put_on_trial(grant)
    return folder.settle(Place(card.hub, fingerprint(), token_mark(card)))


def token_mark(card: CardEnrolment) -> str:
    """What is kept of a token, so that one that was used up is known again: nobody can make the token of it."""
    return hashlib.sha256(f"edge-token:{card.token}".encode()).hexdigest()[:32]


def _done_before(folder: IdentityFolder, card: CardEnrolment) -> Identity | None:
    """What this token brought to this very board already, before the power went."""
    place = folder.place()
    if place is None or (place.token, place.board) != (token_mark(card), fingerprint()):
        return None
    return folder.settle() if folder.on_trial() is not None else folder.read()


def renew(folder: IdentityFolder, present: Identity, hub: str, floor: datetime | None) -> Identity:
    """Ask for the next certificate, with a new key; it is on trial until a broker has accepted it.

    Raises Refusal and OSError.
    """
    grant = present.grant
    csr = request_for(grant.name, folder.next_key())
    try:
        signature = folder.key().sign(csr.encode())
    except ValueError as error:
        raise Refusal("identity.broken", path=str(folder.path), detail=str(error)) from error
    request = RenewalRequest(
        csr=csr,
        certificate=grant.certificate,
        signature=urlsafe_b64encode(signature).rstrip(b"=").decode(),
        board=this_board(),
    )
    content = ask(hub, RENEW_PATH, request.body(), grant.ca, floor)
    folder.put_on_trial(_granted(content, grant.name, grant.commune, None))
    trial = folder.on_trial()
    if trial is None:
        raise Refusal("identity.broken", path=str(folder.path), detail="next")
    return trial


def _granted(content: bytes, name: str, commune: str, ca: str | None) -> Grant:
    """The hub's answer, if it is a grant for this node. Raises Refusal `enrol.bad_answer`."""
    try:
        grant = Grant.model_validate_json(content)
        _usable(grant, name, commune, ca)
    except (ValidationError, ValueError) as error:
        detail = error.errors()[0]["type"] if isinstance(error, ValidationError) else str(error)
        raise Refusal("enrol.bad_answer", detail=detail[:200]) from error
    return grant


def _usable(grant: Grant, name: str, commune: str, ca: str | None) -> None:
    """Raises ValueError where a program that used it would fail."""
    if (grant.name, grant.commune) != (name, commune):
        raise ValueError("it is for another node")
    authority, own = (x509.load_pem_x509_certificate(text.encode()) for text in (grant.ca, grant.certificate))
    if ca is not None and authority != x509.load_pem_x509_certificate(ca.encode()):
        raise ValueError("it names another authority than the pinned one")
    try:
        own.verify_directly_issued_by(authority)
    except Exception as error:  # of several libraries' kinds; all of them mean no
        raise ValueError("the certificate is not by the authority") from error
    names = [attribute.value for attribute in own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [name]:
        raise ValueError("the certificate is for another name")
    for key in grant.command_keys:
        public_key(key.public)
    if not Broker(url=grant.broker).parts()[0]:
        raise ValueError("the broker is not reached by TLS")
