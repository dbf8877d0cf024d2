"""A stream that only a passphrase opens: AES-256-GCM in pieces, key by scrypt. Cut, swapped or changed pieces show.

After the head (magic, salt of 16 bytes) each piece is its length (4 bytes, big endian), one byte that is 1 for the
last, and the sealed bytes. The number of the piece and that byte are part of the nonce, so that none can be left out.
"""

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"EDGEHUB-SEALED-1\n"
_PIECE = 1 << 20
_HEAD = struct.Struct(">IB")


class Unreadable(Exception):
    """It is no backup of ours, it is damaged, or the passphrase is another."""


class Sealer:
    """A file to write to, of which `inner` gets the sealed bytes. Call `close`: only then it is whole."""

    def __init__(self, inner: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(16)
        inner.write(MAGIC + salt)
        self._inner, self._cipher = inner, _cipher(passphrase, salt)
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._waiting += data
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]
        return len(data)

    def close(self) -> None:
        """Write what waits, as the last piece."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), piece, None)
        self._inner.write(_HEAD.pack(len(sealed), last) + sealed)
        self._number += 1


class Opener:
    """The bytes that a `Sealer` was given. `inner` stands behind the magic. Raises Unreadable as soon as it shows."""

    def __init__(self, inner: BinaryIO, passphrase: str) -> None:
        self._inner, self._cipher = inner, _cipher(passphrase, inner.read(16))
        self._ready = b""
        self._number = 0
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        while not self._over and (size < 0 or len(self._ready) < size):
            self._ready += self._next()
        taken = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(taken) :]
        return taken

    def _next(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        head = self._inner.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise Unreadable("it is cut off")
        length, last = _HEAD.unpack(head)
        if last not in (0, 1) or length > _PIECE + 16:
            raise Unreadable("it is damaged")
        self._over = bool(last)
        try:
            piece = self._cipher.decrypt(_nonce(self._number, last=self._over), self._inner.read(length), None)
        except InvalidTag as error:
            raise Unreadable("the passphrase is another, or the file is damaged") from error
        self._number += 1
        return piece


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">QxxxB", number, last)


def _cipher(passphrase: str, salt: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return AESGCM(Scrypt(salt=salt, length=32, n=1 << 15, r=8, p=1).derive(passphrase.encode()))
