"""Clips and stills out of recordings, by the process that is made for it."""

import asyncio
import dataclasses
import hashlib
import io
import os
import subprocess
import sys
from datetime import timedelta

import av
import numpy as np
import pytest
from camera_footage import START, Rig, later, pictures_of
from camera_rig import FPS, packets_of, slices_of

from camera.clip import make_clip
from camera.model import CameraFault
from camera.recordings.library import Library, cut_clip, still_at

LATE = timedelta(seconds=1000)


def after(seconds):
    return START + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def frames(clip):
    return pictures_of(clip)


@pytest.fixture(scope="module")
def recorded(frames, tmp_path_factory):
    """Twelve seconds in three files, a break, twelve more of which the last file is still being written."""
    rig = Rig(tmp_path_factory.mktemp("video"))
    rig.write(frames)
    rig.writer.cut()
    rig.write([later(frame, 60) for frame in frames])
    return rig.directory


def shades(jpeg):
    with av.open(io.BytesIO(jpeg), format="mjpeg") as container:
        return next(container.decode(video=0)).to_ndarray(format="gray")


async def test_clip_begins_at_the_key_frame_before_and_spans_files(recorded, clip, tmp_path):
    made = await cut_clip(recorded, "gate", after(3), after(9), tmp_path / "clip.mp4")
    assert (made.begin, made.end) == (after(2), after(9)) and made.gap_s == 0 and not made.cut_short
    data = made.path.read_bytes()
    assert (made.bytes, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert data.index(b"moov") < data.index(b"mdat"), "a phone begins to play before it has all"
    packets = packets_of(made.path)
    assert packets[0].is_keyframe
    assert [slices_of(one) for one in packets] == [slices_of(one) for one in packets_of(clip)[2 * FPS : 9 * FPS]]
    with av.open(str(made.path)) as container:
        times = [picture.time for picture in container.decode(video=0)]
    assert times == pytest.approx([number / FPS for number in range(70)], abs=0.001)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


async def test_clip_of_what_is_being_written(recorded, tmp_path):
    made = await cut_clip(recorded, "gate", after(65), after(200), tmp_path / "clip.mp4")
    assert (made.begin, made.end) == (after(64), after(70)), "as far as it is on the disk"
    assert len(packets_of(made.path)) == 6 * FPS


async def test_clip_over_a_break_says_so(recorded, tmp_path):
    made = await cut_clip(recorded, "gate", after(8), after(64), tmp_path / "clip.mp4")
    assert (made.begin, made.end) == (after(8), after(64))
    assert made.gap_s == pytest.approx(48, abs=0.01)
    assert len(packets_of(made.path)) == 8 * FPS


async def test_camera_whose_clock_runs_slow_has_no_gaps(frames, tmp_path):
    rig = Rig(tmp_path / "video", segment_seconds=60)
    many = [later(frame, 12 * lap) for lap in range(12) for frame in frames]
    rig.write([dataclasses.replace(one, dts=number * 100, pts=number * 100) for number, one in enumerate(many)])
    rig.writer.cut()
    (span,) = Library(tmp_path / "video").spans("gate", START, START + LATE)
    assert (span.end - span.begin).total_seconds() == pytest.approx(144, abs=1)
    made = await cut_clip(tmp_path / "video", "gate", START, START + LATE, tmp_path / "clip.mp4")
    assert made.gap_s == 0 and len(packets_of(made.path)) == len(many)


async def test_clip_that_begins_before_the_recording(recorded, tmp_path):
    made = await cut_clip(recorded, "gate", after(-100), after(1), tmp_path / "clip.mp4")
    assert (made.begin, made.end) == (START, after(1))


async def test_nothing_was_recorded(recorded, tmp_path):
    for begin, end in ((after(20), after(50)), (START - LATE, START), (after(70.5), START + LATE)):
        with pytest.raises(CameraFault, match=r"camera\.not_recorded"):
            await cut_clip(recorded, "gate", begin, end, tmp_path / "clip.mp4")
    with pytest.raises(CameraFault, match=r"camera\.not_recorded"):
        await cut_clip(recorded, "other", START, after(5), tmp_path / "clip.mp4")
    with pytest.raises(CameraFault, match=r"camera\.not_recorded"):
        await still_at(recorded, "gate", START - LATE)
    assert list(tmp_path.iterdir()) == []


async def test_place_that_cannot_be_written(recorded, tmp_path):
    with pytest.raises(CameraFault, match=r"camera\.disk_error"):
        await cut_clip(recorded, "gate", START, after(5), tmp_path / "missing" / "clip.mp4")


async def test_clip_ends_where_the_format_changes(frames, tmp_path):
    small = pictures_of(make_clip(tmp_path / "small.mp4", 4, 160, 96, FPS), start=after(12))
    small = [later(frame, 0, arrived_s=frame.arrived_s + 12) for frame in small]
    rig = Rig(tmp_path / "video", segment_seconds=60)
    rig.write([*frames, *small])
    rig.writer.cut()
    made = await cut_clip(tmp_path / "video", "gate", after(8), after(16), tmp_path / "clip.mp4")
    assert made.cut_short and made.end == after(12)
    rest = await cut_clip(tmp_path / "video", "gate", made.end, after(16), tmp_path / "rest.mp4")
    assert (rest.begin, rest.end, rest.cut_short) == (after(12), after(16), False)
    with av.open(str(rest.path)) as container:
        assert container.streams.video[0].width == 160


async def test_h265_with_b_frames_is_cut(tmp_path):
    source = tmp_path / "source.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx265", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 20, 2
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none:open-gop=0"}
        for number in range(60):
            picture = np.full((96, 160, 3), 10 + number * 4, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    rig = Rig(tmp_path / "video")
    rig.write(pictures_of(source))
    rig.writer.cut()
    made = await cut_clip(tmp_path / "video", "gate", after(2.5), after(6), tmp_path / "clip.mp4")
    with av.open(str(made.path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
        levels = [picture.to_ndarray(format="gray").mean() for picture in container.decode(video=0)]
    assert len(levels) == 40 and levels == sorted(levels)
    still = await still_at(tmp_path / "video", "gate", after(3))
    assert still.at == after(2) and shades(still.jpeg).mean() == pytest.approx(levels[0], abs=4)


async def test_still_is_the_key_frame_before_and_masks_are_black(recorded):
    still = await still_at(recorded, "gate", after(7.5))
    assert (still.at, still.width, still.height) == (after(6), 320, 180)
    assert shades(still.jpeg)[100:, :].mean() > 60
    masked = await still_at(recorded, "gate", after(69), [((0, 0.5), (1, 0.5), (1, 1), (0, 1))])
    assert masked.at == after(68)
    assert shades(masked.jpeg)[100:, :].max() < 24, "black, but for the noise of the JPEG"
    assert shades(masked.jpeg)[:80, :].mean() > 60


async def test_spoiled_file_gives_a_clear_error_or_less(frames, tmp_path):
    rig = Rig(tmp_path / "video")
    rig.write(frames)
    rig.writer.cut()
    first, second, third = rig.files()
    first.write_bytes(os.urandom(first.stat().st_size))
    os.truncate(second, second.stat().st_size - 500)
    made = await cut_clip(tmp_path / "video", "gate", START, after(12), tmp_path / "clip.mp4")
    assert (made.begin, made.end) == (after(4), after(12))
    assert made.gap_s == pytest.approx(2, abs=0.01)
    second.unlink()
    third.unlink()
    with pytest.raises(CameraFault, match=r"camera\.not_recorded"):
        await cut_clip(tmp_path / "video", "gate", START, after(12), tmp_path / "clip2.mp4")


async def test_cancelled_cutting_leaves_no_process_and_no_file(recorded, tmp_path):
    task = asyncio.create_task(cut_clip(recorded, "gate", START, after(9), tmp_path / "clip.mp4"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
    )
    assert "cutting" not in children.stdout
    assert list(tmp_path.iterdir()) == []


def test_reading_needs_no_pyav():
    code = "import sys, camera.recordings.library as _; print(any(m in sys.modules for m in ('av', 'cv2', 'numpy')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
