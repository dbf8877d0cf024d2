"""What tests of recordings share: pictures of the clip with made-up times, and a disk whose free space they set."""

import dataclasses
from datetime import UTC, datetime, timedelta

import av
from camera_rig import FPS

from camera.board import StatusBoard
from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraConfig
from camera.recordings.audit import recover
from camera.recordings.catalogue import Catalogue
from camera.recordings.clockwatch import ClockWatch
from camera.recordings.retention import Keeper
from camera.recordings.segments import Shelf
from camera.recordings.writer import SegmentWriter
from camera.settings import Disk, Retention

START = datetime(2026, 2, 28, 23, 59, 58, 250_000, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
DAY_MS = 86_400_000


def pictures_of(path, start=START, fps=FPS):
    """All pictures of a file, arriving `fps` a second from `start` on."""
    with av.open(str(path)) as container:
        video = VideoFormat(container.streams.video[0])
        return [
            EncodedFrame(
                data=bytes(packet),
                dts=packet.dts,
                pts=packet.pts,
                duration=packet.duration,
                is_key=packet.is_keyframe,
                format=video,
                at=start + timedelta(seconds=number / fps),
                arrived_s=number / fps,
            )
            for number, packet in enumerate(packet for packet in container.demux(video=0) if packet.size)
        ]


def later(frame, seconds, **changes):
    shifted = dataclasses.replace(frame, at=frame.at + timedelta(seconds=seconds), arrived_s=frame.arrived_s + seconds)
    return dataclasses.replace(shifted, **changes)


class Clocks:
    """A wall clock and a monotonic one that the test moves."""

    def __init__(self, now=START_MS):
        self.now, self.running = now, 0

    def passes(self, ms):
        self.now += ms
        self.running += ms


class Rig:
    """A camera's shelf, keeper and writer as the recorder makes them, on a disk whose free space the test sets."""

    def __init__(self, directory, camera="gate", disk=None, segment_seconds=4.0, keep="all", **retention):
        self.directory, self.camera = directory, camera
        self.free = 10**12
        self.clocks = Clocks()
        self.catalogue = Catalogue(directory)
        self.board = StatusBoard()
        self.told = []
        self.board.deleted = self.told.append
        config = CameraConfig(id=camera, url="rtsp://h/p", record=True, keep=keep)
        limits = Retention.model_construct(**{"days": 14, "event_days": 30, "bytes": 10**9, **retention})
        self.config = config.model_copy(update={"retention": limits})
        self.disk = disk or Disk(free_bytes=0)
        self.shelf = Shelf(self.catalogue, camera)
        self.catalogue.register(self.config, self.disk)
        recover(self.catalogue, camera)
        clock = ClockWatch(self.catalogue, lambda: self.clocks.now, lambda: self.clocks.running)
        self.keeper = Keeper(self.catalogue, clock, lambda _path: self.free)
        self.writer = SegmentWriter(self.shelf, self.keeper, self.board, segment_seconds)

    def write(self, frames):
        for frame in frames:
            self.writer.take(frame)

    def close(self):
        self.writer.cut()
        self.shelf.release()
        self.catalogue.close()

    def names(self):
        root = self.directory / self.camera
        return [str(path.relative_to(root)) for path in sorted(root.glob("*/*.mp4"))]

    def files(self):
        return [self.directory / self.camera / name for name in self.names()]

    def rows(self, columns="path, state"):
        return self.catalogue.read(f"SELECT {columns} FROM segment WHERE camera = ? ORDER BY id", self.camera)

    def put(self, begin, end, size=1000, kept=0):
        """Enter a finished segment, with a file of `size` bytes that holds nothing."""
        shelf = f"{self.camera}/2026-01-01/{len(self.rows()):09d}.mp4"
        path = self.directory / shelf
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        self.catalogue.begin_segment(self.camera, shelf, begin)
        self.catalogue.finish_segment(self.camera, shelf, begin, end, size)
        if kept:
            with self.catalogue.write() as index:
                index.execute("UPDATE segment SET kept = 1 WHERE path = ?", (shelf,))
        return path


def in_step(rig):
    """Assert that files and index say the same, and that the sums are right."""
    listed = {str(path.relative_to(rig.directory)): path.stat().st_size for path in rig.files()}
    rows = {path: size for path, size, state in rig.rows("path, bytes, state") if state == 1}
    assert rows == listed
    sums = rig.catalogue.read("SELECT bytes FROM usage WHERE camera = ?", rig.camera)
    pictures = rig.catalogue.read("SELECT coalesce(sum(picture), 0) FROM event WHERE camera = ?", rig.camera)
    assert (sums[0][0] if sums else 0) == sum(listed.values()) + pictures[0][0]
