"""Secrets that are kept in the database, but cannot be read there: sealed by a key in a file beside it.

Who gets the database alone, from a backup or another machine, gets no password of a mail server and no second factor.
Who gets the data folder as well gets all.
"""

import hashlib
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hub import private

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

logger = logging.getLogger(__name__)

_MARK = "sealed:"


class KeyLost(Exception):
    """It was sealed by another key, or the key's file cannot be used."""


class Seal:
    """Seals and opens. The key is made (mode 0600) when it is needed first; it is read once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._key: tuple[str, Fernet] | None = None
        self._making = threading.Lock()

    def seal(self, text: str) -> str:
        """`sealed:` key's name `:` token (Fernet: AES-128-CBC with HMAC-SHA-256); empty stays empty. Raises KeyLost."""
        if not text:
            return ""
        name, fernet = self._open()
        return f"{_MARK}{name}:{fernet.encrypt(text.encode()).decode()}"

    def open(self, kept: str) -> str:
        """The text; what was kept before anything was sealed is itself. Raises KeyLost."""
        from cryptography.fernet import InvalidToken

        if not is_sealed(kept):
            return kept
        name, _, token = kept.removeprefix(_MARK).partition(":")
        mine, fernet = self._open()
        if name != mine:
            raise KeyLost(f"sealed by the key {name}, but {self.file} holds {mine}")
        try:
            return fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise KeyLost(f"a secret in the database was changed: {self.file} does not open it") from error

    def can_open(self, kept: str) -> bool:
        """Whether `open` would work."""
        try:
            self.open(kept)
        except KeyLost:
            return False
        return True

    def _open(self) -> "tuple[str, Fernet]":
        with self._making:
            if self._key is None:
                self._key = self._load()
            return self._key

    def _load(self) -> "tuple[str, Fernet]":
        from cryptography.fernet import Fernet

        try:
            if not self.file.exists():
                _create(self.file, Fernet.generate_key())
            if self.file.stat().st_mode & 0o077:
                logger.warning("the key of the secrets, %s, can be read by others: chmod 600 it", self.file)
            key = self.file.read_bytes().strip()
            return hashlib.sha256(key).hexdigest()[:12], Fernet(key)
        except (OSError, ValueError) as error:
            raise KeyLost(f"cannot use the key of the secrets, {self.file}: {error}") from error


def is_sealed(kept: str) -> bool:
    """Whether it was sealed, by whichever key."""
    return kept.startswith(_MARK)


def _create(file: Path, key: bytes) -> None:
    private.folder(file.parent)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(key + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(draft, file)  # unlike rename this never replaces a key that another process made meanwhile
    except FileExistsError:
        logger.info("the key of the secrets was just made by another process")
    finally:
        draft.unlink(missing_ok=True)
