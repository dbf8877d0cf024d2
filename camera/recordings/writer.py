"""Decide what goes into which file: cut segments at key frames, keep the limits, pause when the disk gives no room."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator

from camera.board import StatusBoard
from camera.fmp4 import Fragmenter
from camera.frames import EncodedFrame
from camera.model import CameraFault, Deleted
from camera.recordings.catalogue import to_ms
from camera.recordings.retention import Keeper
from camera.recordings.segments import Segment, Shelf
from camera.timeline import TICKS_PER_S

logger = logging.getLogger(__name__)

PAUSE_S = 5.0
"""How long recording rests after the disk refused, before it tries again."""
CLOCK_STEP_S = 2.0
"""A wall clock that steps further begins a new file: within a file one time is enough to know them all."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class SegmentWriter:
    """Writes one camera's pictures into segments. For use by one thread; it blocks on the disk.

    What fails is told on the board: nothing is raised for a bad disk or bad pictures, and the next key frame after a
    rest is the next try.
    """

    def __init__(self, shelf: Shelf, keeper: Keeper, board: StatusBoard, segment_seconds: float) -> None:
        self._shelf, self._keeper, self._board, self._segment_seconds = shelf, keeper, board, segment_seconds
        self._fragmenter: Fragmenter | None = None
        self._segment: Segment | None = None
        self._first: EncodedFrame | None = None
        self._fault: CameraFault | None = None
        self._now_s = self._rest_until_s = float("-inf")

    def take(self, frame: EncodedFrame) -> None:
        """Take the next picture."""
        self._now_s = frame.arrived_s
        with self._guard():
            if self._ends_segment(frame):
                self._finish()
            if self._fragmenter is None and frame.is_key and self._now_s >= self._rest_until_s:
                self._begin(frame)
            if self._fragmenter is not None and (fragment := self._fragmenter.push(frame)):
                self._write(fragment)

    def cut(self) -> None:
        """Finish the file: the stream broke off, or recording ends."""
        with self._guard():
            self._finish()
        self._board.recording(False, self._fault)

    def close(self) -> None:
        """Let go of a file that a mistake left open, as it is: its row is open, so that it is measured anew."""
        segment, self._segment, self._fragmenter = self._segment, None, None
        if segment is not None:
            self._shelf.left(segment)

    def tidy(self) -> None:
        """Hold the limits of age and size; about once a minute, also while nothing is recorded."""
        with self._guard():
            self._tell(self._keeper.tidy(self._shelf.camera))

    def _ends_segment(self, frame: EncodedFrame) -> bool:
        if self._fragmenter is None or self._first is None:
            return False
        if frame.format is not self._fragmenter.format:
            return True
        if not frame.is_key:
            return self._segment is not None and self._keeper.too_big(self._shelf.camera, self._segment.size)
        lasted_s = frame.arrived_s - self._first.arrived_s
        stepped_s = (frame.at - self._first.at).total_seconds() - lasted_s
        return lasted_s >= self._segment_seconds or abs(stepped_s) > CLOCK_STEP_S

    def _begin(self, frame: EncodedFrame) -> None:
        self._need_room()  # said before the first piece is complete, which may take seconds
        self._fragmenter, self._first = Fragmenter(frame.format), frame

    def _write(self, piece: bytes) -> None:
        """Write a piece; the file is made with the first one, so that there is never a file without pictures."""
        if self._fragmenter is None or self._first is None or not piece:
            return
        if self._segment is None:
            self._segment = self._shelf.create(to_ms(self._first.at))
            piece = self._fragmenter.header + self._segment.mark.pack() + piece
        self._segment.append(piece)
        # A camera's clock may run slow against ours: what came until now is in the file.
        lasted_ms = round(max(self._fragmenter.ticks / TICKS_PER_S, self._now_s - self._first.arrived_s) * 1000)
        self._shelf.grew(self._segment, self._segment.mark.begin + lasted_ms)
        self._board.recorded(len(piece), self._keeper.deleted[self._shelf.camera])
        self._need_room()
        self._fault = None
        self._board.recording(True)

    def _need_room(self) -> None:
        if self._keeper.full(self._shelf.camera):
            self._tell(self._keeper.tidy(self._shelf.camera))
        holds, gone = self._keeper.make_room()
        self._tell(gone)
        if not holds:
            raise CameraFault("camera.disk_full", "the disk has less free space than must stay free; recording pauses")

    def _tell(self, gone: list[Deleted]) -> None:
        for deleted in self._keeper.to_tell(gone):
            self._board.deleted(deleted)
        self._board.recorded(0, self._keeper.deleted[self._shelf.camera])

    def _finish(self) -> None:
        if self._fragmenter is not None:
            self._write(self._fragmenter.finish())
            self._leave()

    def _leave(self) -> None:
        """Close the file where it ends now; what was appended stays."""
        segment, self._segment, self._fragmenter = self._segment, None, None
        if segment is not None:
            self._shelf.finished(segment)

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn whatever goes wrong into a pause with a reason."""
        import av

        try:
            yield
        except CameraFault as fault:
            self._pause(fault)
        except (av.FFmpegError, ValueError) as error:  # before OSError: some of libav's errors are both
            # One odd picture costs its group; a stream of them is rested from.
            odd = CameraFault("camera.garbage", f"the pictures fit into no recording ({type(error).__name__})")
            self._pause(odd, PAUSE_S if self._fault is not None else 0.0)
        except OSError as error:
            self._pause(fault_of(error), no_space=error.errno in NO_SPACE)

    def _pause(self, fault: CameraFault, pause_s: float = PAUSE_S, no_space: bool = False) -> None:
        logger.warning("%s: %s", self._shelf.camera, fault)
        self._fault, self._rest_until_s = fault, self._now_s + pause_s
        with contextlib.suppress(OSError):
            if no_space:
                self._tell(self._keeper.give_up_oldest())
            self._leave()
        self._board.recording(False, fault)


def fault_of(error: OSError) -> CameraFault:
    """Return what an error of the disk means for the recording."""
    if error.errno in NO_SPACE:
        return CameraFault("camera.disk_full", "the disk is full; recording pauses")
    return CameraFault("camera.disk_error", f"the recording cannot be written ({error.strerror}); recording pauses")
