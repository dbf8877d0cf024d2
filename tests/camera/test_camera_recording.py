"""Recordings on disk: what a power cut leaves, limits, a full disk. Pictures of the clip, times made up."""

import errno
import os
import threading
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pytest
from camera_rig import FPS, GOP, packets_of, pictures_in, slices_of

from camera import segments
from camera.board import StatusBoard
from camera.fmp4 import Fragmenter
from camera.frames import EncodedFrame, LatestKeyFrame, VideoFormat
from camera.model import CameraConfig, CameraFault
from camera.pull.source import clip_frames
from camera.recordings.recorder import QUEUE_FRAMES, Recorder
from camera.recordings.segments import Shelf
from camera.recordings.writer import PAUSE_S, SegmentWriter
from camera.still import snapshot_of

START = datetime(2026, 2, 28, 23, 59, 58, 250_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def frames(clip):
    """The clip's 120 pictures, arriving ten a second."""
    with av.open(str(clip)) as container:
        video = VideoFormat(container.streams.video[0])
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return [
            EncodedFrame(
                bytes(packet),
                packet.dts,
                packet.pts,
                packet.duration,
                packet.is_keyframe,
                video,
                START + timedelta(seconds=number / FPS),
                number / FPS,
            )
            for number, packet in enumerate(packets)
        ]


class Disk:
    """A shelf on a disk whose free space the test sets."""

    def __init__(self, root, keep_bytes=10**9, floor=0, segment_seconds=4.0):
        self.free = 10**12
        self.board = StatusBoard()
        self.shelf = Shelf(root, keep_bytes, floor, lambda _path: self.free)
        self.writer = SegmentWriter(self.shelf, self.board, segment_seconds)
        self.root = root

    def names(self):
        return [str(path.relative_to(self.root)) for path in sorted(self.root.glob("*/*.mp4"))]


def write(disk, frames):
    for frame in frames:
        disk.writer.take(frame)


def test_files_are_cut_at_key_frames_and_named_by_utc(tmp_path, frames, clip):
    disk = Disk(tmp_path / "gate")
    write(disk, frames)
    assert disk.board.read().recording
    disk.writer.cut()
    assert not disk.board.read().recording
    assert disk.names() == ["2026-02-28/235958250.mp4", "2026-03-01/000002250.mp4", "2026-03-01/000006250.mp4"]
    written = [slices_of(packet) for name in disk.names() for packet in packets_of(disk.root / name)]
    assert written == [slices_of(packet) for packet in packets_of(clip)]
    assert disk.board.read().bytes_recorded == sum((disk.root / name).stat().st_size for name in disk.names())


def test_recording_begins_with_a_key_frame(tmp_path, frames):
    disk = Disk(tmp_path)
    write(disk, frames[7 : 2 * GOP + 1])
    disk.writer.cut()
    (name,) = disk.names()
    assert packets_of(tmp_path / name)[0].is_keyframe
    assert pictures_in(tmp_path / name) == GOP + 1


def test_every_whole_group_is_on_the_disk_while_recording(tmp_path, frames):
    disk = Disk(tmp_path, segment_seconds=60)
    counts = []
    for frame in frames:
        disk.writer.take(frame)
        counts.append(pictures_in(tmp_path / disk.names()[0]) if disk.names() else 0)
    assert counts == [number // GOP * GOP for number in range(len(frames))]


def test_file_cut_anywhere_plays_up_to_its_last_whole_group(tmp_path, frames):
    fragmenter = Fragmenter(frames[0].format)
    pieces = [fragmenter.header, *(fragmenter.push(frame) for frame in frames), fragmenter.finish()]
    ends, whole = [], b""
    for piece in pieces:
        whole += piece
        if piece:
            ends.append(len(whole))
    ends = ends[1:]  # the first is the header's
    assert len(ends) == 6
    path = tmp_path / "cut.mp4"
    for cut in range(ends[0], len(whole), 1009):
        path.write_bytes(whole[:cut])
        groups = sum(cut >= end for end in ends[:-1])
        assert pictures_in(path) >= groups * GOP


def test_group_without_end_is_cut_into_bounded_fragments(frames):
    fragmenter = Fragmenter(frames[0].format)
    fragmenter.push(frames[0])
    filler = frames[1]
    big = EncodedFrame(
        (400_000).to_bytes(4, "big") + b"\x0c" * 400_000, None, None, 1024, False, filler.format, filler.at, 0.0
    )
    assert any(fragmenter.push(big) for _ in range(30)), "12 MB without a key frame do not wait in memory"


def test_oldest_go_first_and_it_is_told(tmp_path, frames):
    disk = Disk(tmp_path, keep_bytes=1)
    write(disk, frames)
    disk.writer.cut()
    assert disk.names() == ["2026-03-01/000006250.mp4"], "only what was written last is left"
    assert disk.board.read().segments_deleted == 2
    assert not (tmp_path / "2026-02-28").exists(), "no empty folders stay behind"


def test_recordings_of_earlier_runs_count(tmp_path, frames):
    for _run in range(2):
        disk = Disk(tmp_path)
        write(disk, frames)
        disk.writer.cut()
    assert len(disk.names()) == 6
    sizes = [(tmp_path / name).stat().st_size for name in disk.names()]
    shelf = Shelf(tmp_path, sum(sizes[2:]), 0)
    assert shelf.make_room()
    assert shelf.deleted == 2
    assert disk.names() == sorted(disk.names())[-4:]


def test_file_that_power_left_empty_is_removed(tmp_path):
    folder = tmp_path / "2026-01-01"
    folder.mkdir()
    (folder / "000000000.mp4").touch()
    (folder / "000000001.mp4").write_bytes(b"x")
    Shelf(tmp_path, 10, 0)
    assert [path.name for path in folder.iterdir()] == ["000000001.mp4"]


def test_low_disk_deletes_then_pauses_then_resumes(tmp_path, frames):
    disk = Disk(tmp_path, floor=100)
    write(disk, frames[:90])
    assert len(disk.names()) == 2
    disk.free = 50
    write(disk, frames[90:101])
    status = disk.board.read()
    assert (status.code, status.recording, status.segments_deleted) == ("camera.disk_full", False, 2)
    assert len(disk.names()) == 1, "the last file is kept: it was being written"
    assert pictures_in(tmp_path / disk.names()[0]) == GOP
    disk.free = 10**12
    write(disk, [_later(frame, PAUSE_S) for frame in frames[101:]])
    write(disk, [_later(frame, 20) for frame in frames[:30]])
    status = disk.board.read()
    assert (status.code, status.recording) == (None, True)


def test_disk_that_fills_in_the_middle_of_a_piece(tmp_path, frames, monkeypatch):
    real, room = os.write, [8000]

    def small_disk(fd, data):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(fd, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(segments.os, "write", small_disk)
    disk = Disk(tmp_path)
    write(disk, frames)
    status = disk.board.read()
    assert (status.code, status.recording) == ("camera.disk_full", False)
    (name,) = disk.names()
    pictures = pictures_in(tmp_path / name)
    assert pictures and pictures % GOP == 0, "no half piece is left in the file"
    assert (tmp_path / name).stat().st_size == status.bytes_recorded
    room[0] = 10**9
    write(disk, [_later(frame, 30) for frame in frames])
    assert disk.board.read().code is None and disk.board.read().recording


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EROFS, "camera.disk_error"), (errno.EIO, "camera.disk_error"), (errno.EDQUOT, "camera.disk_full")],
)
def test_disk_that_refuses(tmp_path, frames, monkeypatch, number, code):
    def refuse(*_arguments):
        raise OSError(number, os.strerror(number))

    disk = Disk(tmp_path)
    monkeypatch.setattr(segments.os, "fdatasync", refuse)
    write(disk, frames[: GOP + 1])
    assert disk.board.read().code == code
    assert disk.names() == [], "what is not on the disk leaves no file"


def test_full_disk_without_a_floor_gives_up_the_oldest(tmp_path, frames, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    disk = Disk(tmp_path, segment_seconds=2)
    write(disk, frames[:60])
    before = disk.names()
    assert len(before) == 2
    with monkeypatch.context() as patch:
        patch.setattr(segments.os, "write", full)
        write(disk, frames[60:85])
    assert disk.board.read().code == "camera.disk_full"
    assert disk.names() == before[1:]
    assert disk.board.read().segments_deleted == 1


def test_clock_set_back_overwrites_nothing(tmp_path):
    shelf = Shelf(tmp_path, 10**9, 0)
    first, second = shelf.create(START), shelf.create(START)
    assert (first.path.name, second.path.name) == ("235958250.mp4", "235958251.mp4")
    for segment in (first, second):
        segment.append(b"x")
        shelf.finished(segment)


def test_new_format_begins_a_new_file(tmp_path, frames, clip):
    with av.open(str(clip)) as container:
        other = VideoFormat(container.streams.video[0])
    disk = Disk(tmp_path, segment_seconds=60)
    write(disk, frames[:25])
    write(disk, [_later(frame, 2.5, other) for frame in frames[:25]])
    disk.writer.cut()
    assert [pictures_in(tmp_path / name) for name in disk.names()] == [25, 25]


def test_pictures_that_fit_into_no_file_are_told(tmp_path, frames):
    disk = Disk(tmp_path)
    broken = EncodedFrame(b"", None, None, 0, True, frames[0].format, START, 0.0)
    bad = EncodedFrame(b"\xff" * 50, None, None, 0, True, frames[0].format, START, 0.1)
    for frame in (broken, bad):
        disk.writer.take(frame)
    write(disk, [_later(frame, 10) for frame in frames])
    disk.writer.cut()
    assert disk.names(), "it goes on with good pictures"


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc")])
def test_pictures_that_wait_for_later_ones_are_shown_in_order(tmp_path, encoder, codec):
    """H.264 and H.265 with B frames: decoded in another order than shown."""
    source = tmp_path / "source.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream(encoder, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.max_b_frames = 2
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        for number in range(25):
            picture = np.full((96, 160, 3), number * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    pulled = clip_frames(source, threading.Event())
    pictures = [next(pulled) for _ in range(5)]
    pulled.close()
    with av.open(str(source)) as container:
        video = VideoFormat(container.streams.video[0])
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [picture.data for picture in pictures] == [bytes(packet) for packet in packets[:5]]
    disk = Disk(tmp_path / "gate")
    for number, packet in enumerate(packets):
        disk.writer.take(
            EncodedFrame(
                bytes(packet), packet.dts, packet.pts, packet.duration, packet.is_keyframe, video, START, number / FPS
            )
        )
    disk.writer.cut()
    (name,) = disk.names()
    with av.open(str(disk.root / name)) as container:
        assert container.streams.video[0].codec_context.name == codec
        shades = [picture.to_ndarray(format="gray").mean() for picture in container.decode(video=0)]
    assert len(shades) == 25 and shades == sorted(shades)
    assert snapshot_of(pictures[0]).width == 160


def test_recorder_writes_what_it_is_fed(tmp_path, frames):
    board = StatusBoard()
    recorder = Recorder(_config(tmp_path), board)
    recorder.start()
    for frame in frames:
        recorder.feed(frame)
    recorder.cut()
    recorder.close(10)
    assert sum(pictures_in(path) for path in tmp_path.glob("gate/*/*.mp4")) == len(frames)
    assert board.read().frames_dropped == 0


def test_slow_disk_loses_whole_groups_and_says_so(tmp_path, frames):
    board = StatusBoard()
    recorder = Recorder(_config(tmp_path), board)
    many = [_later(frame, 12 * lap) for lap in range(3) for frame in frames]
    for frame in many:  # not started yet: as if the disk had stalled
        recorder.feed(frame)
    assert board.read().frames_dropped == len(many) - QUEUE_FRAMES
    recorder.start()
    recorder.close(10)
    assert sum(pictures_in(path) for path in tmp_path.glob("gate/*/*.mp4")) == QUEUE_FRAMES


def test_newest_key_frame_becomes_a_picture(frames):
    latest = LatestKeyFrame()
    for frame in frames[:30]:
        latest.feed(frame)
    newest = latest.get()
    assert newest is frames[GOP]
    shot = snapshot_of(newest)
    assert (shot.width, shot.height, shot.at) == (320, 180, newest.at)
    assert shot.jpeg.startswith(b"\xff\xd8") and shot.jpeg.endswith(b"\xff\xd9")
    latest.cut()
    assert latest.get() is None


def test_picture_that_does_not_decode(frames):
    rubbish = EncodedFrame(b"\x00\x00\x00\x04\x65abc", 0, 0, 1, True, frames[0].format, START, 0.0)
    with pytest.raises(CameraFault, match="no_picture"):
        snapshot_of(rubbish)


def _config(directory):
    return CameraConfig(id="gate", url="rtsp://h/p", record=True, directory=directory, free_bytes_floor=0)


def _later(frame, seconds, video=None):
    return EncodedFrame(
        frame.data,
        frame.dts,
        frame.pts,
        frame.duration,
        frame.is_key,
        video or frame.format,
        frame.at + timedelta(seconds=seconds),
        frame.arrived_s + seconds,
    )
