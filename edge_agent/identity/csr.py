"""What a node asks the hub to sign."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from edge_agent.identity.keystore import KeyStore


def request_for(name: str, key: KeyStore) -> str:
    """A certificate signing request (PEM) for a node's name, signed by its key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key.private, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
