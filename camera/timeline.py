"""Give the pictures of a file steady times, whatever the camera's clock does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from camera.frames import EncodedFrame, VideoFormat

TICKS_PER_S = 90_000
"""Ticks of the times that come out; RTP's clock for video (RFC 3551, section 5)."""
TIME_BASE = Fraction(1, TICKS_PER_S)

_BELIEVED_S = 10
"""A step between two pictures longer than this, or backwards, is a jump of the camera's clock."""
_APART = 5 * TICKS_PER_S
"""So far may the camera's clock run away from the arrivals: the index knows only when a file begins."""
_USUAL_TICKS = TICKS_PER_S // 15
"""Length of a picture when the stream tells none: 15 a second, a common default of cameras."""


@dataclass(slots=True)
class Place:
    """Where a picture belongs, in ticks from the first one. Never changed; made for every picture, so not frozen."""

    dts: int
    pts: int
    duration: int


class Timeline:
    """Counts from zero and only forwards. Jumps of the source's clock are replaced by the time between arrivals."""

    def __init__(self) -> None:
        self._last: EncodedFrame | None = None
        self._format: VideoFormat | None = None
        self._scale = 1.0
        self._begun_s = 0.0
        self._dts = 0
        self._step = _USUAL_TICKS

    def place(self, frame: EncodedFrame) -> Place:
        """Return the place of the next picture."""
        if frame.format is not self._format:
            self._format, self._scale = frame.format, float(frame.format.time_base * TICKS_PER_S)
        if self._last is None:
            self._begun_s = frame.arrived_s
        else:
            self._dts += self._together(frame, self._last, self._step_to(frame, self._last))
        self._last = frame
        duration = round(frame.duration * self._scale)
        self._step = duration if 0 < duration <= _BELIEVED_S * TICKS_PER_S else self._step
        return Place(self._dts, self._dts + self._delay(frame), self._step)

    def _step_to(self, frame: EncodedFrame, last: EncodedFrame) -> int:
        now, before = _decode_time(frame), _decode_time(last)
        if now is None or before is None or frame.format is not last.format:
            return self._step
        step = round((now - before) * self._scale)
        if 0 < step <= _BELIEVED_S * TICKS_PER_S:
            return step
        return _arrivals(frame, last)

    def _together(self, frame: EncodedFrame, last: EncodedFrame, step: int) -> int:
        """Hold a clock that runs slow or fast near the arrivals. Network jitter is far below what is allowed."""
        behind = round((frame.arrived_s - self._begun_s) * TICKS_PER_S) - (self._dts + step)
        if behind > _APART:
            return step + behind
        if behind < -_APART:
            return max(1, min(step, _arrivals(frame, last)) // 2)
        return step

    def _delay(self, frame: EncodedFrame) -> int:
        """Return how long after its decoding the picture is shown (above zero only with B frames)."""
        if frame.pts is None or frame.dts is None:
            return 0
        delay = round((frame.pts - frame.dts) * self._scale)
        return delay if 0 <= delay <= _BELIEVED_S * TICKS_PER_S else 0


def _arrivals(frame: EncodedFrame, last: EncodedFrame) -> int:
    return max(1, round((frame.arrived_s - last.arrived_s) * TICKS_PER_S))


def _decode_time(frame: EncodedFrame) -> int | None:
    return frame.dts if frame.dts is not None else frame.pts
