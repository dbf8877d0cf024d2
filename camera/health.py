"""What is measured of a stream: pictures and bits per second, length of its groups, the camera's clock.

Written by the thread that pulls the stream, once per picture, so it costs a few additions; read by any thread.
"""

from __future__ import annotations

from collections import deque

from camera.frames import EncodedFrame
from camera.model import StreamStatus

_MARK_S = 1.0
_MARKS = 6
"""Rates are measured over the last five to six marks."""
_CLOCK_SAMPLES = 8
_EARLIEST_CLOCK_S = 946_684_800.0
"""2000-01-01: a camera that tells less does not know the time, or counts from its start."""


class StreamMeter:
    """Measures one stream."""

    def __init__(self) -> None:
        self._reconnects = 0
        self._forget()

    def _forget(self) -> None:
        self._frames, self._bytes = 0, 0
        self._marks: deque[tuple[float, int, int]] = deque(maxlen=_MARKS)
        self._last: EncodedFrame | None = None
        self._key_s: float | None = None
        self._gop_s: float | None = None
        self._rates: tuple[float | None, float | None] = (None, None)

    def seen(self, frame: EncodedFrame) -> None:
        """Count a picture."""
        self._frames += 1
        self._bytes += len(frame.data)
        self._last, now_s = frame, frame.arrived_s
        if frame.is_key:
            self._gop_s = round(now_s - self._key_s, 2) if self._key_s is not None else None
            self._key_s = now_s
        if not self._marks or now_s - self._marks[-1][0] >= _MARK_S:
            self._mark(now_s)

    def _mark(self, now_s: float) -> None:
        self._marks.append((now_s, self._frames, self._bytes))
        since_s, frames, size = self._marks[0]
        if (span_s := now_s - since_s) > 0:
            self._rates = (
                round((self._frames - frames) / span_s, 2),
                round((self._bytes - size) * 8 / 1000 / span_s, 1),
            )

    def broke(self) -> None:
        """The stream ended: what was measured holds no longer."""
        last = self._last
        self._reconnects += self._frames > 0
        self._forget()
        self._last = last

    def read(self) -> StreamStatus:
        """Return the figures of now."""
        last, (fps, kbit_s) = self._last, self._rates
        if last is None:
            return StreamStatus(reconnects=self._reconnects)
        return StreamStatus(
            codec=last.format.codec,
            width=last.format.width,
            height=last.format.height,
            fps=fps,
            kbit_s=kbit_s,
            gop_s=self._gop_s,
            last_frame_at=last.at,
            reconnects=self._reconnects,
        )


class CameraClock:
    """Compares the camera's clock with ours, by the times that it tells with its pictures.

    A picture arrives later than it was taken, never earlier: of the last samples the one with the least delay counts.
    """

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=_CLOCK_SAMPLES)

    def seen(self, frame: EncodedFrame) -> None:
        """Take the time that a picture carries, if it does."""
        if frame.camera_s is not None and frame.camera_s >= _EARLIEST_CLOCK_S:
            self._samples.append(frame.camera_s - frame.at.timestamp())

    def error_s(self) -> float | None:
        """Return the camera's clock minus ours in seconds; None when it does not tell."""
        samples = tuple(self._samples)
        return round(max(samples), 2) if samples else None

    def forget(self) -> None:
        """The connection ended: the camera may be another one, or have set its clock."""
        self._samples.clear()
