"""What nodes hand in, taken apart. Of a request for a certificate nothing is believed but its key."""

import binascii
import hashlib
from base64 import b64decode

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.contract.errors import Refusal

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def requested_key(text: str) -> ec.EllipticCurvePublicKey:
    """The key of a PKCS #10 request in PEM, which its owner has proved to hold. Raises Refusal `enrol.bad_csr`."""
    try:
        _one_pem(text, "CERTIFICATE REQUEST")
        csr = x509.load_pem_x509_csr(text.encode("ascii"))
        key = csr.public_key()
    except Exception as error:  # the parser raises many kinds; none is ours to end by
        raise _bad("not one PKCS #10 request in PEM", "không phải một yêu cầu PKCS #10 dạng PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad("the key is not EC P-256", "khoá không phải loại EC P-256")
    try:
        proved = csr.is_signature_valid and isinstance(csr.signature_hash_algorithm, _HASHES)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        proved = False
    if not proved:
        raise _bad("its own signature is wrong", "chữ ký của chính nó không đúng")
    return key


def shown_certificate(text: str) -> x509.Certificate:
    """The certificate in PEM that came along. Raises Refusal `enrol.bad_certificate`."""
    try:
        _one_pem(text, "CERTIFICATE")
        return x509.load_pem_x509_certificate(text.encode("ascii"))
    except Exception as error:
        raise Refusal("enrol.bad_certificate") from error


def name_in(certificate: x509.Certificate) -> str:
    """The node's name in its certificate."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def is_signed(content: str, signature: str, certificate: x509.Certificate) -> bool:
    """Whether the holder of the certificate's key signed the text: ECDSA with SHA-256, DER, base64url."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        raw = b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
        key.verify(raw, content.encode(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def key_hash(key: ec.EllipticCurvePublicKey) -> str:
    """By what a key is known again."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, kind)).hexdigest()


def _one_pem(text: str, kind: str) -> None:
    if text.count("-----BEGIN ") != 1 or f"-----BEGIN {kind}-----" not in text:
        raise ValueError("not one block of PEM")


def _bad(detail: str, detail_vi: str) -> Refusal:
    return Refusal("enrol.bad_csr", detail=detail, detail_vi=detail_vi)
