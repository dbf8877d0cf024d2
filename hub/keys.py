"""The hub's secrets on disk: the key that signs commands, and the tokens by which nodes may put media."""

import hmac
import json
import logging
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from edge_agent.contract.signature import Signer
from hub import private
from hub.config import ConfigError, SigningKey, UploadTokens

logger = logging.getLogger(__name__)


def signer(key: SigningKey) -> Signer:
    """The signer; a key is made (mode 0600) where there is none. Raises ConfigError."""
    path = key.file or Path("signing.key")
    try:
        if not path.exists():
            _create(path)
        content = path.read_bytes()
        if path.stat().st_mode & 0o077:
            logger.warning("the signing key %s can be read by others: chmod 600 it", path)
        text = content.strip()
        seed = content if len(content) == 32 else urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot use the signing key {path}: {error}") from error
    if len(seed) != 32:
        raise ConfigError(f"cannot use the signing key {path}: neither 32 bytes nor 32 bytes in base64url")
    return Signer(key.id, seed)


def _create(path: Path) -> None:
    private.folder(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(urlsafe_b64encode(os.urandom(32)).rstrip(b"=") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike rename this never replaces a key that another process made meanwhile
    except FileExistsError:
        logger.info("the signing key %s was just made by another process", path)
    finally:
        draft.unlink(missing_ok=True)


class Tokens:
    """Upload tokens. None are known without a file: then nobody may put anything."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = tuple(token.encode() for token in known if token)
        self.also: list[Callable[[str], bool]] = []
        """Asked in turn whether a token that stands in no file is a node's."""

    @classmethod
    def load(cls, source: UploadTokens | None) -> "Tokens":
        """Read the file. Raises ConfigError."""
        if source is None:
            return cls(())
        try:
            text = source.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read upload_tokens.file {source.file}: {error}") from error
        if not text.startswith("{"):
            if len(text.split()) != 1 or text[0] in "[\"'":
                raise ConfigError(f"upload_tokens.file {source.file} is neither a JSON object nor one token")
            return cls((text,))
        try:
            tokens = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"upload_tokens.file {source.file} is not JSON: {error}") from error
        if not all(isinstance(token, str) and token for token in tokens.values()):
            raise ConfigError(f"upload_tokens.file {source.file}: every token must be a text")
        return cls(tuple(tokens.values()))

    def allow(self, authorization: str) -> bool:
        """Whether the `Authorization` header carries a known token. Takes the same time for each wrong one."""
        scheme, _, given = authorization.partition(" ")
        offered = given.strip().encode()
        matches = [hmac.compare_digest(offered, token) for token in self._known]
        if scheme.lower() != "bearer":
            return False
        return any(matches) or any(allows(given.strip()) for allows in self.also)
