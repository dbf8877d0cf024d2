"""The process of one camera: `python -m camera.child`, started by `camera.client`.

The first message on standard input holds the configuration, with the password, which is thus in no argument and no
environment. Later messages are commands. Answers and the status, at least once a second, go out over standard output;
log lines, without secrets, over standard error. Ends when standard input closes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import BinaryIO

from camera.board import StatusBoard
from camera.frames import FrameSink, LatestKeyFrame
from camera.mask import Mask
from camera.model import CameraFault, GroupConfig
from camera.pull.backoff import Backoff
from camera.pull.puller import Puller
from camera.pull.source import source_of
from camera.recordings.recorder import Recorder
from camera.still import snapshot_of
from camera.wire import Message, WireError, read_message
from camera.words import snapshot_message, status_message, unwrap_config

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
"""How often the status is sent when nothing changes."""
FLUSH_LIMIT_S = 1.2
"""How long the end of a recording may take when the process is told to stop."""
_NICE = 5
_EXIT_BROKEN = 70


class Child:
    """Owns the threads of one camera's process: puller, recorder, reporter; commands run in the main thread."""

    def __init__(self, group: GroupConfig, out: BinaryIO) -> None:
        config = group.cameras[0]
        self._out = out
        self._out_lock = threading.Lock()
        self._stop = threading.Event()
        self._board = StatusBoard()
        self._latest = LatestKeyFrame()
        self._recorder = (
            Recorder(config, group.directory, group.disk, self._board) if config.record and group.directory else None
        )
        sinks: list[FrameSink] = [self._latest]
        if self._recorder is not None:
            sinks.append(self._recorder)
        self._puller = Puller(source_of(config, self._stop), sinks, self._board, self._stop, Backoff())
        # Longer than any wait of the puller that is in order: opening, asking what is wrong, a slow name server.
        self._stuck_s = 4 * config.timeout_s + 60

    def run(self, commands: BinaryIO) -> None:
        """Work until `commands` closes. Raises `WireError`."""
        if self._recorder is not None:
            self._recorder.start()
        for work in (self._puller.run, self._report):
            threading.Thread(target=_or_die, args=(work,), name=work.__qualname__, daemon=True).start()
        while (message := read_message(commands)) is not None:
            if message.header.get("do") == "snapshot":
                self._send(self._snapshot(message.header.get("id")))

    def close(self) -> None:
        """Stop pulling and finish the recording, within `FLUSH_LIMIT_S`."""
        self._stop.set()
        if self._recorder is not None:
            self._recorder.close(FLUSH_LIMIT_S)

    def _snapshot(self, request: object) -> Message:
        try:
            frame = self._latest.get()
            if frame is None:
                status = self._board.read()
                raise CameraFault(status.code or "camera.no_picture", status.detail or "the camera sent no picture yet")
            return snapshot_message(request, snapshot_of(frame))
        except CameraFault as fault:
            return snapshot_message(request, fault)

    def _report(self) -> None:
        while not self._stop.is_set():
            self._send(status_message(self._board.wait(HEARTBEAT_S)))
            if time.monotonic() - self._puller.progress_s > self._stuck_s:
                raise RuntimeError("the puller is stuck inside a library")

    def _send(self, message: Message) -> None:
        with self._out_lock:
            self._out.write(message.pack())
            self._out.flush()


def _or_die(work: Callable[[], None]) -> None:
    """Run a thread's work. A mistake in it ends the process, which its supervisor tells and starts again."""
    try:
        work()
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more
    except Exception:
        logger.exception("%s failed", work.__qualname__)
        os._exit(_EXIT_BROKEN)


class _MaskedFormatter(logging.Formatter):
    def __init__(self, mask: Mask) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _set_up_process() -> BinaryIO:
    """Lower the priority, forbid core dumps (they hold the password), and keep standard output for messages alone."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it then closes our input
    signal.signal(signal.SIGTERM, _leave)
    return out


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Run the camera that standard input describes."""
    out = _set_up_process()
    commands = sys.stdin.buffer
    first = read_message(commands)
    if first is None:
        return
    config = unwrap_config(first)
    handler = logging.StreamHandler()
    handler.setFormatter(_MaskedFormatter(Mask.of(config.cameras)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    child = Child(config, out)
    try:
        with contextlib.suppress(BrokenPipeError, WireError):
            child.run(commands)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child.close()
        # The puller may sit inside libav for seconds more: nothing of it needs saving, so do not wait for it.
        os._exit(0)


if __name__ == "__main__":
    main()
