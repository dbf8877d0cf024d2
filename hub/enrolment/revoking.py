"""The list of revoked certificates on disk, for the broker."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from hub.enrolment import files
from hub.enrolment.authority import Authority

EARLIER = timedelta(hours=1)
"""A list that is younger than the reader's clock is refused, and with it everybody."""


def write_list(authority: Authority, revoked: Iterable[tuple[int, datetime]], folder: Path | None) -> bool:
    """Have it in the authority's folder and in the broker's; whether anything was written. Raises OSError.

    The broker keeps the lists that it read before and believes the one that was made last, to the second: so each is
    made at least a second after the one before, whatever the clock says.
    """
    rows = dict(revoked)
    kept = authority.folder / "crl.pem"
    present = _read(authority, kept)
    content = kept.read_bytes() if present is not None else b""
    if present is None or {one.serial_number for one in present} != set(rows):
        at = (datetime.now(UTC) - EARLIER).replace(microsecond=0)
        if present is not None:
            at = max(at, present.last_update_utc + timedelta(seconds=1))
        content = authority.revocations(sorted(rows.items()), at)
        files.put(kept, content, files.OPEN)
        changed = True
    else:
        changed = False
    return _copied(folder, content) or changed


def _copied(folder: Path | None, content: bytes) -> bool:
    if folder is None:
        return False
    copy = folder / "crl.pem"
    if copy.exists() and copy.read_bytes() == content:
        return False
    files.put(copy, content, files.OPEN)
    return True


def _read(authority: Authority, path: Path) -> x509.CertificateRevocationList | None:
    if not path.exists():
        return None
    try:
        found = x509.load_pem_x509_crl(path.read_bytes())
        return found if found.is_signature_valid(authority.certificate.public_key()) else None  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
