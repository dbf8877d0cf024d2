"""What breaks while a camera runs, and how it comes back by itself. Real server, real child process, real signals."""

import asyncio
import os
import signal

from camera_rig import GOP, Watch, config_for, pictures_in, process_lives, recordings, rtsp_camera

from camera import Camera, CameraFault
from camera.settings import Disk


async def test_server_killed_and_started_again(clip, tmp_path):
    watch = Watch()
    with rtsp_camera(clip) as host:
        async with Camera(config_for(host.url, record=True), watch, tmp_path) as camera:
            await watch.until(lambda status: status.recording)
            mark = len(watch.seen)
            host.kill()
            refused = await watch.until(lambda status: status.code == "camera.refused" and not status.recording, mark)
            assert refused.main.fps is None
            try:
                await camera.snapshot()
            except CameraFault as fault:
                assert fault.code == "camera.refused", "an old picture does not pass for a new one"
            else:
                raise AssertionError("a picture of a dead camera")
            mark, pid = len(watch.seen), camera.pid
            host.start()
            back = await watch.until(lambda status: status.state == "streaming" and status.recording, mark)
            assert back.code is None and back.attempts >= 1, "not forgiven before it is stable"
            assert camera.pid == pid, "the child survived"
    assert len(recordings(tmp_path)) == 2
    assert all(pictures_in(path) for path in recordings(tmp_path))


async def test_frozen_and_thawed(clip):
    watch = Watch()
    with rtsp_camera(clip) as host:
        async with Camera(config_for(host.url), watch):
            await watch.until(lambda status: status.state == "streaming")
            mark = len(watch.seen)
            host.signal(signal.SIGSTOP)
            frozen = await watch.until(lambda status: status.state == "retrying", mark)
            assert frozen.code == "camera.frozen"
            mark = len(watch.seen)
            host.signal(signal.SIGCONT)
            back = await watch.until(lambda status: status.state == "streaming", mark)
            assert back.code is None


async def test_child_killed(camera_host, tmp_path):
    watch = Watch()
    async with Camera(config_for(camera_host.url, record=True), watch, tmp_path) as camera:
        await watch.until(lambda status: status.bytes_recorded)
        mark, pid = len(watch.seen), camera.pid
        os.kill(pid, signal.SIGKILL)
        died = await watch.until(lambda status: status.code, mark)
        assert (died.code, died.state) == ("camera.process_died", "retrying")
        assert "SIGKILL" in died.detail
        await watch.until(lambda status: status.state == "streaming" and status.recording, mark)
        assert camera.pid not in {pid, None}
    cut, *_rest = recordings(tmp_path)
    assert pictures_in(cut) >= GOP and pictures_in(cut) % GOP == 0, "whole groups of pictures, up to the last one"


async def test_child_that_hangs_is_stopped(clip):
    watch = Watch()
    async with Camera(config_for(f"clip://{str(clip).replace(' ', '%20')}"), watch) as camera:
        await watch.until(lambda status: status.state == "streaming")
        pid = camera.pid
        os.kill(pid, signal.SIGSTOP)
    assert not process_lives(pid)
    assert camera.status.state == "stopped"


async def test_child_that_hangs_is_replaced(clip, monkeypatch):
    monkeypatch.setattr("camera.process.SILENCE_S", 2.0)
    watch = Watch()
    async with Camera(config_for(f"clip://{str(clip).replace(' ', '%20')}"), watch) as camera:
        await watch.until(lambda status: status.state == "streaming")
        mark, pid = len(watch.seen), camera.pid
        os.kill(pid, signal.SIGSTOP)
        died = await watch.until(lambda status: status.code, mark)
        assert died.code == "camera.process_died" and "hung" in died.detail
        await watch.until(lambda status: status.state == "streaming", mark)
        assert camera.pid != pid and not process_lives(pid)


async def test_child_ends_when_its_parent_goes(clip):
    """The parent's end closes the pipe; nothing else may be needed."""
    watch = Watch()
    async with Camera(config_for(f"clip://{str(clip).replace(' ', '%20')}"), watch) as camera:
        await watch.until(lambda status: status.state == "streaming")
        mark = len(watch.seen)
        camera._group._child._process.stdin.close()
        died = await watch.until(lambda status: status.code, mark)
        assert died.code == "camera.process_died" and "code 0" in died.detail


async def test_full_disk_does_not_stop_the_stream(camera_host, tmp_path):
    watch = Watch()
    config = config_for(camera_host.url, record=True)
    async with Camera(config, watch, tmp_path, Disk(free_bytes=10**15)) as camera:
        status = await watch.until(lambda status: status.code)
        assert (status.code, status.state, status.recording) == ("camera.disk_full", "streaming", False)
        mark = len(watch.seen)
        await watch.until(lambda later: later.main.last_frame_at > status.main.last_frame_at, mark)
        assert (await camera.snapshot(timeout_s=10)).width == 320
    assert recordings(tmp_path) == []


async def test_folder_that_cannot_be_used(camera_host, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    watch = Watch()
    async with Camera(config_for(camera_host.url, record=True), watch, blocked) as camera:
        status = await watch.until(lambda status: status.state == "streaming" and status.code)
        assert status.code == "camera.disk_error" and not status.recording
        assert (await camera.snapshot(timeout_s=10)).width == 320


async def test_listener_that_fails_is_logged_and_harmless(clip, caplog):
    def listener(_status):
        raise RuntimeError("a mistake of the listener")

    async with Camera(config_for(f"clip://{str(clip).replace(' ', '%20')}"), listener) as camera:
        assert (await camera.snapshot(timeout_s=20)).width == 320
    assert "a mistake of the listener" in caplog.text


async def test_cancelled_while_running(clip):
    watch, pids = Watch(), []

    async def live() -> None:
        async with Camera(config_for(f"clip://{str(clip).replace(' ', '%20')}"), watch) as camera:
            await watch.until(lambda status: status.state == "streaming")
            pids.append(camera.pid)
            await asyncio.sleep(60)

    task = asyncio.create_task(live())
    await watch.until(lambda status: status.state == "streaming")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled() and not process_lives(pids[0])
