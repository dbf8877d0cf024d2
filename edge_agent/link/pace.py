"""How much more may be handed to a connection so that whatever comes next is soon through."""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from time import monotonic

from edge_agent.tcpinfo import tcp_info

_AHEAD_S = 0.1
"""What is handed over ahead of time: an answer to a command waits that long behind pictures."""
_LEAST, _MOST = 3 * 1024, 256 * 1024
_FIRST_BYTES_S = 125_000.0
"""A megabit a second, until something was measured."""
_SLOWEST, _FASTEST = 2_000.0, 12_500_000.0
_MORE = 1.25
"""What was full and is empty at the next look carries more: by so much each time, as a buffer may have hidden it."""
_LOOK_S = 0.25
_SMOOTH = 0.4


class Pace:
    """Watches one TCP connection: how fast it carries away what it is given, and what it still holds."""

    def __init__(self, sock: socket.socket, now: Callable[[], float] = monotonic) -> None:
        self._sock = sock
        self._now = now
        self.bytes_s = _FIRST_BYTES_S
        self._looked_s = now()
        self._acked: int | None = None
        self._busy = self._full = False

    def room(self) -> int:
        """Return how many bytes may be handed over now; 0 or less: none. Raises OSError when it is closed."""
        held: int = struct.unpack("=i", fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        least_rtt_s = self._measure(held)
        if self._full and not held:
            self.bytes_s = min(self.bytes_s * _MORE, _FASTEST)
        room = round(min(max(self.bytes_s * (_AHEAD_S + least_rtt_s), _LEAST), _MOST)) - held
        self._full = room <= 0
        return room

    def _measure(self, held: int) -> float:
        """Learn the speed four times a second; returns the shortest way there and back, in seconds."""
        info = tcp_info(self._sock)
        if info is None:  # the first guess stays
            return 0.0
        passed_s = self._now() - self._looked_s
        if self._acked is None or passed_s >= _LOOK_S:
            if self._acked is not None:
                self._learn((info.acked - self._acked) / passed_s, busy=self._busy and passed_s < 4 * _LOOK_S)
            self._acked, self._looked_s, self._busy = info.acked, self._now(), True
        self._busy = self._busy and held > 0
        return min(info.least_rtt_s, 1.0)

    def _learn(self, bytes_s: float, *, busy: bool) -> None:
        """What an idle connection carried says only that it can carry as much."""
        if busy:
            self.bytes_s = max(self.bytes_s + _SMOOTH * (bytes_s - self.bytes_s), _SLOWEST)
        else:
            self.bytes_s = max(self.bytes_s, bytes_s)
