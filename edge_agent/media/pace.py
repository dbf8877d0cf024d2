"""How fast an upload may go without those who share the way feeling it: live pictures, commands, states.

A full uplink keeps everybody's bytes in one queue, in the modem; what is felt is how long that queue is. So the delay
that an upload causes is measured (the kernel's round trip time, less the least that was seen) and its rate follows:
up while there is hardly any, down when there is more than `TARGET_S`. The idea is that of LEDBAT (RFC 6817), which
measures one-way delay and governs the window; what arrives is not told to us, so the rate is governed here.
"""

import socket
import time
from collections import deque

from edge_agent.tcpinfo import tcp_info

TARGET_S = 0.08
"""Delay that an upload may cause. RFC 6817 allows 0.1 s."""
SLOWEST = 6_000.0
FASTEST = 4_000_000.0
"""Bytes a second."""
_FIRST = 24_000.0
_EVERY_S = 0.1
_LEAST, _MOST = 1_400, 16_384
"""Bytes of one piece."""
_SEND_BUFFER = 32 * 1024
"""In flight at most, where nothing can be measured."""
_MINUTES = 10
_QUICKLY, _GENTLY = 0.15, 0.06
_EMPTY = 0.75
"""A delay below a quarter of the target is none: the rate grows quickly."""


class Pace:
    """The rate of uploads over one way; lives longer than a connection, for the way stays the same."""

    def __init__(self) -> None:
        self.rate = _FIRST
        """Bytes a second."""
        self.delay_s = 0.0
        """What an upload causes now, as far as it is known."""
        self._floors: deque[tuple[int, float]] = deque(maxlen=_MINUTES)
        self._looked = 0.0
        self._acked = 0
        self._free_at = 0.0

    def prepare(self, sock: socket.socket) -> None:
        """Set up a new connection: what is in flight on it stays small."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._free_at = 0.0
        self._acked = 0

    @property
    def piece(self) -> int:
        """How many bytes to send at once: about 50 ms of the rate."""
        return int(min(_MOST, max(_LEAST, self.rate * 0.05)))

    @property
    def news(self) -> float:
        """Bytes that must arrive between two judgements: the kernel smooths the round trip time over eight answers, and
        to act twice on the same queue would stop an upload that has long made room.
        """
        return min(6.0, max(2.0, self.rate / 6_000)) * 1_400

    def sent(self, count: int, sock: socket.socket, now: float | None = None) -> float:
        """After `count` bytes were handed over: return the seconds to wait before the next."""
        now = time.monotonic() if now is None else now
        if now - self._looked >= _EVERY_S:
            self._looked = now
            info = tcp_info(sock)
            if info is not None and info.rtt_s and info.acked - self._acked >= self.news:
                self._acked = info.acked
                self.judge(info.rtt_s, info.least_rtt_s, now)
        self._free_at = max(self._free_at, now - _EVERY_S) + count / self.rate
        return max(0.0, self._free_at - now)

    def judge(self, rtt_s: float, least_s: float, now: float) -> None:
        """Follow a measured round trip time and the least of its connection."""
        minute = int(now // 60)
        if not self._floors or self._floors[-1][0] != minute:
            self._floors.append((minute, least_s))
        self._floors[-1] = minute, min(self._floors[-1][1], least_s)
        self.delay_s = max(0.0, rtt_s - min(floor for _, floor in self._floors))
        off = max(-3.0, (TARGET_S - self.delay_s) / TARGET_S)
        gain = _QUICKLY if off < 0 or off > _EMPTY else _GENTLY
        change = 1 + gain * off
        self.rate = min(FASTEST, max(SLOWEST, self.rate * change))
