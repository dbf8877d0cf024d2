"""Pictures on their way to the eye: few of each camera, and never in the way of pulling and recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from camera.frames import EncodedFrame

ALL_WAITING = 30
"""Pictures of one camera that wait when every one is looked at; beyond, all up to the next key frame are left out."""
ALL_IN_HAND = 4


class Pending:
    """What of one camera waits for the eye. Not thread-safe: the watchman's lock guards it."""

    def __init__(self, frames: Literal["key", "all"]) -> None:
        self.most_in_hand = 1 if frames == "key" else ALL_IN_HAND
        self._key_only = frames == "key"
        self._queue: deque[EncodedFrame] = deque()
        self._needs_key = True
        self.dropped = 0

    def put(self, frame: EncodedFrame) -> None:
        """Take a picture in the place of an older one (key frames only), or in its order."""
        if frame.is_key and self._key_only:
            self.clear()
            self._queue.append(frame)
        elif not self._key_only and (frame.is_key or not self._needs_key):
            self._put_in_order(frame)

    def _put_in_order(self, frame: EncodedFrame) -> None:
        if len(self._queue) >= ALL_WAITING:
            self.clear()
        if frame.is_key or not self._needs_key:
            self._needs_key = False
            self._queue.append(frame)

    def take(self) -> EncodedFrame | None:
        """Return the next picture to look at."""
        return self._queue.popleft() if self._queue else None

    def clear(self) -> None:
        """Leave out what waits: the next picture to look at is a key frame."""
        self.dropped += len(self._queue)
        self._queue.clear()
        self._needs_key = True

    def __bool__(self) -> bool:
        """Whether a picture waits."""
        return bool(self._queue)


class EyeFeed:
    """A `FrameSink` for the stream of a camera that the eye looks at."""

    def __init__(self, key_only: bool, offer: Callable[[EncodedFrame | None], None]) -> None:
        """`offer` takes a picture, or None when the stream broke off."""
        self._key_only, self._offer = key_only, offer

    def feed(self, frame: EncodedFrame) -> None:
        """Offer a picture."""
        if frame.is_key or not self._key_only:
            self._offer(frame)

    def cut(self) -> None:
        """Tell that what follows does not continue what was offered."""
        self._offer(None)
