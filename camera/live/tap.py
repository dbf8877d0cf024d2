"""The live view's tap on a stream: nearly free while nobody looks, one fMP4 piece per picture while somebody does."""

from __future__ import annotations

from collections.abc import Callable

from camera.frames import EncodedFrame
from camera.model import LivePiece, Stream

Send = Callable[[LivePiece], bool]
"""Takes a piece without blocking; False when there is no room: the tap then leaves out up to the next key frame."""


class LiveTap:
    """A `FrameSink`. `feed` and `cut` come from the puller's thread, `begin` and `end` from another."""

    def __init__(self, camera: str, stream: Stream, send: Send) -> None:
        raise NotImplementedError

    def begin(self) -> None:
        """Send from now on: init, the newest key frame, what followed, then each picture as it arrives.

        Called again while on, all that is sent again, with the same epoch and numbers.
        """
        raise NotImplementedError

    def end(self) -> None:
        """Send no more."""
        raise NotImplementedError

    def feed(self, frame: EncodedFrame) -> None:
        """Take the next picture."""
        raise NotImplementedError

    def cut(self) -> None:
        """The stream broke off: what was kept is old."""
        raise NotImplementedError
