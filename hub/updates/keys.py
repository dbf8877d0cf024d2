"""The keys of updates: `root` and `targets` stay away from every network, `online` at the hub renews what expires.

A hub that was broken into can then hold updates back for as long as the signed list lives, and can name no program.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

OFFLINE = ("root", "targets")
ONLINE = "online"


def make(folder: Path, name: str) -> CryptoSigner:
    """A new key as `NAME.pem`, for its owner alone. Raises FileExistsError: a key is never overwritten."""
    signer = CryptoSigner.generate_ed25519()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(signer.private_bytes)
        file.flush()
        os.fsync(descriptor)
    return signer


def load(folder: Path, name: str) -> CryptoSigner:
    """A key that was made before. Raises OSError, ValueError."""
    private = load_pem_private_key((folder / f"{name}.pem").read_bytes(), None)
    return CryptoSigner(private)
