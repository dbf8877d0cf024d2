"""Times for live pictures: even as the camera counts them, and never away from when they arrive."""

from __future__ import annotations

from dataclasses import dataclass

from camera.frames import EncodedFrame

TICKS_PER_S = 90_000
"""Ticks of the times that come out; RTP's clock for video (RFC 3551, section 5)."""
_FIRST_S = 0.066
"""Between two pictures as long as nothing is known: 15 a second, a common default of cameras."""
_LONG_S = 1.0
"""A step of the camera's clock that is longer than this, and than twice what really went by, is a jump."""
_PULL = 0.05
"""Part of the distance to the arrivals that each picture makes good."""
_LEAST = 0.1
"""Of its usual length a picture keeps at least this."""
_SMOOTH = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture belongs, in ticks: when it is decoded, how much later it is shown, how long it stays."""

    dts: int
    delay: int
    duration: int


class LiveClock:
    """Gives each picture its place on a timeline that only runs forwards.

    A step is what the camera's own times say where they can be believed, else the usual one, and each is pulled a
    little towards the arrivals: a camera whose clock jumps, restarts, runs backwards or at half the speed can neither
    starve the viewer nor drift away from what happens now. What happened between streams is left out.
    """

    def __init__(self) -> None:
        self._last: EncodedFrame | None = None
        self._time_s = 0.0
        self._arrived_s = 0.0
        self._usual_s = _FIRST_S

    def cut(self) -> None:
        """What follows is another stream."""
        self._last = None

    def place(self, frame: EncodedFrame) -> Place:
        """Return the place of the next picture, in 1/90000 s."""
        last, self._last = self._last, frame
        if last is None:
            step_s = self._usual_s
            self._arrived_s = frame.arrived_s - (self._time_s + step_s)
        else:
            step_s = self._step(frame, last)
            behind_s = frame.arrived_s - self._arrived_s - (self._time_s + step_s)
            step_s = max(step_s + _PULL * behind_s, _LEAST * self._usual_s)
        before = round(self._time_s * TICKS_PER_S)
        self._time_s += step_s
        dts = max(round(self._time_s * TICKS_PER_S), before + 1)
        return Place(dts, self._delay(frame), max(1, round(self._usual_s * TICKS_PER_S)))

    def _step(self, frame: EncodedFrame, last: EncodedFrame) -> float:
        """Return the camera's own step, else the usual one."""
        now, before = _decode_time(frame), _decode_time(last)
        passed_s = frame.arrived_s - last.arrived_s
        if now is None or before is None or frame.format is not last.format:
            self._learn(passed_s)
            return self._usual_s
        step_s = (now - before) * float(frame.format.time_base)
        if not 0 < step_s <= max(_LONG_S, 2 * passed_s):
            self._learn(passed_s)
            return self._usual_s
        self._learn(step_s)
        return step_s

    def _learn(self, step_s: float) -> None:
        self._usual_s += _SMOOTH * (min(max(step_s, 0.001), _LONG_S) - self._usual_s)

    @staticmethod
    def _delay(frame: EncodedFrame) -> int:
        """Return how long after its decoding the picture is shown (above zero only with B frames)."""
        if frame.pts is None or frame.dts is None:
            return 0
        if frame.pts == frame.dts:
            return 0
        delay_s = (frame.pts - frame.dts) * float(frame.format.time_base)
        return round(delay_s * TICKS_PER_S) if 0 <= delay_s <= _LONG_S else 0


def _decode_time(frame: EncodedFrame) -> int | None:
    return frame.dts if frame.dts is not None else frame.pts
