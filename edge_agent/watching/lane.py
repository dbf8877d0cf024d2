"""The pieces of one stream on their way out: what comes too late is left out, up to a key frame."""

from collections import deque
from dataclasses import dataclass

from camera.model import LivePiece

JUMP_S = 0.3
"""When a key frame comes and pieces wait for longer than this, the key frame goes before them: they are left out."""
LATE_S = 0.9
"""Pieces that wait for longer are left out without that, and what follows up to the next key frame."""
MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Waiting:
    since_s: float
    piece: LivePiece


class Lane:
    """A queue that never lets a picture out whose forerunners were left out, and nothing much too late.

    `sent` counts bytes. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.dropped = 0
        self.heard_s: float | None = None
        self._init: LivePiece | None = None
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._needs_key = True

    @property
    def oldest_s(self) -> float | None:
        """Since when the first piece waits."""
        return self._queue[0].since_s if self._queue else None

    def put(self, piece: LivePiece, now_s: float) -> None:
        """Take the next piece from the camera."""
        self.heard_s = now_s
        if piece.kind == "init":
            self._init = piece  # goes out with the key frame that follows it
            return
        if piece.kind == "key":
            if self._queue and now_s - self._queue[0].since_s > JUMP_S:
                self._clear()
            self._needs_key = False
            if self._init is not None:
                self._append(self._init, now_s)
        if self._needs_key:
            self.dropped += 1
            return
        self._append(piece, now_s)
        self._leave_out_late(now_s)

    def take(self, now_s: float) -> LivePiece | None:
        """Return the next piece to be sent."""
        self._leave_out_late(now_s)
        if not self._queue:
            return None
        piece = self._queue.popleft().piece
        self._bytes -= len(piece.data)
        return piece

    def _append(self, piece: LivePiece, now_s: float) -> None:
        self._queue.append(_Waiting(now_s, piece))
        self._bytes += len(piece.data)

    def _leave_out_late(self, now_s: float) -> None:
        """Go on at the newest key frame that waits behind; without one, at the next that comes."""
        if not self._queue or (now_s - self._queue[0].since_s <= LATE_S and self._bytes <= MOST_BYTES):
            return
        inits = [place for place, waiting in enumerate(self._queue) if waiting.piece.kind == "init"]
        if not inits or inits[-1] == 0:
            self._clear()
            self._needs_key = True
            return
        for _ in range(inits[-1]):
            self._bytes -= len(self._queue.popleft().piece.data)
            self.dropped += 1

    def _clear(self) -> None:
        self.dropped += len(self._queue)
        self._queue.clear()
        self._bytes = 0
