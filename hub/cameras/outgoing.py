"""What waits for one viewer: little, and never old. A slow viewer skips to the newest key frame.

The viewer tells which pieces have come. What is on the way is bounded by time, not by bytes: so no buffer between
here and the page (the kernel's, a proxy's, the mobile network's) can hold more than a moment of video.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.contract.watching import VideoPiece

WINDOW_S = 0.35
"""Nothing further is sent while something is on the way for longer, beyond the way's own round trip."""
STALE_S = 0.15
"""When a key frame comes, pictures that have waited longer are left out."""
BEHIND_S = 1.0
"""Pictures that have waited so long are left out, up to the next key frame."""
MOST_WAITING = 3000
"""Pieces; more than any group of pictures that is kept."""
LOST_S = 20.0
"""A viewer that has taken nothing for so long is gone."""


@dataclass(slots=True)
class _Waiting:
    piece: VideoPiece
    since: float


class Outgoing:
    """Pieces and notes on their way to one viewer. All times are monotonic seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._notes: deque[str] = deque(maxlen=20)
        self._waiting: deque[_Waiting] = deque()
        self._on_way: deque[tuple[int, float]] = deque()
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
                self._on_way.append((self._sent, now))
                return self._sent, piece
            if self._on_way and now - self._on_way[0][1] > LOST_S:
                raise TimeoutError
            self._changed.clear()
            await self._wait()

    def came(self, number: int) -> None:
        """The viewer has this piece, and all before it."""
        now = self._now()
        while self._on_way and self._on_way[0][0] <= number:
            trip = now - self._on_way.popleft()[1]
            self._trip = min(self._trip, trip) if self._trip else trip
        self._changed.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOST_S / 4):
                await self._changed.wait()
        except TimeoutError:
            return

    def _is_full(self, now: float) -> bool:
        return bool(self._on_way) and now - self._on_way[0][1] > WINDOW_S + 1.5 * self._trip

    def _age(self, now: float) -> float:
        """How long the oldest picture waits that is not a part of the description."""
        return next((now - w.since for w in self._waiting if w.piece.kind != "init"), 0.0)

    def _drop(self, keep_init: bool = True) -> None:
        kept = [w for w in self._waiting if keep_init and w.piece.kind == "init"]
        self.left_out += len(self._waiting) - len(kept)
        self._waiting = deque(kept)
