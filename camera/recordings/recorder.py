"""Record in a thread of its own: a card that stalls for seconds must not stall the stream."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from pathlib import Path

from camera.board import StatusBoard
from camera.frames import EncodedFrame
from camera.model import CameraConfig, CameraFault
from camera.pull.backoff import Backoff
from camera.recordings.audit import audit, recover
from camera.recordings.catalogue import Catalogue
from camera.recordings.outlook import outlook
from camera.recordings.retention import keeper_of
from camera.recordings.segments import Shelf
from camera.recordings.writer import SegmentWriter, fault_of
from camera.settings import Disk

logger = logging.getLogger(__name__)

QUEUE_FRAMES = 600
"""Pictures that wait for the disk: 20 to 40 s of a usual stream ..."""
QUEUE_BYTES = 8 * 1024 * 1024
"""... and what they may take."""
RETRY_S = 5.0
"""How often a folder that could not be used is tried again."""
MISTAKE_S = 1.0
"""The least rest after a mistake of ours; it grows to a minute when it comes again."""
TIDY_S = 60.0
_WAKE_S = 1.0
_auditing = threading.Lock()


class _Queue:
    """Pictures on their way to the disk; None is a cut. The thread wakes once a group of pictures, not for each one."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._items: deque[EncodedFrame | None] = deque()
        self._bytes = 0
        self._closed = False

    def put(self, item: EncodedFrame | None) -> bool:
        """Add; return false when there is no room."""
        with self._ready:
            if item is not None:
                if len(self._items) >= QUEUE_FRAMES or self._bytes + len(item.data) > QUEUE_BYTES:
                    return False
                self._bytes += len(item.data)
            elif self._items and self._items[-1] is None:
                return True
            self._items.append(item)
            if item is None or item.is_key:
                self._ready.notify()
            return True

    def take(self) -> EncodedFrame | None:
        """Return the next item; raises `IndexError` when there is none."""
        with self._ready:
            item = self._items.popleft()
            self._bytes -= len(item.data) if item is not None else 0
            return item

    def wait(self) -> None:
        """Wait for a key frame or a cut, not longer than a second, and not at all once it is closed."""
        with self._ready:
            if not self._items and not self._closed:
                self._ready.wait(_WAKE_S)

    def close(self) -> None:
        """End a wait, also one that is about to begin."""
        with self._ready:
            self._closed = True
            self._ready.notify()


class Recorder:
    """A `FrameSink` that writes segments. When the disk falls behind, whole groups of pictures are left out."""

    def __init__(self, config: CameraConfig, directory: Path, disk: Disk, board: StatusBoard) -> None:
        self._config, self._disk, self._board = config, disk, board
        self._catalogue = Catalogue.of(directory)
        self._queue = _Queue()
        self._skipping = False
        self._closing = threading.Event()
        self._audited = 0
        self._tidied_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"{config.id}-recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, limit_s: float) -> None:
        """Write what is queued, finish the file and end the thread, within `limit_s`."""
        self._closing.set()
        self._queue.close()
        self._thread.join(limit_s)

    def feed(self, frame: EncodedFrame) -> None:
        """Queue a picture, or leave it out up to the next key frame when the queue is full."""
        if self._skipping and not frame.is_key:
            self._board.dropped(1)
            return
        self._skipping = not self._queue.put(frame)
        if self._skipping:
            self._board.dropped(1)

    def cut(self) -> None:
        """Have the file finished."""
        self._queue.put(None)

    def _run(self) -> None:
        """Write until closed. A mistake of ours costs this camera's recording a rest, and no other camera anything."""
        backoff = Backoff()
        while not self._closing.is_set():
            begun_s, shelf = time.monotonic(), None
            try:
                shelf = self._open()
                if shelf is not None:
                    self._record(shelf)
            except Exception as error:  # the thread's edge
                logger.exception("%s: the recorder failed", self._config.id)
                detail = f"the recorder failed ({type(error).__name__}) and is started again"
                self._board.recording(False, CameraFault("camera.disk_error", detail))
                self._closing.wait(max(MISTAKE_S, backoff.failed(time.monotonic() - begun_s)))
            finally:
                if shelf is not None:
                    self._release(shelf)

    def _release(self, shelf: Shelf) -> None:
        try:
            shelf.release()
        except OSError as error:
            logger.warning("%s: its last file is entered when it records again (%s)", self._config.id, error)

    def _record(self, shelf: Shelf) -> None:
        keeper = keeper_of(self._catalogue)
        with contextlib.closing(SegmentWriter(shelf, keeper, self._board, self._disk.segment_seconds)) as writer:
            self._write(writer)

    def _write(self, writer: SegmentWriter) -> None:
        while True:
            closing = self._closing.is_set()
            with contextlib.suppress(IndexError):
                while True:
                    frame = self._queue.take()
                    if frame is None:
                        writer.cut()
                    else:
                        writer.take(frame)
            if closing:
                break
            if time.monotonic() - self._tidied_s >= TIDY_S:
                self._minute(writer)
            self._queue.wait()
        writer.cut()

    def _minute(self, writer: SegmentWriter) -> None:
        """Hold the limits, say what is left, and make index and files agree when the index is new."""
        self._tidied_s = time.monotonic()
        try:
            self._board.kept(*outlook(self._catalogue, self._config.id))
            if self._audited != self._catalogue.opened:
                self._audited = self._catalogue.opened
                self._catalogue.register(self._config, self._disk)
                threading.Thread(target=self._audit, name=f"{self._config.id}-audit", daemon=True).start()
        except OSError as error:
            logger.warning("%s: %s", self._config.id, error)
        writer.tidy()

    def _audit(self) -> None:
        """Compare files and index, one camera of the process at a time."""
        with _auditing:
            try:
                audit(self._catalogue, self._config.id)
            except OSError as error:
                logger.warning("%s: files and index cannot be compared: %s", self._config.id, error)
                self._audited = 0  # again in a minute

    def _open(self) -> Shelf | None:
        """Take over the folder, as soon as it can be used; None when closed before."""
        shelf: Shelf | None = None
        while not self._closing.is_set():
            try:
                shelf = shelf or Shelf(self._catalogue, self._config.id)
                self._catalogue.register(self._config, self._disk)
                recover(self._catalogue, self._config.id)
            except OSError as error:
                self._board.recording(False, fault_of(error))
                self._closing.wait(RETRY_S)
            else:
                return shelf
        return shelf
