"""Keep a camera's pictures coming: open the source, hand out what arrives, and try again when it fails."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence

from camera.board import FpsMeter, StatusBoard
from camera.frames import EncodedFrame, FrameSink
from camera.model import CameraFault
from camera.pull.backoff import STABLE_S, Backoff
from camera.pull.source import Source

logger = logging.getLogger(__name__)

KEY_FRAME_S = 30.0
"""Pictures without a key frame for as long are no picture: cameras send one every 1 to 10 s."""


class Puller:
    """Runs in a thread of its own, blocks there, and ends when `stop` is set. `progress_s` shows that it is alive."""

    def __init__(
        self, source: Source, sinks: Sequence[FrameSink], board: StatusBoard, stop: threading.Event, backoff: Backoff
    ) -> None:
        self._source, self._sinks, self._board, self._stop, self._backoff = source, sinks, board, stop, backoff
        self._streaming_since_s: float | None = None
        self.progress_s = time.monotonic()

    def run(self) -> None:
        """Pull until stopped."""
        while not self._stop.is_set():
            self.progress_s = time.monotonic()
            fault = self._pull_once()
            for sink in self._sinks:
                sink.cut()
            if fault is not None:
                self._failed(fault)

    def _pull_once(self) -> CameraFault | None:
        self._streaming_since_s = None
        try:
            with contextlib.closing(self._source()) as frames:
                self._pull(frames)
        except CameraFault as fault:
            return fault
        return None

    def _pull(self, frames: Iterator[EncodedFrame]) -> None:
        meter, waits_since_s = FpsMeter(), None
        for frame in frames:
            if self._stop.is_set():
                return
            now_s = self.progress_s = frame.arrived_s
            waits_since_s = now_s if frame.is_key or waits_since_s is None else waits_since_s
            if now_s - waits_since_s > KEY_FRAME_S:
                raise CameraFault("camera.no_picture", f"the camera sent no key frame for {KEY_FRAME_S:g} s")
            for sink in self._sinks:
                sink.feed(frame)
            self._board.seen(frame, meter.add(now_s))
            self._note_streaming(frame)

    def _note_streaming(self, frame: EncodedFrame) -> None:
        if self._streaming_since_s is None:
            if frame.is_key:
                self._streaming_since_s = frame.arrived_s
                self._board.streaming(frame.format)
        elif self._backoff.failures and frame.arrived_s - self._streaming_since_s >= STABLE_S:
            self._backoff.worked()
            self._board.stable()

    def _failed(self, fault: CameraFault) -> None:
        worked_s = 0.0 if self._streaming_since_s is None else self.progress_s - self._streaming_since_s
        self._streaming_since_s = None
        delay_s = self._backoff.failed(worked_s, fault.retry)
        logger.warning("%s; next try in %.0f s", fault, delay_s)
        self._board.failed(fault, self._backoff.failures)
        deadline_s = time.monotonic() + delay_s
        while not self._stop.is_set() and (rest_s := deadline_s - time.monotonic()) > 0:
            self.progress_s = time.monotonic()
            self._stop.wait(min(rest_s, 1.0))
