"""Has a picture decoded now and then: that a stream arrives and is recorded says nothing of whether it can be seen."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraFault, Snapshot

logger = logging.getLogger(__name__)

EVERY_S = 3600
"""All cameras look in the same hour's beginning: the process that decodes is started once for all."""
_FAILURES = 2
"""So many key frames running must fail: one may have been spoiled on the way."""
_AGAIN_S, _AGAIN_MOST_S = 10.0, 600.0
"""A stream that does not decode is tried again after so long, twice as long each time."""
_PROVEN_S = 30.0
"""A stream that breaks off or changes all the time is looked at no more often."""
_UNANSWERED_S = 60.0

Reply = Callable[[Snapshot | CameraFault], None]


class Proof:
    """A `FrameSink` of a stream that nobody decodes: the first key frame, then one an hour."""

    def __init__(
        self, camera: str, look: Callable[[EncodedFrame, Reply], None], tell: Callable[[CameraFault | None], None]
    ) -> None:
        """`look` has a picture decoded and replies once, maybe from another thread; `tell` hears what it means."""
        self._camera, self._look, self._tell = camera, look, tell
        self._lock = threading.Lock()
        self._asked_s: float | None = None
        self._proven: tuple[VideoFormat, int] | None = None
        self._failures = 0
        self._next_s = 0.0

    def feed(self, frame: EncodedFrame) -> None:
        """Have a key frame looked at when it is time."""
        if frame.is_key and self._is_due(frame):
            proof = (frame.format, _hour())
            self._look(frame, lambda answer: self._answered(proof, answer))

    def cut(self) -> None:
        """What comes next may be better, or worse."""
        with self._lock:
            self._proven = None
            if self._failures:
                self._next_s = 0.0

    def _is_due(self, frame: EncodedFrame) -> bool:
        now_s = time.monotonic()
        with self._lock:
            proven = self._proven is not None and self._proven[0] is frame.format and self._proven[1] == _hour()
            waits = self._asked_s is not None and now_s - self._asked_s < _UNANSWERED_S
            if proven or waits or now_s < self._next_s:
                return False
            self._asked_s = now_s
            return True

    def _answered(self, proof: tuple[VideoFormat, int], answer: Snapshot | CameraFault) -> None:
        with self._lock:
            self._asked_s = None
            if isinstance(answer, CameraFault):
                self._failures += 1
                self._next_s = time.monotonic() + self._pause_s(answer)
                bad = answer.code != "camera.eye_died" and self._failures >= _FAILURES
            else:
                self._proven, self._failures, bad = proof, 0, False
                self._next_s = time.monotonic() + _PROVEN_S
        if not isinstance(answer, CameraFault):
            self._tell(None)
        elif bad:
            if self._failures == _FAILURES:
                logger.warning("%s sends pictures that cannot be decoded: %s", self._camera, answer)
            self._tell(CameraFault("camera.garbage", "its pictures cannot be decoded"))

    def _pause_s(self, fault: CameraFault) -> float:
        if fault.code == "camera.eye_died":  # maybe by another camera's picture
            return _AGAIN_MOST_S
        if self._failures < _FAILURES:
            return 0.0
        return min(_AGAIN_MOST_S, _AGAIN_S * 2.0 ** min(self._failures - _FAILURES, 10))


def _hour() -> int:
    return int(time.time() // EVERY_S)
