"""Keep a camera's pictures coming: open the source, hand out what arrives, and try again when it fails."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from camera.frames import EncodedFrame, FrameSink
from camera.health import CameraClock, StreamMeter
from camera.model import CameraFault
from camera.pull.backoff import STABLE_S, Backoff
from camera.pull.rtsp import KEY_FRAME_S
from camera.pull.source import Source

logger = logging.getLogger(__name__)

PROBE_EVERY_S = 0.15
"""How often a camera that is away is asked whether it answers again. It costs a try to connect."""
_PATIENT_AFTER_S = 600.0
_PATIENT_EVERY_S = 1.0
"""After ten minutes it is asked less often."""
_PRESENT_EVERY_S = 5.0
"""How often one that does answer, but gives no pictures, is asked whether it still does."""


class PullStatus(Protocol):
    """Is told how a stream goes."""

    def streaming(self) -> None:
        """The first key frame came."""

    def failed(self, fault: CameraFault, attempts: int) -> None:
        """It failed and will be tried again."""

    def stable(self) -> None:
        """It has streamed for so long that earlier failures are forgotten."""


class Puller:
    """Runs in a thread of its own, blocks there, and ends when `stop` is set. `progress_s` shows that it is alive."""

    def __init__(
        self,
        source: Source,
        sinks: Sequence[FrameSink],
        status: PullStatus,
        meter: StreamMeter,
        stop: threading.Event,
        backoff: Backoff,
        clock: CameraClock | None = None,
    ) -> None:
        self._source, self._sinks, self._status, self._meter = source, sinks, status, meter
        self._stop, self._backoff, self._clock = stop, backoff, clock or CameraClock()
        self._streaming_since_s: float | None = None
        self.progress_s = time.monotonic()

    def run(self) -> None:
        """Pull until stopped."""
        while not self._stop.is_set():
            self._wait_turn()
            self.progress_s = time.monotonic()
            fault = self._pull_once()
            for sink in self._sinks:
                sink.cut()
            self._meter.broke()
            self._clock.forget()
            if fault is not None:
                self._failed(fault)

    def _wait_turn(self) -> None:
        """Wait while the camera's account must be let alone."""
        while not self._stop.is_set() and (wait_s := self._backoff.account.turn_s()) > 0:
            self._wait(min(wait_s, 1.0))

    def _pull_once(self) -> CameraFault | None:
        self._streaming_since_s = None
        try:
            with contextlib.closing(self._source.open()) as frames:
                self._pull(frames)
        except CameraFault as fault:
            return fault
        except Exception as error:  # one camera's strange stream must not end the process of the others
            logger.exception("a stream is given up by a mistake of ours")
            return CameraFault("camera.garbage", f"its pictures are not understood ({type(error).__name__})")
        return None

    def _pull(self, frames: Iterator[EncodedFrame]) -> None:
        waits_since_s, sinks, meter, stop = None, self._sinks, self._meter, self._stop
        for frame in frames:
            if stop.is_set():
                return
            now_s = self.progress_s = frame.arrived_s
            if frame.is_key or waits_since_s is None:
                waits_since_s = now_s
                self._clock.seen(frame)
            elif now_s - waits_since_s > KEY_FRAME_S:
                raise CameraFault("camera.no_key_frame", f"the camera sent no key frame for {KEY_FRAME_S:g} s")
            meter.seen(frame)
            for sink in sinks:
                sink.feed(frame)
            self._note_streaming(frame)

    def _note_streaming(self, frame: EncodedFrame) -> None:
        if self._streaming_since_s is None:
            if frame.is_key:
                self._streaming_since_s = frame.arrived_s
                self._backoff.account.accepted()
                self._status.streaming()
        elif self._backoff.failures and frame.arrived_s - self._streaming_since_s >= STABLE_S:
            self._backoff.worked()
            self._status.stable()

    def _failed(self, fault: CameraFault) -> None:
        worked_s = 0.0 if self._streaming_since_s is None else self.progress_s - self._streaming_since_s
        self._streaming_since_s = None
        delay_s = self._backoff.failed(worked_s, fault.retry)
        logger.warning("%s; next try in %.0f s", fault, delay_s)
        self._status.failed(fault, self._backoff.failures)
        if fault.code == "camera.unauthorised":
            self._backoff.account.refused()
        if fault.retry:
            self._wait_probing(fault, delay_s)
        else:  # a wrong password, say: repeated quickly, it locks the camera's account
            self._wait(delay_s)

    def _wait(self, delay_s: float) -> None:
        deadline_s = time.monotonic() + delay_s
        while not self._stop.is_set() and (rest_s := deadline_s - time.monotonic()) > 0:
            self.progress_s = time.monotonic()
            self._stop.wait(min(rest_s, 1.0))

    def _wait_probing(self, fault: CameraFault, delay_s: float) -> None:
        """Wait, but no longer than until a camera that was away answers again."""
        begin_s = time.monotonic()
        away = False
        while not self._stop.is_set():
            self.progress_s = now_s = time.monotonic()
            answer, rest_s = self._source.probe(), begin_s + delay_s - now_s
            if answer is None and away:
                self._backoff.came_back()
            if answer is None and (away or rest_s <= 0):
                return
            if answer is not None:
                away = True
                if answer.code != fault.code:
                    fault = answer
                    self._status.failed(fault, self._backoff.failures)
            self._stop.wait(_until_probe(away, now_s - begin_s, rest_s))


def _until_probe(away: bool, waited_s: float, rest_s: float) -> float:
    if not away:
        return min(rest_s, _PRESENT_EVERY_S)
    return PROBE_EVERY_S if waited_s < _PATIENT_AFTER_S else _PATIENT_EVERY_S
