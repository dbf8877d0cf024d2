"""The process of a group of cameras: `python -m camera.child`, started by `camera.group`.

The first message on standard input holds the configuration, with the passwords, which are thus in no argument and no
environment. Later messages are commands. Answers, events, live pieces and the statuses, at least once a second, go out
over standard output; log lines, without secrets, over standard error. Ends when standard input closes.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import BinaryIO

from camera.eye.words import Seen
from camera.mask import Mask
from camera.model import CameraFault, GroupConfig, MotionEvent, Stream
from camera.outbox import Outbox
from camera.pull.account import Account
from camera.recordings.catalogue import Catalogue
from camera.station import Station
from camera.watchman import Watchman
from camera.wire import Message, WireError, read_message
from camera.words import flush_limit_s, held_in, motion_message, snapshot_message, unwrap_config

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
"""How often the statuses are sent when nothing changes that people wait for."""
NEWS_S = 0.05
"""News that come closer together travel together."""
STUCK_S = 240.0
"""Longer than any wait of a puller that is in order: opening, asking what is wrong, waiting for a key frame."""
STACK_BYTES = 512 * 1024
"""Of each thread. libav's and SQLite's deepest calls take a tenth of it; the usual 8 MB count towards the limit."""
MEMORY_MB, MEMORY_PER_CAMERA_MB = 150, 16
"""The usual limit of the group's process, twice and more what was measured."""
EYE_MEMORY_MB, EYE_MEMORY_PER_CAMERA_MB = 300, 24
_NICE = 5
_EXIT_BROKEN = 70


class Child:
    """Owns what the cameras share: the way to the agent, the eye, the reporter. Commands run in the main thread."""

    def __init__(self, group: GroupConfig, held: Mapping[str, float], out: BinaryIO) -> None:
        """`held`: seconds for which accounts that a camera refused are let alone."""
        self._outbox = Outbox(out)
        self._flush_s = flush_limit_s(group)
        self._news = threading.Event()
        self._stop = threading.Event()
        self._catalogue = Catalogue.of(group.directory) if group.directory is not None else None
        eye_mb = group.memory_mb or EYE_MEMORY_MB + EYE_MEMORY_PER_CAMERA_MB * len(group.cameras)
        self._watchman = Watchman(group, self, _run_thread, eye_mb << 20)
        self._stations = {
            config.id: Station(
                config,
                group,
                self._outbox,
                self._watchman,
                self._news,
                _run_thread,
                Account(held.get(config.id, 0.0)),
            )
            for config in group.cameras
        }

    def run(self, commands: BinaryIO) -> None:
        """Work until `commands` closes. Raises `WireError`."""
        _run_thread("outbox", self._outbox.run)
        _run_thread("reporter", self._report)
        _run_thread("watchman", self._watchman.run)
        for station in self._stations.values():
            station.start()
        while (message := read_message(commands)) is not None:
            self._do(message)

    def close(self) -> None:
        """Stop pulling and finish the recordings, within `flush_limit_s`."""
        self._stop.set()
        closing = [
            threading.Thread(target=station.close, args=(self._flush_s,), daemon=True)
            for station in self._stations.values()
        ]
        for thread in closing:
            thread.start()
        self._watchman.close()
        deadline_s = time.monotonic() + self._flush_s
        for thread in closing:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def seen(self, seen: Seen) -> None:
        """Take what the eye saw in a picture."""
        self._stations[seen.camera].looked(seen.moving, seen.picture, seen.since)

    def eye(self, camera: str, fault: CameraFault | None) -> None:
        """Take that the eye looks at a camera, or cannot."""
        self._stations[camera].eye(fault)

    def moved(self, event: MotionEvent, jpeg: bytes | None) -> None:
        """Keep a motion event, and tell it."""
        if self._catalogue is not None:
            try:
                self._catalogue.note_event(event, jpeg)
            except CameraFault as fault:
                logger.warning("an event of %s cannot be kept: %s", event.camera, fault)
        self._outbox.say(motion_message(event))

    def _do(self, message: Message) -> None:
        header = message.header
        station = self._stations.get(header.get("camera", ""))
        if station is None:
            raise WireError("a command for a camera that is not of this group")
        match header.get("do"):
            case "snapshot":
                self._snapshot(header.get("id"), station)
            case "watch":
                station.watch(_stream(header.get("stream")))
            case "rest":
                station.rest(_stream(header.get("stream")))
            case _:
                raise WireError("a command is not known")

    def _snapshot(self, request: object, station: Station) -> None:
        try:
            frame = station.newest()
        except CameraFault as fault:
            self._outbox.say(snapshot_message(request, fault))
        else:
            self._watchman.snapshot(
                station.config.id, frame, lambda answer: self._outbox.say(snapshot_message(request, answer))
            )

    def _report(self) -> None:
        """Tell the statuses, and see that nothing is stuck. A stuck library is ended with the process."""
        tick_s = 0.0
        while not self._stop.is_set():
            news = self._news.wait(HEARTBEAT_S)
            self._news.clear()
            self._outbox.status({name: station.status() for name, station in self._stations.items()})
            if (now_s := time.monotonic()) - tick_s >= HEARTBEAT_S:
                tick_s = now_s
                self._tick()
            if news:
                self._stop.wait(NEWS_S)

    def _tick(self) -> None:
        self._watchman.tick()
        for name, station in self._stations.items():
            station.tick()
            if station.idle_s() > STUCK_S:
                raise RuntimeError(f"the puller of {name} is stuck inside a library")


def _stream(name: object) -> Stream:
    if name == "main":
        return "main"
    if name == "sub":
        return "sub"
    raise WireError("a stream is not known")


def _run_thread(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=_or_die, args=(work,), name=name, daemon=True).start()


def _or_die(work: Callable[[], None]) -> None:
    """Run a thread's work. A mistake in it ends the process, which its supervisor tells and starts again."""
    try:
        work()
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more
    except Exception:
        logger.exception("%s failed", threading.current_thread().name)
        os._exit(_EXIT_BROKEN)


class _MaskedFormatter(logging.Formatter):
    def __init__(self, mask: Mask) -> None:
        super().__init__("%(levelname)s %(threadName)s: %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _set_up_process() -> BinaryIO:
    """Lower the priority, forbid core dumps (they hold the passwords), and keep standard output for messages alone."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it then closes our input
    signal.signal(signal.SIGTERM, _leave)
    return out


def _limit_memory(group: GroupConfig) -> None:
    """A leak or a hostile stream ends this process, not the machine."""
    most = (group.memory_mb or MEMORY_MB + MEMORY_PER_CAMERA_MB * len(group.cameras)) << 20
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)  # the hard limit stays: the eye inherits it, and needs more
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Run the cameras that standard input describes."""
    out = _set_up_process()
    commands = sys.stdin.buffer
    first = read_message(commands)
    if first is None:
        return
    config = unwrap_config(first)
    handler = logging.StreamHandler()
    handler.setFormatter(_MaskedFormatter(Mask.of(config.cameras)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    _limit_memory(config)
    child = Child(config, held_in(first), out)
    gc.freeze()  # what is loaded now stays for ever
    try:
        with contextlib.suppress(BrokenPipeError, WireError):
            child.run(commands)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child.close()
        # The pullers may sit inside libav for seconds more: nothing of them needs saving, so do not wait for them.
        os._exit(0)


if __name__ == "__main__":
    main()
