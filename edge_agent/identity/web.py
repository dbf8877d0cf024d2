"""One question to the hub over TLS: bounded in time and size, whoever answers. Blocks; for a thread."""

import contextlib
import hmac
import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from edge_agent.contract.enrolment import CA_PATH, pin_of
from edge_agent.contract.errors import Fault, Refusal

_LIMIT_S = 30.0
_MOST = 64 * 1024
_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub listens for nodes."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "Place":
        """Take an https address apart. Raises Refusal `identity.address`."""
        try:
            parts = urlsplit(url)
            port = parts.port or 443
        except ValueError:
            raise Refusal("identity.address", url=url[:200]) from None
        usable = parts.scheme == "https" and parts.hostname and url.isascii() and url.isprintable()
        if not usable or parts.username or parts.query:
            raise Refusal("identity.address", url=url[:200])
        return cls(parts.hostname or "", port, parts.path.rstrip("/"))


def trusting(ca: str, floor: datetime | None) -> ssl.SSLContext:
    """Believes certificates of this authority (PEM) alone.

    `floor`: the clock is not believed; then a certificate's times are not held against the clock.
    Raises Refusal `enrol.bad_answer` where it is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise Refusal("enrol.bad_answer", detail="no certificate authority") from error
    if floor is not None:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def pinned_ca(hub: str, pin: str, limit_s: float = _LIMIT_S) -> str:
    """The hub's certificate authority (PEM), taken from whoever answers and believed only by its hash.

    Raises Refusal `identity.address`, `enrol.unreachable`, `enrol.bad_answer`, `enrol.pin`.
    """
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE  # nothing is believed but the hash of what comes
    status, content = _exchange(Place.of(hub), "GET", CA_PATH, None, anybody, None, limit_s)
    if status != 200:
        raise Refusal("enrol.bad_answer", detail=f"HTTP {status}")
    try:
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise Refusal("enrol.bad_answer", detail="no certificate") from error
    if not hmac.compare_digest(pin_of(certificate.public_bytes(Encoding.DER)), pin):
        raise Refusal("enrol.pin", hub=hub)
    return certificate.public_bytes(Encoding.PEM).decode()


def ask(hub: str, path: str, body: bytes, ca: str, floor: datetime | None, limit_s: float = _LIMIT_S) -> bytes:
    """Send JSON to a hub whose authority (PEM) is known; its answer.

    Raises Refusal: what the hub refused with, or `identity.address`, `enrol.unreachable`, `identity.untrusted`,
    `enrol.bad_answer`.
    """
    status, content = _exchange(Place.of(hub), "POST", path, body, trusting(ca, floor), floor, limit_s)
    if status == 200:
        return content
    raise _refused(status, content)


def _refused(status: int, content: bytes) -> Refusal:
    """What the hub said, where it said it in our words."""
    try:
        told = json.loads(content)
        fault = Fault.model_validate(told.get("error", told) if isinstance(told, dict) else told)
    except (ValueError, ValidationError, RecursionError):
        return Refusal("enrol.bad_answer", detail=f"HTTP {status}")
    if not re.fullmatch(r"[a-z_]{1,30}\.[a-z_]{1,40}", fault.code) or max(len(fault.vi), len(fault.en)) > 1000:
        return Refusal("enrol.bad_answer", detail=f"HTTP {status}")
    refusal = Refusal("enrol.bad_answer", detail=f"HTTP {status}")
    refusal.fault = fault
    refusal.args = (fault.en,)
    return refusal


def _exchange(
    place: Place,
    method: str,
    path: str,
    body: bytes | None,
    context: ssl.SSLContext,
    floor: datetime | None,
    limit_s: float,
) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection(place.host, place.port, timeout=limit_s, context=context)
    headers = {"Accept": "*/*", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    opened: list[socket.socket] = []
    with _told(place), _deadline(opened, limit_s):
        try:
            connection.connect()
            opened.append(connection.sock)
            _not_over(connection, floor)
            connection.request(method, place.path + path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read(_MOST + 1)
        finally:
            connection.close()
    if len(content) > _MOST:
        raise Refusal("enrol.bad_answer", detail=f"> {_MOST} bytes")
    return answer.status, content


def _not_over(connection: http.client.HTTPSConnection, floor: datetime | None) -> None:
    """A certificate that had ended before this program was made has ended, whatever the clock says."""
    if floor is None or not isinstance(connection.sock, ssl.SSLSocket):
        return
    der = connection.sock.getpeercert(binary_form=True)
    if der is not None and x509.load_der_x509_certificate(der).not_valid_after_utc < floor:
        raise Refusal("identity.untrusted", detail="certificate has expired")


@contextlib.contextmanager
def _told(place: Place) -> Iterator[None]:
    """Errors of the way in our words."""
    where = f"{place.host}:{place.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refusal("identity.untrusted", detail=error.verify_message or str(error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        detail = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise Refusal("enrol.unreachable", hub=where, detail=detail[:200]) from error


@contextlib.contextmanager
def _deadline(opened: list[socket.socket], limit_s: float) -> Iterator[None]:
    """End the exchange after so long in all, however slowly the other side drips. The handshake has its own limit."""

    def cut() -> None:
        for sock in opened:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limit_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
