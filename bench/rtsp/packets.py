"""H.264 and H.265 as RTP carries them (RFC 6184, RFC 7798), and how SDP announces them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

MOST = 1400
"""Bytes of a packet's payload."""
MARK = b"edge-test-camera"
"""UUID of the message (user data unregistered) that numbers a picture, see `mark`."""


@dataclass(frozen=True)
class Unit:
    """A picture, cut for the network."""

    payloads: tuple[bytes, ...]
    key: bool


def nal_units(unit: bytes) -> list[bytes]:
    """Split an Annex B access unit."""
    return [part.rstrip(b"\0") for part in unit.split(b"\0\0\1") if part.strip(b"\0")]


def kind(nal: bytes, codec: str) -> int:
    """nal_unit_type."""
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def is_set(nal: bytes, codec: str) -> bool:
    """Whether this is a parameter set."""
    return kind(nal, codec) in ((7, 8) if codec == "h264" else (32, 33, 34))


def is_key(nal: bytes, codec: str) -> bool:
    """Whether this is a slice of a picture that needs no other."""
    return kind(nal, codec) == 5 if codec == "h264" else 16 <= kind(nal, codec) <= 21


def cut(nal: bytes, codec: str) -> list[bytes]:
    """Payloads for one NAL unit: itself, or fragments (FU-A, FU)."""
    if len(nal) <= MOST:
        return [nal]
    if codec == "h264":
        front, type_, body = bytes([nal[0] & 0xE0 | 28]), nal[0] & 0x1F, nal[1:]
    else:
        front, type_, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), (nal[0] >> 1) & 0x3F, nal[2:]
    parts = [body[at : at + MOST - 3] for at in range(0, len(body), MOST - 3)]
    ends = [0x80, *([0] * (len(parts) - 2)), 0x40]
    return [front + bytes([end | type_]) + part for end, part in zip(ends, parts, strict=True)]


def packed(nals: list[bytes], codec: str) -> Unit:
    """A picture of these NAL units."""
    payloads = tuple(piece for nal in nals for piece in cut(nal, codec))
    return Unit(payloads, any(is_key(nal, codec) for nal in nals))


def mark(number: int, codec: str) -> bytes:
    """A SEI message that holds a number (64 bit) in ASCII: what was recorded can be told picture by picture."""
    front = b"\x06" if codec == "h264" else b"\x4e\x01"
    return front + b"\x05\x20" + MARK + f"{number:016x}".encode() + b"\x80"


def marks_in(data: bytes) -> list[int]:
    """The numbers that `mark` put into a piece of video, in order."""
    found, place = [], data.find(MARK)
    while place >= 0:
        found.append(int(data[place + 16 : place + 32], 16))
        place = data.find(MARK, place + 32)
    return found


def format_line(units: list[bytes], codec: str, with_sets: bool) -> str:
    """The `a=fmtp` line; without the parameter sets when a camera keeps them to itself."""
    sets = [nal for nal in nal_units(units[0]) if is_set(nal, codec)]
    texts = [b64encode(nal).decode() for nal in sets]
    if codec == "h264":
        profile = sets[0][1:4].hex()
        more = f";sprop-parameter-sets={','.join(texts[:2])}" if with_sets else ""
        return f"a=fmtp:96 packetization-mode=1;profile-level-id={profile}{more}"
    more = "".join(f"sprop-{name}={text};" for name, text in zip(("vps", "sps", "pps"), texts, strict=False))
    return f"a=fmtp:96 {more}" if with_sets else "a=fmtp:96 sprop-max-don-diff=0"
