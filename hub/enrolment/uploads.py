"""By what a trusted node puts pictures and sounds: a token of its certificate, good as long as nobody revokes that."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

from hub.config import ConfigError
from hub.enrolment import files

_HEX = frozenset("0123456789abcdef")


class NodeTokens:
    """Nothing is kept but one key: a token is the serial number with its HMAC."""

    def __init__(self, folder: Path, is_revoked: Callable[[int], bool]) -> None:
        """The key is made (mode 0600) where there is none. Raises ConfigError."""
        path = folder / "upload.key"
        try:
            if not path.exists():
                files.put_first(path, secrets.token_bytes(32), files.SECRET)
            self._key = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot use {path}: {error}") from error
        if len(self._key) != 32:
            raise ConfigError(f"cannot use {path}: it is not 32 bytes")
        self._is_revoked = is_revoked

    def of(self, serial: int) -> str:
        """The token of a certificate."""
        text = f"{serial:x}"
        return f"node.{text}.{hmac.digest(self._key, text.encode(), hashlib.sha256).hex()}"

    def allow(self, token: str) -> bool:
        """Whether a token is of a certificate that nobody has revoked."""
        kind, _, rest = token.partition(".")
        serial, _, _ = rest.partition(".")
        if kind != "node" or not 0 < len(serial) <= 40 or not _HEX.issuperset(serial):
            return False
        number = int(serial, 16)
        return hmac.compare_digest(self.of(number).encode(), token.encode()) and not self._is_revoked(number)
