"""Several cameras in one process: what each does to the others, watching live, what happens when the process dies."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from camera_rig import LIMIT_S, config_for, free_port, process_lives

from bench.rtsp.rig import TestCamera
from camera import CameraFault, CameraGroup, GroupConfig
from camera.recordings.library import Library
from camera.settings import Motion
from camera.wire import Message, read_message
from camera.words import wrap_config


@pytest.fixture(scope="module")
def host():
    with TestCamera("tiny") as camera:
        yield camera


class Ear:
    """A listener that remembers everything and lets a test wait for it."""

    def __init__(self):
        self.statuses, self.events, self.pieces, self.gone = {}, [], [], []
        self._news = asyncio.Event()

    def status(self, camera, status):
        self.statuses.setdefault(camera, []).append(status)
        self._news.set()

    def motion(self, event):
        self.events.append(event)
        self._news.set()

    def live(self, piece):
        self.pieces.append(piece)
        self._news.set()

    def deleted(self, deleted):
        self.gone.append(deleted)
        self._news.set()

    async def until(self, wanted, limit_s=LIMIT_S):
        try:
            async with asyncio.timeout(limit_s):
                while not wanted():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            last = {name: seen[-1] for name, seen in self.statuses.items()}
            raise AssertionError(f"never came; last: {last}") from None

    def now(self, camera):
        return self.statuses[camera][-1]

    def streaming(self, *cameras):
        return lambda: all(self.now(camera).state == "streaming" for camera in cameras)


def group_of(*cameras, **changes):
    return GroupConfig(cameras=tuple(cameras), **changes)


def kinds(pieces):
    return [piece.kind for piece in pieces]


async def test_cameras_share_a_process_and_one_that_fails_disturbs_no_other(host):
    ear = Ear()
    config = group_of(
        config_for(host.url("tiny/1"), id="gate"),
        config_for(host.url("tiny/2"), id="yard"),
        config_for(f"rtsp://127.0.0.1:{free_port()}/x", id="gone"),
        config_for(host.url("nothing"), id="nowhere"),
    )
    async with CameraGroup(config, ear) as group:
        await ear.until(ear.streaming("gate", "yard"))
        await ear.until(lambda: ear.now("gone").code and ear.now("nowhere").code)
        assert (ear.now("gone").code, ear.now("nowhere").code) == ("camera.refused", "camera.not_found")
        shots = await asyncio.gather(group.snapshot("gate", 20), group.snapshot("yard", 20))
        assert {shot.width for shot in shots} == {320}
        with pytest.raises(CameraFault, match="refused"):
            await group.snapshot("gone")
        assert group.status("gate") == ear.now("gate")
        limits = Path(f"/proc/{group.pid}/limits").read_text().splitlines()
        (core,) = (line.split() for line in limits if line.startswith("Max core"))
        (data,) = (line.split() for line in limits if line.startswith("Max data"))
        assert core[4] == "0" and data[3] != "unlimited"
        assert os.getpriority(os.PRIO_PROCESS, group.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    assert {status[-1].state for status in ear.statuses.values()} == {"stopped"}


async def test_pictures_that_cannot_be_decoded_are_a_fault_of_that_camera_alone(host):
    ear = Ear()
    cameras = config_for(host.url("tiny-garbage"), id="noise"), config_for(host.url("tiny"), id="gate")
    async with CameraGroup(group_of(*cameras), ear) as group:
        await group.watch("noise", "main")
        await ear.until(lambda: ear.statuses.get("noise") and ear.now("noise").code == "camera.garbage")
        assert ear.now("noise").state == "streaming"
        await ear.until(ear.streaming("gate"))
        assert (await group.snapshot("gate", 20)).width == 320
        await asyncio.sleep(2)
        assert ear.now("gate").code is None
        assert ear.now("noise").code == "camera.garbage"


async def test_watching_begins_with_init_and_key_frame_and_ends(host):
    ear = Ear()
    async with CameraGroup(group_of(config_for(host.url("tiny"))), ear) as group:
        await ear.until(ear.streaming("gate"))
        assert ear.pieces == [], "nothing is sent while nobody watches"
        assert await group.watch("gate", "sub") == "main", "it has no sub stream"
        await ear.until(lambda: len(ear.pieces) > 20)
        assert kinds(ear.pieces)[:2] == ["init", "key"]
        numbers = [piece.number for piece in ear.pieces if piece.kind != "init"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        mark, epoch = len(ear.pieces), ear.pieces[0].epoch
        await group.watch("gate", "main")
        await ear.until(lambda: "init" in kinds(ear.pieces[mark:]))
        assert {piece.epoch for piece in ear.pieces} == {epoch}
        await group.rest("gate", "main")
        mark = len(ear.pieces)
        await asyncio.sleep(0.5)
        assert len(ear.pieces) == mark


async def test_sub_stream_is_pulled_while_somebody_watches(host):
    ear = Ear()
    async with CameraGroup(group_of(config_for(host.url("tiny"), sub_url=host.url("tiny/sub"))), ear) as group:
        await ear.until(ear.streaming("gate"))
        assert ear.now("gate").sub is None
        assert await group.watch("gate", "sub") == "sub"
        await ear.until(lambda: len(ear.pieces) > 10 and ear.now("gate").sub is not None)
        assert {piece.stream for piece in ear.pieces} == {"sub"}
        await group.rest("gate", "sub")
        await ear.until(lambda: ear.now("gate").sub is None)


async def test_process_that_dies_is_replaced_and_watches_go_on(host):
    ear = Ear()
    config = group_of(*(config_for(host.url(f"tiny/{name}"), id=name) for name in ("gate", "yard")))
    async with CameraGroup(config, ear) as group:
        await group.watch("gate", "main")
        await ear.until(lambda: ear.pieces and ear.streaming("gate", "yard")())
        pid, epoch = group.pid, ear.pieces[-1].epoch
        os.kill(pid, signal.SIGKILL)
        await ear.until(lambda: all(ear.now(name).code == "camera.process_died" for name in ("gate", "yard")))
        await ear.until(lambda: ear.streaming("gate", "yard")() and ear.pieces[-1].epoch > epoch)
        assert group.pid not in {pid, None}


async def test_frozen_camera_is_noticed_and_comes_back():
    ear = Ear()
    with TestCamera("tiny") as camera:
        async with CameraGroup(group_of(config_for(camera.url("tiny"), timeout_s=2)), ear):
            await ear.until(lambda: ear.streaming("gate")() and ear.now("gate").main.fps)
            last_at = ear.now("gate").main.last_frame_at
            camera.freeze()
            await ear.until(lambda: ear.now("gate").state == "retrying")
            frozen = next(status for status in ear.statuses["gate"] if status.state == "retrying")
            assert frozen.code == "camera.frozen"
            assert (frozen.since - max(last_at, frozen.main.last_frame_at)).total_seconds() < 5, (
                "2 s, but for a slow CI"
            )
            camera.thaw()
            await ear.until(ear.streaming("gate"))
            assert ear.now("gate").main.reconnects == 1
            camera.kill()
            await ear.until(lambda: ear.now("gate").code == "camera.refused")
            camera.start()
            await ear.until(ear.streaming("gate"))


async def test_motion_is_told_when_it_begins_and_ends(clip, tmp_path):
    """Whole chain: a clip as sub stream, the real eye, the catalogue."""
    ear = Ear()
    motion = Motion(sensitivity="high", smallest=0.0005, quiet_s=1)
    url = f"clip://{str(clip).replace(' ', '%20')}"
    camera = config_for(url, sub_url=url, motion=motion)
    async with CameraGroup(group_of(camera, directory=tmp_path), ear):
        await ear.until(lambda: ear.events, limit_s=60)
        await ear.until(lambda: ear.now("gate").moving is not None)
        assert ear.events[0].camera == "gate" and ear.events[0].end is None
        assert ear.now("gate").sub is not None, "the sub stream is pulled for the eye"
    begun, ended = ({e.id for e in ear.events if (e.end is None) is open_} for open_ in (True, False))
    assert begun == ended, "what began has ended, also when the group was stopped in between"
    first = ear.events[0]
    stored = Library(tmp_path).events("gate", first.begin - timedelta(hours=1), first.begin + timedelta(hours=1), 10)
    assert {event.id for event in stored} == begun and all(event.end is not None for event in stored)
    assert Library(tmp_path).picture(first.id).read_bytes()[:2] == b"\xff\xd8"


def test_agent_that_does_not_read_holds_up_nothing(host, tmp_path):
    config = group_of(config_for(host.url("tiny"), record=True), directory=tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "camera.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        process.stdin.write(wrap_config(config).pack())
        process.stdin.write(Message({"do": "watch", "camera": "gate", "stream": "main"}).pack())
        process.stdin.flush()
        sizes, deadline_s = set(), time.monotonic() + LIMIT_S
        while len(sizes) < 8:
            assert time.monotonic() < deadline_s, "the recording stands still"
            sizes.add(sum(path.stat().st_size for path in tmp_path.glob("gate/*/*.mp4")))
            time.sleep(0.2)
        statuses = []
        while not statuses or not statuses[-1].header["cameras"]["gate"]["bytes_recorded"]:
            message = read_message(process.stdout)
            statuses += [message] if message.header["is"] == "status" else []
        assert process.poll() is None
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def test_process_without_an_agent_ends(host):
    process = subprocess.Popen(
        [sys.executable, "-m", "camera.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    process.stdin.write(wrap_config(group_of(config_for(host.url("tiny")))).pack())
    process.stdin.flush()
    assert read_message(process.stdout) is not None
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.wait(10) == 0
    assert not process_lives(process.pid)


def test_memory_limit_of_the_configuration_counts(host):
    config = group_of(config_for(host.url("tiny")), memory_mb=64)
    process = subprocess.Popen(
        [sys.executable, "-m", "camera.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    process.stdin.write(wrap_config(config).pack())
    process.stdin.flush()
    assert read_message(process.stdout) is not None
    assert resource.prlimit(process.pid, resource.RLIMIT_DATA) == (64 << 20, resource.RLIM_INFINITY)
    process.stdin.close()
    process.stdout.close()
    process.wait(10)
