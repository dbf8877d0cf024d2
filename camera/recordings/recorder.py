"""Record in a thread of its own: a card that stalls for seconds must not stall the stream."""

from __future__ import annotations

import logging
import os
import queue
import threading
from pathlib import Path

from camera.board import StatusBoard
from camera.frames import EncodedFrame
from camera.model import CameraConfig
from camera.recordings.segments import Shelf
from camera.recordings.writer import SegmentWriter, fault_of
from camera.settings import Disk

logger = logging.getLogger(__name__)

QUEUE_FRAMES = 300
"""Pictures that wait for the disk: 10 to 20 s of a usual stream."""
RETRY_S = 5.0
"""How often a folder that could not be used is tried again."""


class Recorder:
    """A `FrameSink` that writes segments. When the disk falls behind, whole groups of pictures are left out."""

    def __init__(self, config: CameraConfig, directory: Path, disk: Disk, board: StatusBoard) -> None:
        self._config, self._directory, self._disk, self._board = config, directory, disk, board
        self._queue: queue.Queue[EncodedFrame | None] = queue.Queue(QUEUE_FRAMES)
        self._skipping = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, limit_s: float) -> None:
        """Write what is queued, finish the file and end the thread, within `limit_s`."""
        self._closing.set()
        self._thread.join(limit_s)

    def feed(self, frame: EncodedFrame) -> None:
        """Queue a picture, or leave it out up to the next key frame when the queue is full."""
        if self._skipping and not frame.is_key:
            self._board.dropped(1)
            return
        try:
            self._queue.put_nowait(frame)
            self._skipping = False
        except queue.Full:
            self._skipping = True
            self._board.dropped(1)

    def cut(self) -> None:
        """Have the file finished. With a full queue this is left to the next stream's first picture."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._skipping = True

    def _run(self) -> None:
        """Write until closed. A mistake of ours ends the process: its supervisor starts it again and says so."""
        try:
            self._record()
        except Exception:  # the thread's edge
            logger.exception("the recorder failed")
            os._exit(70)

    def _record(self) -> None:
        writer = self._open_writer()
        while writer is not None:
            try:
                frame = self._queue.get(timeout=0.2)
            except queue.Empty:
                if self._closing.is_set():
                    break
                continue
            if frame is None:
                writer.cut()
            else:
                writer.take(frame)
        if writer is not None:
            writer.cut()

    def _open_writer(self) -> SegmentWriter | None:
        """Take over the folder, as soon as it can be used; None when closed before."""
        while not self._closing.is_set():
            try:
                shelf = Shelf(self._directory / self._config.id, self._config.retention.bytes, self._disk.free_bytes)
            except OSError as error:
                self._board.recording(False, fault_of(error))
                self._closing.wait(RETRY_S)
            else:
                return SegmentWriter(shelf, self._board, self._disk.segment_seconds)
        return None
