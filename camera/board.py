"""The one place inside a group's process where the threads of a camera write what they do, and its status is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from camera.health import CameraClock, StreamMeter
from camera.model import CameraFault, CameraStatus, Deleted, Picture, State


def utc_now() -> datetime:
    """Return the time now, aware UTC."""
    return datetime.now(UTC)


def _ignore(_deleted: Deleted) -> None:
    """For whoever does not ask what was deleted."""


class StatusBoard:
    """Thread-safe. Faults of the stream hide those of its pictures, then come the recording, the sub stream, the eye.

    `main`, `sub` and `clock` are measured by their puller alone and read without a lock. `news` is set when something
    changed that people wait for; figures are no news.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = utc_now,
        news: threading.Event | None = None,
        tell_deleted: Callable[[Deleted], None] = _ignore,
    ) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._tell_deleted = tell_deleted
        self._status = CameraStatus(state="starting", since=now())
        self._stream_fault: CameraFault | None = None
        self._decode_fault: CameraFault | None = None
        self._record_fault: CameraFault | None = None
        self._eye_fault: CameraFault | None = None
        self._sub_on = False
        self._sub_fault: CameraFault | None = None
        self.news = news or threading.Event()
        self.main, self.sub, self.clock = StreamMeter(), StreamMeter(), CameraClock()

    def read(self) -> CameraStatus:
        """Return the status now."""
        with self._lock:
            faults = (
                self._stream_fault,
                self._decode_fault,
                self._record_fault,
                self._sub_fault,
                self._eye_fault,
            )
            fault = next(filter(None, faults), None)
            return replace(
                self._status,
                code=fault.code if fault else None,
                detail=fault.detail if fault else None,
                main=self.main.read(),
                sub=self.sub.read() if self._sub_on else None,
                clock_error_s=self.clock.error_s(),
            )

    def streaming(self) -> None:
        """The first key frame of the main stream came."""
        with self._lock:
            self._stream_fault = None
            self._enter("streaming")

    def failed(self, fault: CameraFault, attempts: int) -> None:
        """The main stream failed and will be tried again."""
        with self._lock:
            self._stream_fault = fault
            self._status = replace(self._status, attempts=attempts, moving=None)
            self._enter("retrying")

    def stable(self) -> None:
        """It has streamed for so long that earlier failures are forgotten."""
        with self._lock:
            self._status = replace(self._status, attempts=0)

    def sub_stream(self, on: bool, fault: CameraFault | None = None) -> None:
        """The sub stream is pulled or let go, or failed."""
        with self._lock:
            self._sub_on, self._sub_fault = on, fault
            self.news.set()

    def recording(self, on: bool, fault: CameraFault | None = None) -> None:
        """The recording began, ended or failed."""
        with self._lock:
            before = (self._status.recording, self._record_fault and self._record_fault.detail)
            self._record_fault = fault
            self._status = replace(self._status, recording=on)
            if before != (on, fault and fault.detail):
                self.news.set()

    def recorded(self, size: int, deleted: int) -> None:
        """`size` more bytes are on the disk; `deleted` old files are gone in all."""
        with self._lock:
            total = self._status.bytes_recorded + size
            self._status = replace(self._status, bytes_recorded=total, segments_deleted=deleted)

    def dropped(self, frames: int) -> None:
        """`frames` more pictures are missing in the recording."""
        with self._lock:
            self._status = replace(self._status, frames_dropped=self._status.frames_dropped + frames)

    def kept(self, oldest: datetime | None, days_left: float | None) -> None:
        """Where the recording begins, and the days for which the limits have room; about once a minute."""
        with self._lock:
            self._status = replace(self._status, oldest=oldest, days_left=days_left)

    def deleted(self, deleted: Deleted) -> None:
        """Video had to go before its days were over."""
        self._tell_deleted(deleted)

    def looked(self, moving: bool | None, picture: Picture | None, since: datetime | None) -> None:
        """The eye has looked at a picture."""
        with self._lock:
            if self._stream_fault is not None:
                moving = None  # it was still on its way when the stream broke off
            before = (self._status.moving, self._status.picture)
            self._status = replace(self._status, moving=moving, picture=picture, picture_since=since)
            if before != (moving, picture):
                self.news.set()

    def decoded(self, fault: CameraFault | None) -> None:
        """A picture of the main stream was decoded, or none can be."""
        with self._lock:
            if (fault is None) != (self._decode_fault is None):
                self._decode_fault = fault
                self.news.set()

    def eye(self, fault: CameraFault | None) -> None:
        """The eye looks, or cannot."""
        with self._lock:
            if (fault and fault.detail) != (self._eye_fault and self._eye_fault.detail):
                self._eye_fault = fault
                if fault is not None:
                    self._status = replace(self._status, moving=None)
                self.news.set()

    def _enter(self, state: State) -> None:
        if self._status.state != state:
            self._status = replace(self._status, state=state, since=self._now())
        self.news.set()
