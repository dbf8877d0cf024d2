"""Signed commands: JWS flattened JSON (RFC 7515) with Ed25519 (RFC 8037), by libsodium.

Of JOSE only this one algorithm is spoken: the header's `alg` is checked, never obeyed.
"""

import binascii
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from edge_agent.contract.base import MAX_BODY
from edge_agent.contract.errors import Refusal


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


class Signer:
    """Signs commands with one key."""

    def __init__(self, key_id: str, seed: bytes) -> None:
        """`seed`: the 32 secret bytes of an Ed25519 key."""
        self._key = SigningKey(seed)
        self._protected = _encode(json.dumps({"alg": "EdDSA", "kid": key_id}, separators=(",", ":")).encode())
        self.key_id = key_id

    @property
    def public(self) -> str:
        """The public key, base64url: what a node's configuration pins."""
        return _encode(bytes(self._key.verify_key))

    def sign(self, payload: bytes) -> bytes:
        """The JWS as JSON."""
        body = _encode(payload)
        signature = self._key.sign(f"{self._protected}.{body}".encode()).signature
        return json.dumps(
            {"protected": self._protected, "payload": body, "signature": _encode(signature)}, separators=(",", ":")
        ).encode()


class Verifier:
    """Verifies commands against pinned keys."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: key id -> public key, base64url. Raises ValueError on a key that is none."""
        self._headers: dict[str, VerifyKey] = {}
        self.pin(keys)

    def pin(self, keys: Mapping[str, str]) -> None:
        """From now on believe these keys, and no others. Raises ValueError on a key that is none."""
        self._keys = {key_id: public_key(text) for key_id, text in keys.items()}
        self._headers.clear()

    def verify(self, message: bytes) -> bytes:
        """The signed payload.

        Raises Refusal `command.too_large`, `command.malformed` or `command.signature`.
        """
        if len(message) > MAX_BODY:
            raise Refusal("command.too_large", size=len(message), limit=MAX_BODY)
        protected, payload, signature = _parts(message)
        key = self._key(protected)
        try:
            key.verify(f"{protected}.{payload}".encode(), _decode(signature))
            return _decode(payload)
        except (BadSignatureError, ValueError, binascii.Error, UnicodeEncodeError) as error:
            raise Refusal("command.signature") from error

    def _key(self, protected: str) -> VerifyKey:
        known = self._headers.get(protected)
        if known is not None:
            return known
        try:
            header = json.loads(_decode(protected))
            key = self._keys[header["kid"]]
            usable = header["alg"] in ("EdDSA", "Ed25519") and "crit" not in header
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            raise Refusal("command.signature") from error
        if not usable:
            raise Refusal("command.signature")
        if len(self._headers) < 64:  # the few headers that hubs really send; forged ones never get here
            self._headers[protected] = key
        return key


def public_key(text: str) -> VerifyKey:
    """The public key that base64url text means; ValueError when it means none."""
    try:
        return VerifyKey(_decode(text))
    except Exception as error:
        raise ValueError("not an Ed25519 public key in base64url (43 characters)") from error


def _parts(message: bytes) -> tuple[str, str, str]:
    try:
        body = json.loads(message)
        parts = (body["protected"], body["payload"], body["signature"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refusal("command.malformed", detail="not a signed command (JWS, flattened JSON)") from error
    if not all(isinstance(part, str) for part in parts):
        raise Refusal("command.malformed", detail="payload, protected and signature must be text")
    return parts
