"""What waits for one viewer: little, and never old. A slow viewer skips to the newest key frame.

The viewer tells which pieces have come. From that follows how fast the way is, and what is on the way is bounded to a
moment of it: so no buffer between here and the page (the kernel's, a proxy's, the mobile network's) fills with video.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.contract.watching import VideoPiece

WINDOW_S = 0.35
"""Nothing further is sent while something is on the way for longer, beyond the way's own round trip; nor while more
bytes are on the way than get through in this time."""
LEAST_BYTES = 6_000
FIRST_BYTES = 16_000
"""May be on the way as long as nothing is known of it."""
MEMORY_S = 4.0
"""The fastest of this time counts: what is sent slowly because the camera has no more tells nothing of the way."""
STALE_S = 0.15
"""When a key frame comes, pictures that have waited longer are left out."""
BEHIND_S = 0.8
"""Pictures that have waited so long are left out, up to the next key frame."""
MOST_WAITING = 3000
"""Pieces; more than any group of pictures that is kept."""
LOST_S = 20.0
"""A viewer that has taken nothing for so long is gone."""


@dataclass(slots=True)
class _Waiting:
    piece: VideoPiece
    since: float


@dataclass(slots=True)
class _OnWay:
    number: int
    bytes: int
    since: float
    come: int
    """Bytes that had come when it was sent."""


class Outgoing:
    """Pieces and notes on their way to one viewer. All times are monotonic seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._notes: deque[str] = deque(maxlen=20)
        self._waiting: deque[_Waiting] = deque()
        self._on_way: deque[_OnWay] = deque()
        self._bytes = 0
        self._come = 0
        self._rates: deque[tuple[float, float]] = deque()
        self._sent = 0
        self._trip = 0.0
        self._hole = False
        self._changed = asyncio.Event()
        self.left_out = 0
        """Pictures that this viewer was too slow for."""

    def note(self, text: str) -> None:
        """A message in words; it passes all pictures."""
        self._notes.append(text)
        self._changed.set()

    def put(self, piece: VideoPiece) -> None:
        """Take the next piece. Deltas come only behind their key frame; what is too late is left out."""
        now = self._now()
        if piece.kind == "init":
            self._drop(keep_init=False)
            self._hole = True
        elif piece.kind == "key":
            if self._age(now) > STALE_S:
                self._drop()
            self._hole = False
        elif self._hole:
            self.left_out += 1
            return
        elif self._age(now) > BEHIND_S or len(self._waiting) >= MOST_WAITING:
            self._drop()
            self._hole = True
            self.left_out += 1
            return
        self._waiting.append(_Waiting(piece, now))
        self._changed.set()

    async def next(self) -> str | tuple[int, VideoPiece]:
        """Await what may be sent now: a note, or a piece with its running number. Raises TimeoutError: viewer gone."""
        while True:
            if self._notes:
                return self._notes.popleft()
            now = self._now()
            if self._waiting and not self._is_full(now):
                piece = self._waiting.popleft().piece
                self._sent += 1
                self._on_way.append(_OnWay(self._sent, len(piece.data), now, self._come))
                self._bytes += len(piece.data)
                return self._sent, piece
            if self._on_way and now - self._on_way[0].since > LOST_S:
                raise TimeoutError
            self._changed.clear()
            await self._wait()

    def came(self, number: int) -> None:
        """The viewer has this piece, and all before it."""
        now = self._now()
        while self._on_way and self._on_way[0].number <= number:
            sent = self._on_way.popleft()
            trip = max(now - sent.since, 1e-4)
            self._trip = min(self._trip, trip) if self._trip else trip
            self._bytes -= sent.bytes
            self._come += sent.bytes
            self._measure(now, (self._come - sent.come) / trip)
        self._changed.set()

    def _measure(self, now: float, rate: float) -> None:
        """Keep the rates that no later one exceeds: the first is the fastest."""
        while self._rates and self._rates[-1][1] <= rate:
            self._rates.pop()
        self._rates.append((now, rate))
        while self._rates[0][0] < now - MEMORY_S:
            self._rates.popleft()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOST_S / 4):
                await self._changed.wait()
        except TimeoutError:
            return

    def _is_full(self, now: float) -> bool:
        if not self._on_way:
            return False
        window = WINDOW_S + 1.5 * self._trip
        most = max(LEAST_BYTES, self._rates[0][1] * window) if self._rates else FIRST_BYTES
        return now - self._on_way[0].since > window or self._bytes >= most

    def _age(self, now: float) -> float:
        """How long the oldest picture waits that is not a part of the description."""
        return next((now - w.since for w in self._waiting if w.piece.kind != "init"), 0.0)

    def _drop(self, keep_init: bool = True) -> None:
        kept = [w for w in self._waiting if keep_init and w.piece.kind == "init"]
        self.left_out += len(self._waiting) - len(kept)
        self._waiting = deque(kept)
