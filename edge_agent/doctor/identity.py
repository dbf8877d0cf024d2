"""The node's certificate: whether there is one, and for how long."""

from datetime import UTC, datetime
from pathlib import Path

from edge_agent.contract.errors import Fault, Refusal
from edge_agent.doctor.finding import Finding, of_fault, said
from edge_agent.identity.board import fingerprint
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.when import day, ends_soon


def identity_finding(path: Path) -> Finding:
    """What is to be said of the identity in a folder. Blocks. Raises Refusal `identity.broken`."""
    folder = IdentityFolder(path)
    try:
        identity, place = folder.read(), folder.place()
    except OSError as error:
        raise Refusal("identity.broken", path=str(path), detail=error.strerror or str(error)) from error
    if identity is None:
        return Finding("identity", "note", said("doctor.identity_none"), "identity.none")
    if place is not None and place.board != fingerprint():
        return of_fault("identity", Fault.of("identity.other_board"))
    grant, now = identity.grant, datetime.now(UTC)
    if now >= grant.not_after:
        return of_fault("identity", Fault.of("identity.expired", at=day(grant.not_after)))
    soon = ends_soon(grant, now)
    words = said("doctor.identity_soon" if soon else "doctor.identity_ok", name=grant.name, until=day(grant.not_after))
    return Finding("identity", "note" if soon else "ok", words, "identity.expires" if soon else None)
