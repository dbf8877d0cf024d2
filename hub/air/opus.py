"""What can be told of an Opus packet by its first byte, without decoding it (RFC 6716, section 3.1)."""

MOST_BYTES = 400
"""Of a packet that is passed on: 160 kbit/s, five times what a page is asked for."""
_20_MS = frozenset({1, 5, 9, 13, 15, 19, 23, 27, 31})
"""Configurations whose frames last 20 ms (RFC 6716, table 2)."""


def is_voice(packet: bytes) -> bool:
    """Whether a packet is what nodes take: one frame of 20 ms, mono."""
    if not 1 < len(packet) <= MOST_BYTES:
        return False
    configuration, stereo, count = packet[0] >> 3, packet[0] >> 2 & 1, packet[0] & 3
    return configuration in _20_MS and not stereo and count == 0
