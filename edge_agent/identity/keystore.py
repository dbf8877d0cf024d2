"""Where the node's private key lives. What asks for a signature never sees the key itself."""

import contextlib
import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.store.files import write_atomically


class KeyStore(Protocol):
    """One private key: in a file, or in a chip that never gives it away."""

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The key as `cryptography` signs with it; a chip's is an object that asks the chip."""

    @property
    def public(self) -> bytes:
        """The public half (DER, SubjectPublicKeyInfo): what a certificate is compared with."""

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""


class FileKey:
    """A key (EC P-256) in a file that only its owner reads."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @classmethod
    def make(cls, path: Path) -> "FileKey":
        """A new key, on the disk before it is used. Raises OSError."""
        private = ec.generate_private_key(ec.SECP256R1())
        content = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomically(path, content, 0o600)
        return cls(private)

    @classmethod
    def read(cls, path: Path) -> "FileKey":
        """The key of a file. Raises OSError; ValueError where there is no such key in it."""
        with path.open("rb") as file:
            with contextlib.suppress(PermissionError):  # whoever copied it here may have left it open to all
                os.fchmod(file.fileno(), 0o600)
            content = file.read(10_000)
        try:
            private = serialization.load_pem_private_key(content, None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(str(error)) from error
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("not an elliptic curve key")
        return cls(private)

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        return self._private

    @property
    def public(self) -> bytes:
        return spki(self._private.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message, ec.ECDSA(hashes.SHA256()))


def spki(public: object) -> bytes:
    """The DER of a public key. Raises ValueError where it is none that has one."""
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
