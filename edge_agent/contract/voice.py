"""Frames of a live voice: what one MQTT message on `edge/{commune}/voice/{session}` holds. Binary, QoS 0.

    offset  bytes
    0       2      "EV"
    2       1      version, 1
    3       1      n: packets that are new here, 1..6
    4       1      m: packets before them that are said again, 0..6
    5       1      0
    6       4      sequence number of the message in its session, from 0
    10      8      timestamp of the first new packet, in samples of 48 kHz since the session's epoch
    18      ...    m + n packets, oldest first: 2 bytes of length, then Opus of 20 ms, mono
    last    64     Ed25519 (RFC 8032) over b"edge-voice-1", a 0 byte, the topic, a 0 byte and all bytes before

Numbers are big-endian. Consecutive packets are 960 samples apart. The topic is signed too, so that a frame of one
session is none of another's. What a message says again repairs the loss of the one before it.
"""

import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

RATE = 48_000
PACKET = 960
"""Samples of a packet: 20 ms."""
PACKET_S = PACKET / RATE
MOST_BYTES = 1_200
"""Of a message: with the headers of MQTT, TCP and IP it fits one Ethernet frame."""
MOST_PACKETS = 6
LONGEST_S = 5 * 3600
_HEAD = struct.Struct(">2sBBBBIQ")
_LENGTH = struct.Struct(">H")
_SIGNATURE = 64
_MAGIC, _VERSION = b"EV", 1


class BadFrame(ValueError):
    """A message that is no frame of this session. `reason`: "size", "malformed" or "forged"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """`first`: number of the first new packet since the epoch; `packets`: those said again, then the new ones."""

    sequence: int
    first: int
    again: int
    packets: tuple[bytes, ...]

    def numbered(self) -> list[tuple[int, bytes]]:
        """Packets with their numbers."""
        begin = self.first - self.again
        return [(begin + place, packet) for place, packet in enumerate(self.packets)]


class VoiceSigner:
    """Makes the messages of one session, with a key made for it alone."""

    def __init__(self, topic: str, key: SigningKey | None = None) -> None:
        self._key = key or SigningKey.generate()
        self._context = _context(topic)

    @property
    def public(self) -> str:
        """The public key, base64url: `key` of `live.start`."""
        return urlsafe_b64encode(bytes(self._key.verify_key)).rstrip(b"=").decode()

    def sign(self, frame: VoiceFrame) -> bytes:
        """The message. Raises ValueError for a frame that cannot be sent, or is larger than `MOST_BYTES`."""
        new = len(frame.packets) - frame.again
        if not 1 <= new <= MOST_PACKETS or not 0 <= frame.again <= min(MOST_PACKETS, frame.first):
            raise ValueError(f"{new} new packets and {frame.again} said again")
        head = _HEAD.pack(_MAGIC, _VERSION, new, frame.again, 0, frame.sequence, frame.first * PACKET)
        body = head + b"".join(_LENGTH.pack(len(packet)) + packet for packet in frame.packets)
        if len(body) + _SIGNATURE > MOST_BYTES:
            raise ValueError(f"{len(body) + _SIGNATURE} bytes are more than {MOST_BYTES}")
        return body + self._key.sign(self._context + body).signature


class VoiceReader:
    """Reads the messages of one session."""

    def __init__(self, topic: str, public: str) -> None:
        """Raises ValueError on a key that is none."""
        from edge_agent.contract.signature import public_key  # pydantic comes with it: not for who only speaks

        self._key = public_key(public)
        self._context = _context(topic)

    def read(self, message: bytes) -> VoiceFrame:
        """The frame, if it was signed with the session's key. Raises BadFrame and nothing else."""
        if not _HEAD.size + _LENGTH.size + _SIGNATURE < len(message) <= MOST_BYTES:
            raise BadFrame("size")
        body, signature = message[:-_SIGNATURE], message[-_SIGNATURE:]
        frame = _parsed(body)
        try:
            self._key.verify(self._context + body, signature)
        except BadSignatureError as error:
            raise BadFrame("forged") from error
        return frame


def _context(topic: str) -> bytes:
    return b"edge-voice-1\0" + topic.encode() + b"\0"


def _parsed(body: bytes) -> VoiceFrame:
    magic, version, new, again, spare, sequence, timestamp = _HEAD.unpack_from(body)
    first, rest = divmod(timestamp, PACKET)
    sane = (magic, version, spare, rest) == (_MAGIC, _VERSION, 0, 0)
    if not sane or not 1 <= new <= MOST_PACKETS or again > min(MOST_PACKETS, first) or timestamp > LONGEST_S * RATE:
        raise BadFrame("malformed")
    packets = []
    place = _HEAD.size
    for _ in range(new + again):
        if place + _LENGTH.size > len(body):
            raise BadFrame("malformed")
        (length,) = _LENGTH.unpack_from(body, place)
        place += _LENGTH.size
        if not 0 < length <= len(body) - place:
            raise BadFrame("malformed")
        packets.append(body[place : place + length])
        place += length
    if place != len(body):
        raise BadFrame("malformed")
    return VoiceFrame(sequence, first, again, tuple(packets))
