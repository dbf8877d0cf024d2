"""Recordings on disk: what a power cut leaves, limits, a full disk. Pictures of the clip, times made up."""

import dataclasses
import errno
import os
import threading
import time

import av
import numpy as np
import pytest
from camera_footage import START, Rig, in_step, later, pictures_of
from camera_rig import FPS, GOP, packets_of, pictures_in, slices_of

from camera.board import StatusBoard
from camera.clip import make_clip
from camera.eye.still import snapshot_of
from camera.eye.words import Coded
from camera.fmp4 import Fragmenter
from camera.frames import EncodedFrame, LatestKeyFrame, VideoFormat
from camera.model import CameraConfig, CameraFault
from camera.pull.clip import clip_frames
from camera.recordings import segments
from camera.recordings.audit import inspect
from camera.recordings.catalogue import Catalogue
from camera.recordings.recorder import QUEUE_FRAMES, Recorder
from camera.recordings.writer import PAUSE_S
from camera.settings import Disk


@pytest.fixture(scope="module")
def frames(clip):
    """The clip's 120 pictures, arriving ten a second."""
    return pictures_of(clip)


def test_files_are_cut_at_key_frames_and_named_by_utc(tmp_path, frames, clip):
    rig = Rig(tmp_path)
    rig.write(frames)
    assert rig.board.read().recording
    rig.writer.cut()
    assert not rig.board.read().recording
    assert rig.names() == ["2026-02-28/235958250.mp4", "2026-03-01/000002250.mp4", "2026-03-01/000006250.mp4"]
    written = [slices_of(packet) for path in rig.files() for packet in packets_of(path)]
    assert written == [slices_of(packet) for packet in packets_of(clip)]
    assert [end - begin for begin, end in rig.rows("begin, end")] == [4000, 4000, 4000]
    in_step(rig)


def test_recording_begins_with_a_key_frame(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.write(frames[7 : 2 * GOP + 1])
    rig.writer.cut()
    (path,) = rig.files()
    assert packets_of(path)[0].is_keyframe
    assert pictures_in(path) == GOP + 1


def test_every_whole_group_is_on_the_disk_while_recording(tmp_path, frames):
    rig = Rig(tmp_path, segment_seconds=60)
    counts = []
    for frame in frames:
        rig.writer.take(frame)
        counts.append(pictures_in(rig.files()[0]) if rig.files() else 0)
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
        groups = sum(cut >= end for end in ends)
        found = inspect(path, "gate/2026-02-28/235958250.mp4", mend=True)
        assert found.bytes == path.stat().st_size == ends[groups - 1]
        assert found.end - found.begin == groups * 2000
        assert pictures_in(path) == groups * GOP


def test_group_without_end_costs_a_power_cut_four_seconds_at_most(tmp_path, frames):
    rig = Rig(tmp_path)
    endless = [frames[0], *(dataclasses.replace(frame, is_key=False) for frame in frames[1:])]
    lost = []
    for frame in endless:
        rig.writer.take(frame)
        on_disk = pictures_in(rig.files()[0]) if rig.files() else 0
        lost.append(frame.arrived_s - on_disk / FPS)
    assert max(lost) <= 4.0
    rig.writer.cut()
    assert pictures_in(rig.files()[0]) == len(frames)


def test_group_without_end_is_cut_into_bounded_fragments(frames):
    fragmenter = Fragmenter(frames[0].format)
    fragmenter.push(frames[0])
    big = dataclasses.replace(frames[1], data=(400_000).to_bytes(4, "big") + b"\x0c" * 400_000, is_key=False)
    assert any(fragmenter.push(big) for _ in range(30)), "12 MB without a key frame do not wait in memory"


def test_key_frames_alone_are_not_synced_one_by_one(frames):
    fragmenter = Fragmenter(frames[0].format)
    keys = [later(frames[0], number / FPS, dts=number * 1024, pts=number * 1024) for number in range(100)]
    assert sum(bool(fragmenter.push(key)) for key in keys) <= 11


def test_file_without_key_frames_ends_before_it_takes_all(tmp_path, frames):
    rig = Rig(tmp_path, bytes=200_000)
    rig.write([frames[0], *(later(frames[1], number / FPS) for number in range(1, 2000))])
    assert len(rig.files()) == 1 and rig.files()[0].stat().st_size < 150_000


def test_oldest_go_first_and_it_is_told(tmp_path, frames):
    rig = Rig(tmp_path, bytes=1000)
    rig.write(frames)
    rig.writer.cut()
    assert rig.names() == ["2026-03-01/000006250.mp4"], "only what was written last is left"
    assert rig.board.read().segments_deleted == 2
    assert not (tmp_path / "gate" / "2026-02-28").exists(), "no empty folders stay behind"
    assert rig.told[0].begin == START and rig.told[0].reason == "camera_bytes"
    in_step(rig)


def test_recordings_of_earlier_runs_count(tmp_path, frames):
    for _run in range(2):
        rig = Rig(tmp_path)
        rig.write(frames)
        rig.close()
    sizes = [path.stat().st_size for path in rig.files()]
    before = rig.names()
    assert len(sizes) == 6
    rig = Rig(tmp_path, bytes=sum(sizes) - 1)
    rig.writer.tidy()
    first_run = [before[0], before[2], before[4]]  # the second run's names are a millisecond later
    assert sorted(set(before) - set(rig.names())) == first_run[:1]


def test_low_disk_deletes_then_pauses_then_resumes(tmp_path, frames):
    rig = Rig(tmp_path, disk=Disk(free_bytes=100))
    rig.write(frames[:90])
    assert len(rig.names()) == 2
    rig.free = 50
    rig.write(frames[90:101])
    status = rig.board.read()
    assert (status.code, status.recording, status.segments_deleted) == ("camera.disk_full", False, 2)
    assert len(rig.names()) == 1, "the last file is kept: it was being written"
    assert pictures_in(rig.files()[0]) == GOP
    rig.free = 10**12
    rig.write([later(frame, PAUSE_S) for frame in frames[101:]])
    rig.write([later(frame, 20) for frame in frames[:30]])
    status = rig.board.read()
    assert (status.code, status.recording) == (None, True)


def test_disk_that_fills_in_the_middle_of_a_piece(tmp_path, frames, monkeypatch):
    real, room = os.write, [12_000]

    def small_disk(fd, data):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(fd, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(segments.os, "write", small_disk)
    rig = Rig(tmp_path)
    rig.write(frames)
    status = rig.board.read()
    assert (status.code, status.recording) == ("camera.disk_full", False)
    (path,) = rig.files()
    pictures = pictures_in(path)
    assert pictures and pictures % GOP == 0, "no half piece is left in the file"
    in_step(rig)
    room[0] = 10**9
    rig.write([later(frame, 30) for frame in frames])
    assert rig.board.read().code is None and rig.board.read().recording


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EROFS, "camera.disk_error"), (errno.EIO, "camera.disk_error"), (errno.EDQUOT, "camera.disk_full")],
)
def test_disk_that_refuses(tmp_path, frames, monkeypatch, number, code):
    def refuse(*_arguments):
        raise OSError(number, os.strerror(number))

    rig = Rig(tmp_path)
    monkeypatch.setattr(segments.os, "fdatasync", refuse)
    rig.write(frames[: GOP + 1])
    assert rig.board.read().code == code
    assert rig.names() == [], "what is not on the disk leaves no file"
    assert rig.rows() == []


def test_full_disk_without_a_floor_gives_up_the_oldest(tmp_path, frames, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    rig = Rig(tmp_path, segment_seconds=2)
    rig.write(frames[:61])
    before = rig.names()
    assert len(before) == 3
    with monkeypatch.context() as patch:
        patch.setattr(segments.os, "write", full)
        rig.write(frames[61:85])
    assert rig.board.read().code == "camera.disk_full"
    assert rig.names() == before[1:]
    assert rig.board.read().segments_deleted == 1


def test_clock_set_back_overwrites_nothing_and_order_stays(tmp_path, frames):
    rig = Rig(tmp_path)
    for _lap in range(2):
        rig.write(frames[: GOP + 1])
        rig.writer.cut()
    rig.write(pictures_set(frames[: GOP + 1], -3600))
    rig.writer.cut()
    assert rig.names() == ["2026-02-28/225958250.mp4", "2026-02-28/235958250.mp4", "2026-02-28/235958251.mp4"]
    recorded = [path.split("/", 1)[1] for (path,) in rig.rows("path")]
    assert recorded == [rig.names()[1], rig.names()[2], rig.names()[0]], "the index knows the order of recording"
    in_step(rig)


def test_clock_that_steps_begins_a_new_file(tmp_path, frames):
    rig = Rig(tmp_path, segment_seconds=60)
    rig.write(frames[: 2 * GOP])
    rig.write(pictures_set(frames[2 * GOP :], 86_400))
    rig.writer.cut()
    assert rig.names() == ["2026-02-28/235958250.mp4", "2026-03-02/000002250.mp4"]
    assert [end - begin for begin, end in rig.rows("begin, end")] == [4000, 8000]


def test_new_format_begins_a_new_file(tmp_path, frames, clip):
    with av.open(str(clip)) as container:
        other = VideoFormat(container.streams.video[0])
    rig = Rig(tmp_path, segment_seconds=60)
    rig.write(frames[:25])
    rig.write([later(frame, 2.5, format=other) for frame in frames[:25]])
    rig.writer.cut()
    assert [pictures_in(path) for path in rig.files()] == [25, 25]


def test_resolution_that_changes_in_mid_stream(tmp_path, frames):
    """The camera sends other parameter sets and goes on, as the puller tells it."""
    small = pictures_of(make_clip(tmp_path / "small.mp4", 4, 160, 96, FPS))
    changed = frames[0].format.changed(small[0].format.extradata, 160, 96)
    rig = Rig(tmp_path / "video", segment_seconds=60)
    rig.write(frames[:GOP])
    rig.write([later(frame, 2, format=changed) for frame in small])
    rig.writer.cut()
    for path, width in zip(rig.files(), (320, 160), strict=True):
        with av.open(str(path)) as container:
            assert container.streams.video[0].width == width
            assert {picture.width for picture in container.decode(video=0)} == {width}


def test_pictures_that_fit_into_no_file_are_told(tmp_path, frames):
    rig = Rig(tmp_path)
    rig.writer.take(dataclasses.replace(frames[0], data=b""))
    assert rig.board.read().code == "camera.garbage"
    rig.write([later(frame, 10) for frame in frames])
    rig.writer.cut()
    assert rig.names() and rig.board.read().code is None, "it goes on with good pictures"


def test_one_odd_picture_costs_its_group_alone(tmp_path, frames):
    rig = Rig(tmp_path)
    odd = [dataclasses.replace(frames[GOP + 3], data=b"")]
    rig.write([*frames[: GOP + 3], *odd, *frames[GOP + 4 :]])
    rig.writer.cut()
    lost = len(frames) - sum(pictures_in(path) for path in rig.files())
    assert 1 <= lost <= GOP and rig.board.read().code is None


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
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [picture.data for picture in pictures] == [bytes(packet) for packet in packets[:5]]
    rig = Rig(tmp_path / "video")
    rig.write(pictures_of(source))
    rig.writer.cut()
    (path,) = rig.files()
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec
        shades = [picture.to_ndarray(format="gray").mean() for picture in container.decode(video=0)]
    assert len(shades) == 25 and shades == sorted(shades)
    assert snapshot_of(coded(pictures[0]), pictures[0].at).width == 160


def coded(frame):
    return Coded(frame.format.codec, frame.format.extradata, frame.format.width, frame.format.height, frame.data)


def recorder_of(directory, board):
    config = CameraConfig(id="gate", url="rtsp://h/p", record=True)
    return Recorder(config, directory, Disk(free_bytes=0), board)


def test_recorder_writes_what_it_is_fed(tmp_path, frames):
    board = StatusBoard()
    recorder = recorder_of(tmp_path, board)
    recorder.start()
    for frame in frames:
        recorder.feed(frame)
    recorder.cut()
    recorder.close(10)
    assert sum(pictures_in(path) for path in tmp_path.glob("gate/*/*.mp4")) == len(frames)
    assert board.read().frames_dropped == 0


def test_slow_disk_loses_whole_groups_and_says_so(tmp_path, frames):
    board = StatusBoard()
    recorder = recorder_of(tmp_path, board)
    many = [later(frame, 12 * lap) for lap in range(QUEUE_FRAMES // 120 + 1) for frame in frames]
    for frame in many:  # not started yet: as if the disk had stalled
        recorder.feed(frame)
    assert board.read().frames_dropped == len(many) - QUEUE_FRAMES
    recorder.start()
    recorder.close(10)
    assert sum(pictures_in(path) for path in tmp_path.glob("gate/*/*.mp4")) == QUEUE_FRAMES


def test_sixteen_cameras_begin_at_once(tmp_path, frames):
    boards = [StatusBoard() for _ in range(16)]
    recorders = [
        Recorder(CameraConfig(id=f"c{n}", url="rtsp://h/p", record=True), tmp_path, Disk(free_bytes=0), board)
        for n, board in enumerate(boards)
    ]
    for recorder in recorders:
        recorder.start()
    for frame in frames[: 3 * GOP]:
        for recorder in recorders:
            recorder.feed(frame)
    for recorder in recorders:
        recorder.close(20)
    assert {board.read().code for board in boards} == {None}
    counts = [pictures_in(path) for path in sorted(tmp_path.glob("c*/*/*.mp4"))]
    assert counts == [3 * GOP] * 16
    rows = Catalogue.of(tmp_path).read("SELECT path, bytes FROM segment WHERE state = 1")
    assert dict(rows) == {str(path.relative_to(tmp_path)): path.stat().st_size for path in tmp_path.glob("c*/*/*.mp4")}


def test_large_pictures_wait_in_bounded_memory(tmp_path, frames):
    board = StatusBoard()
    recorder = recorder_of(tmp_path, board)
    for number in range(40):
        recorder.feed(later(frames[0], number, data=bytes(1_000_000)))
    assert board.read().frames_dropped >= 30


def test_camera_is_recorded_by_one_process_at_a_time(tmp_path, frames):
    boards = [StatusBoard(), StatusBoard()]
    first, second = recorder_of(tmp_path, boards[0]), recorder_of(tmp_path, boards[1])
    first.start()
    for frame in frames:
        first.feed(frame)
    deadline = threading.Event()
    while not boards[0].read().recording and not deadline.wait(0.05):
        pass
    second.start()
    while boards[1].read().code is None and not deadline.wait(0.05):
        pass
    assert "another process" in boards[1].read().detail
    second.close(10)
    first.close(10)


def test_newest_key_frame_becomes_a_picture(frames):
    latest = LatestKeyFrame()
    for frame in frames[:30]:
        latest.feed(frame)
    newest = latest.get()
    assert newest is frames[GOP]
    shot = snapshot_of(coded(newest), newest.at)
    assert (shot.width, shot.height, shot.at) == (320, 180, newest.at)
    assert shot.jpeg.startswith(b"\xff\xd8") and shot.jpeg.endswith(b"\xff\xd9")
    latest.cut()
    assert latest.get() is None


def test_picture_that_does_not_decode(frames):
    rubbish = EncodedFrame(b"\x00\x00\x00\x04\x65abc", 0, 0, 1, True, frames[0].format, START, 0.0)
    with pytest.raises(CameraFault, match="no_picture"):
        snapshot_of(coded(rubbish), rubbish.at)


def pictures_set(frames, seconds):
    """The same pictures while the wall clock was set by so many seconds."""
    return [dataclasses.replace(frame, at=later(frame, seconds).at) for frame in frames]


def test_a_mistake_rests_one_recorder_and_says_so(tmp_path, frames):
    boards = StatusBoard(), StatusBoard()
    spoiled, other = (
        Recorder(CameraConfig(id=name, url="rtsp://h/p", record=True), tmp_path, Disk(free_bytes=0), board)
        for name, board in zip(("gate", "yard"), boards, strict=True)
    )
    for recorder in (spoiled, other):
        recorder.start()
        for frame in frames[: 2 * GOP + 1]:
            recorder.feed(frame)
    spoiled.feed(later(frames[2 * GOP + 1], 0, dts="no number"))
    wait_until(lambda: boards[0].read().code == "camera.disk_error")
    assert "TypeError" in (boards[0].read().detail or "")
    assert not boards[0].read().recording
    assert boards[1].read().code is None
    for recorder in (spoiled, other):
        for frame in frames[3 * GOP : 5 * GOP + 1]:
            recorder.feed(frame)
    wait_until(lambda: boards[0].read().recording)
    assert boards[0].read().code is None
    for recorder in (spoiled, other):
        recorder.close(20)
    gate, yard = ([pictures_in(path) for path in sorted(tmp_path.glob(f"{name}/*/*.mp4"))] for name in ("gate", "yard"))
    assert gate == [2 * GOP, 2 * GOP + 1]
    assert sum(yard) == 4 * GOP + 2
    rows = dict(Catalogue.of(tmp_path).read("SELECT path, bytes FROM segment WHERE state = 1"))
    assert rows == {str(path.relative_to(tmp_path)): path.stat().st_size for path in tmp_path.glob("*/*/*.mp4")}


def wait_until(true, limit_s=20):
    deadline_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
