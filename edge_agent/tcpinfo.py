"""What Linux knows of a TCP connection: `struct tcp_info` (linux/tcp.h, from 4.6 on)."""

import socket
import struct
from dataclasses import dataclass

_FIELDS = struct.Struct("=68xI48xQ20xI")
"""`tcpi_rtt` and `tcpi_min_rtt` in microseconds at 68 and 148, `tcpi_bytes_acked` between them at 120."""


@dataclass(slots=True)
class TcpInfo:
    """Smoothed and least round trip time in seconds (0: nothing was measured yet), bytes that have arrived there."""

    rtt_s: float
    least_rtt_s: float
    acked: int


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Return what is known of a connection; None where the kernel does not tell."""
    try:
        rtt, acked, least = _FIELDS.unpack_from(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FIELDS.size))
    except (OSError, struct.error):
        return None
    return TcpInfo(rtt / 1e6, least / 1e6, acked)
