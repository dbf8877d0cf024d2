"""Detached JWS by a key on P-256 (RFC 7515, appendix F; ES256 of RFC 7518, section 3.4)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

Sign = Callable[[bytes], bytes]
"""ECDSA with SHA-256 by a node's key: the signature in DER."""
_HEADER = {"alg": "ES256"}


class BadSignature(Exception):
    """These are not the words that were signed, or not by this key."""


def sign_detached(payload: bytes, sign: Sign) -> str:
    """The signature of a payload that travels beside it."""
    header = _encoded(json.dumps(_HEADER, separators=(",", ":")).encode())
    r, s = decode_dss_signature(sign(_signed(header, payload)))
    return f"{header}..{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def check_detached(jws: str, payload: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Raises BadSignature."""
    header, middle, signature = (*jws.split("."), "", "")[:3]
    try:
        raw = _decoded(signature)
        if middle or json.loads(_decoded(header)) != _HEADER or len(raw) != 64:
            raise BadSignature("not a detached ES256 signature")
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, _signed(header, payload), ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise BadSignature("the signature does not fit") from error


def key_of(certificate: str) -> ec.EllipticCurvePublicKey:
    """The public key in a certificate (PEM). Raises BadSignature where there is none on P-256."""
    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError as error:
        raise BadSignature("not a certificate") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadSignature("not a key on P-256")
    return key


def _signed(header: str, payload: bytes) -> bytes:
    return f"{header}.{_encoded(payload)}".encode()


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
