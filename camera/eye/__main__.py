"""The eye: `python -m camera.eye`, started by a group's process, which feeds it (`camera.eye.words`).

Ends when standard input closes; whoever starts it limits its memory. Log lines go to standard error. It has one thread:
what hangs in a decoder hangs the
whole eye, and the group's process, which waits for each answer, ends it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import select
import signal
import sys
import time
from typing import BinaryIO, cast

import cv2

from camera.eye.detector import Detector, OnnxDetector
from camera.eye.still import snapshot_of
from camera.eye.watch import CameraWatch
from camera.eye.words import (
    Look,
    Moved,
    Seen,
    Work,
    answer_message,
    ask_in,
    look_in,
    moved_message,
    run_in,
    seen_message,
)
from camera.model import CameraFault, Snapshot
from camera.settings import Detector as DetectorSettings
from camera.wire import Message, WireError, read_message

logger = logging.getLogger(__name__)

_NICE = 10
_TURN_S = 5.0
_BROKEN_OFF_S = 30.0


class Input:
    """Standard input, readable in whole pieces, that tells whether anything has come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def wait(self, limit_s: float) -> bool:
        """Tell whether something (or the end) came within `limit_s`."""
        return bool(select.select([self._descriptor], [], [], limit_s)[0])

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        parts, missing = [], size
        while missing and (part := os.read(self._descriptor, min(missing, 1 << 20))):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class Eye:
    """Answers the messages of a group's process."""

    def __init__(self, work: Work, out: BinaryIO) -> None:
        self._work, self._out = work, out
        self._watches: dict[str, CameraWatch] = {}
        self._looked: dict[str, float] = {}
        self._detectors: dict[DetectorSettings, Detector] = {}

    def run(self, messages: Input) -> None:
        """Answer until `messages` end. Raises `WireError`."""
        while True:
            if not messages.wait(_TURN_S):
                self._end_broken_off()
                continue
            message = read_message(cast(BinaryIO, messages))
            if message is None:
                break
            self._answer(message)
            self._end_broken_off()
        for watch in self._watches.values():
            self._tell(watch.broke_off())

    def _answer(self, message: Message) -> None:
        order = message.header.get("do")
        if order == "cut":
            if (watch := self._watches.get(str(message.header.get("camera")))) is not None:
                self._tell(watch.broke_off())
        elif order == "look":
            look = look_in(message)
            told, seen = self._look(look)
            self._tell(told)
            self._send(seen_message(seen))
        elif order == "snapshot":
            ask = ask_in(message)
            motion = self._work.get(ask.camera)
            answer: Snapshot | CameraFault
            try:
                answer = snapshot_of(ask.coded, ask.at, motion.masks if motion is not None else ())
            except CameraFault as fault:
                answer = fault
            self._send(answer_message(ask.id, answer))
        else:
            raise WireError(f"{order!r} is no order")

    def _look(self, look: Look) -> tuple[list[Moved], Seen]:
        settings = self._work.get(look.camera)
        if settings is None:
            return [], Seen(look.camera, look.number)
        watch = self._watches.get(look.camera)
        self._looked[look.camera] = time.monotonic()
        try:
            if watch is None:
                watch = self._watches[look.camera] = CameraWatch(look.camera, settings, self._open_detector)
            return watch.look(look)
        except Exception:  # the edge: one camera's odd picture must not end the looking at all others
            logger.exception("looking at a picture of %s failed", look.camera)
            self._watches.pop(look.camera, None)
            fault = "looking at the camera's picture failed, see the log"
            ended = watch.broke_off() if watch is not None else []
            return ended, Seen(look.camera, look.number, code="camera.no_picture", detail=fault)

    def _open_detector(self, settings: DetectorSettings) -> Detector:
        if settings not in self._detectors:
            self._detectors[settings] = OnnxDetector(settings)
        return self._detectors[settings]

    def _end_broken_off(self) -> None:
        now = time.monotonic()
        for camera, looked in list(self._looked.items()):
            if now - looked > _BROKEN_OFF_S:
                del self._looked[camera]
                if (watch := self._watches.get(camera)) is not None:
                    self._tell(watch.broke_off())

    def _tell(self, told: list[Moved]) -> None:
        for moved in told:
            self._send(moved_message(moved))

    def _send(self, message: Message) -> None:
        self._out.write(message.pack())
        self._out.flush()


def _set_up_process() -> BinaryIO:
    """Lower the priority, write no core, and keep standard output for messages alone."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it then closes our input
    cv2.setNumThreads(1)
    return out


def main() -> None:
    """Look at what standard input brings."""
    out = _set_up_process()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    messages = Input(sys.stdin.fileno())
    with contextlib.suppress(BrokenPipeError):
        first = read_message(cast(BinaryIO, messages))
        if first is not None:
            Eye(run_in(first), out).run(messages)


if __name__ == "__main__":
    main()
