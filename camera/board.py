"""The one place inside a camera's process where its threads write what they do, and the status is read from."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraFault, CameraStatus, State


def utc_now() -> datetime:
    """Return the time now, aware UTC."""
    return datetime.now(UTC)


class FpsMeter:
    """Measures pictures per second over the last few seconds of arrivals."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._arrivals: deque[float] = deque(maxlen=1000)

    def add(self, arrived_s: float) -> float | None:
        """Count a picture; return the rate, None until two pictures came."""
        self._arrivals.append(arrived_s)
        while arrived_s - self._arrivals[0] > self._window_s and len(self._arrivals) > 2:
            self._arrivals.popleft()
        span = arrived_s - self._arrivals[0]
        return round((len(self._arrivals) - 1) / span, 2) if span > 0 else None


class StatusBoard:
    """Thread-safe. Faults of the stream hide faults of the recording: without pictures there is nothing to record."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._news = True
        self._status = CameraStatus(state="starting", since=now())
        self._stream_fault: CameraFault | None = None
        self._record_fault: CameraFault | None = None

    def read(self) -> CameraStatus:
        """Return the status now."""
        with self._changed:
            fault = self._stream_fault or self._record_fault
            return replace(self._status, code=fault.code if fault else None, detail=fault.detail if fault else None)

    def wait(self, timeout_s: float) -> CameraStatus:
        """Return the status when something changed that people wait for, or after `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._news, timeout_s)
            self._news = False
        return self.read()

    def streaming(self, video: VideoFormat) -> None:
        """The first key frame came."""
        with self._changed:
            self._stream_fault = None
            self._enter("streaming")
            main = replace(self._status.main, codec=video.codec, width=video.width, height=video.height)
            self._status = replace(self._status, main=main)

    def seen(self, frame: EncodedFrame, fps: float | None) -> None:
        """A picture came. Not news: the figures travel with the next report."""
        with self._changed:
            main = replace(self._status.main, last_frame_at=frame.at, fps=fps)
            self._status = replace(self._status, main=main)

    def failed(self, fault: CameraFault, attempts: int) -> None:
        """The source failed and will be tried again."""
        with self._changed:
            self._stream_fault = fault
            self._enter("retrying")
            self._status = replace(self._status, attempts=attempts, main=replace(self._status.main, fps=None))

    def stable(self) -> None:
        """It has streamed for so long that earlier failures are forgotten."""
        with self._changed:
            self._status = replace(self._status, attempts=0)

    def recording(self, on: bool, fault: CameraFault | None = None) -> None:
        """The recording began, ended or failed."""
        with self._changed:
            before = (self._status.recording, self._record_fault and self._record_fault.detail)
            self._record_fault = fault
            self._status = replace(self._status, recording=on)
            if before != (on, fault and fault.detail):
                self._tell()

    def recorded(self, size: int, deleted: int) -> None:
        """`size` more bytes are on the disk; `deleted` old files are gone in all."""
        with self._changed:
            total = self._status.bytes_recorded + size
            self._status = replace(self._status, bytes_recorded=total, segments_deleted=deleted)

    def dropped(self, frames: int) -> None:
        """`frames` more pictures are missing in the recording."""
        with self._changed:
            self._status = replace(self._status, frames_dropped=self._status.frames_dropped + frames)

    def _enter(self, state: State) -> None:
        if self._status.state != state:
            self._status = replace(self._status, state=state, since=self._now())
        self._tell()

    def _tell(self) -> None:
        self._news = True
        self._changed.notify_all()
