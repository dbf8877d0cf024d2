"""Messages between a camera's child process and its client: a JSON header and a binary body, both length-prefixed.

Eight bytes (two big-endian lengths), then the header, then the body. Used in both directions over pipes.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from typing import IO, Any

_LENGTHS = struct.Struct(">II")
HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 32 * 1024 * 1024
"""More than any JPEG of a camera: a stream out of step is noticed instead of filling the memory."""


class WireError(Exception):
    """The other side sent what is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `header["is"]` names its kind."""

    header: dict[str, Any]
    body: bytes = b""

    def pack(self) -> bytes:
        """Return the bytes to send."""
        header = json.dumps(self.header, separators=(",", ":")).encode()
        return _LENGTHS.pack(len(header), len(self.body)) + header + self.body


def _lengths(prefix: bytes) -> tuple[int, int]:
    header, body = _LENGTHS.unpack(prefix)
    if header > HEADER_LIMIT or body > BODY_LIMIT:
        raise WireError("a message is longer than any can be")
    return header, body


def _message(header: bytes, body: bytes) -> Message:
    try:
        fields = json.loads(header)
    except ValueError as error:
        raise WireError("a header is not JSON") from error
    if not isinstance(fields, dict):
        raise WireError("a header is not an object")
    return Message(fields, body)


def read_message(stream: IO[bytes]) -> Message | None:
    """Read one message from a blocking stream; None at its end. Raises `WireError`."""
    prefix = stream.read(_LENGTHS.size)
    if len(prefix) < _LENGTHS.size:
        return None
    header_size, body_size = _lengths(prefix)
    header, body = stream.read(header_size), stream.read(body_size)
    if len(header) < header_size or len(body) < body_size:
        return None
    return _message(header, body)


async def receive_message(reader: asyncio.StreamReader) -> Message | None:
    """Read one message from an asyncio stream; None at its end. Raises `WireError`."""
    try:
        header_size, body_size = _lengths(await reader.readexactly(_LENGTHS.size))
        return _message(await reader.readexactly(header_size), await reader.readexactly(body_size))
    except asyncio.IncompleteReadError:
        return None
