"""A camera that works: against a real RTSP server, through the real child process."""

import asyncio
from datetime import UTC, datetime

import av
import cv2
import numpy as np
import pytest
from camera_rig import (
    FPS,
    GOP,
    SERVED_FPS,
    Watch,
    config_for,
    packets_of,
    pictures_in,
    recordings,
    run_python,
    slices_of,
)

from camera import Camera
from camera.settings import Disk


async def test_status_and_snapshot(camera_host):
    watch = Watch()
    before = datetime.now(UTC)
    async with Camera(config_for(camera_host.url), watch) as camera:
        shot = await camera.snapshot(timeout_s=20)
        status = await watch.until(lambda status: status.main.fps)
    picture = cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (180, 320, 3) == (shot.height, shot.width, 3)
    assert picture[40:60, 5:30, 0].mean() > 180, "the sky of the drawn scene is blue"
    assert before <= shot.at <= datetime.now(UTC)
    main = status.main
    assert (status.state, main.codec, main.width, main.height) == ("streaming", "h264", 320, 180)
    assert main.kbit_s > 1 and main.fps == pytest.approx(SERVED_FPS, rel=0.3)
    assert status.code is None and not status.recording and status.attempts == 0
    assert before <= main.last_frame_at <= datetime.now(UTC)
    assert watch.seen[0].state == "starting"
    assert watch.seen[-1].state == "stopped"


async def test_recording_is_the_stream_itself(camera_host, clip, tmp_path):
    watch = Watch()
    config = config_for(camera_host.url, record=True)
    async with Camera(config, watch, tmp_path, Disk(segment_seconds=1.5)) as camera:
        await watch.until(lambda status: status.recording and status.bytes_recorded)
        first = recordings(tmp_path)[0]
        await watch.until(lambda _status: len(recordings(tmp_path)) > 1)
        assert camera.status.state == "streaming"
    paths = recordings(tmp_path)
    assert paths[0] == first and len(paths) >= 2
    with av.open(str(first)) as recorded, av.open(str(clip)) as source:
        assert recorded.streams.video[0].codec_context.name == "h264"
        assert (recorded.streams.video[0].width, recorded.streams.video[0].height) == (320, 180)
        assert recorded.streams.video[0].codec_context.profile == source.streams.video[0].codec_context.profile
    sent = [slices_of(packet) for packet in packets_of(clip)]
    written = [slices_of(packet) for path in paths for packet in packets_of(path)]
    start = sent.index(written[0])
    assert written == [sent[(start + step) % len(sent)] for step in range(len(written))]
    assert len(packets_of(first)) == 2 * GOP, "cut at the first key frame after one and a half seconds"
    times = [float(packet.pts * packet.time_base) for packet in packets_of(first)]
    assert times[0] == 0
    assert (np.diff(times) > 0).all() and abs(np.median(np.diff(times)) - 1 / SERVED_FPS) < 0.02
    assert all(packets_of(path)[0].is_keyframe for path in paths)
    assert sum(map(pictures_in, paths)) == len(written)


async def test_udp(camera_host):
    watch = Watch()
    async with Camera(config_for(camera_host.url, transport="udp"), watch) as camera:
        assert (await camera.snapshot(timeout_s=20)).width == 320


async def test_clip_plays_for_ever(clip, tmp_path):
    """A clip of two seconds is recorded for longer than it lasts, without a hole."""
    short = tmp_path / "hai giây.mp4"
    await asyncio.to_thread(_trim, clip, short, GOP)
    watch = Watch()
    async with Camera(config_for(f"clip://{_quoted(short)}", record=True), watch, tmp_path):
        await watch.until(lambda status: status.bytes_recorded)
    (path,) = recordings(tmp_path)
    assert len(packets_of(path)) > GOP
    times = [float(packet.pts * packet.time_base) for packet in packets_of(path)]
    assert np.allclose(np.diff(times), 1 / FPS, atol=0.002)


async def test_snapshots_at_once_and_after_the_end(clip):
    camera = Camera(config_for(f"clip://{_quoted(clip)}"))
    async with camera:
        shots = await asyncio.gather(*(camera.snapshot(timeout_s=20) for _ in range(5)))
    assert {shot.width for shot in shots} == {320}
    assert camera.status.state == "stopped" and camera.pid is None
    async with camera:
        assert (await camera.snapshot(timeout_s=20)).height == 180, "it can be started again"


def test_prompt(camera_host, tmp_path):
    picture, folder = tmp_path / "a.jpg", tmp_path / "rec"
    run = run_python(
        "-m", "camera", camera_host.url, "--seconds", "1.5", "--record", str(folder), "--snapshot", str(picture)
    )
    assert run.returncode == 0, run.stderr
    assert "streaming" in run.stdout
    assert cv2.imread(str(picture)).shape == (180, 320, 3)
    assert list(folder.glob("prompt/*/*.mp4"))


def test_prompt_refuses_a_password_in_the_address():
    run = run_python("-m", "camera", "rtsp://cam:s3cret@127.0.0.1/gate")
    assert run.returncode == 2
    assert "own fields" in run.stderr and "s3cret" not in run.stderr + run.stdout


def _quoted(path):
    return str(path).replace(" ", "%20")


def _trim(source, target, pictures):
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if number >= pictures:
                break
            packet.stream = stream
            new.mux(packet)
