"""The group's side of the eye, with the real eye process: what it is handed, how it is watched, blamed and replaced."""

import os
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
from camera_rig import LIMIT_S, config_for, process_lives
from hypothesis import given
from hypothesis import strategies as st

from camera.eyefeed import ALL_WAITING, Pending
from camera.frames import EncodedFrame, VideoFormat
from camera.model import CameraFault, GroupConfig, Snapshot
from camera.settings import Motion
from camera.watchman import Watchman

MEMORY = 500 << 20


@pytest.fixture(scope="module")
def frames(clip):
    """The clip's pictures as a camera would send them."""
    with av.open(str(clip)) as container:
        video = VideoFormat(container.streams.video[0])
        return [
            EncodedFrame(
                bytes(packet),
                packet.dts,
                packet.pts,
                packet.duration,
                packet.is_keyframe,
                video,
                datetime.now(UTC),
                0.0,
            )
            for packet in container.demux(video=0)
            if packet.size
        ]


def threads(_name, work):
    threading.Thread(target=work, daemon=True).start()


class Post:
    """A running watchman, and what it tells."""

    def __init__(self, **motions):
        self.seens, self.events, self.faults, self.shots = [], [], [], []
        cameras = tuple(config_for("rtsp://h/p", id=name, motion=motion) for name, motion in motions.items())
        self.watchman = Watchman(GroupConfig(cameras=cameras, directory=Path("/nowhere")), self, threads, MEMORY)
        threads("watchman", self.watchman.run)

    def seen(self, seen):
        self.seens.append(seen)

    def moved(self, event, jpeg):
        self.events.append((event, jpeg))

    def eye(self, camera, fault):
        self.faults.append((camera, fault and fault.code))

    def seen_of(self, camera):
        return [seen for seen in self.seens if seen.camera == camera]

    def life(self, other_than=None):
        """Return the running eye, which is not that of before."""
        until(lambda: self.watchman._life not in {None, other_than})
        return self.watchman._life


def until(wanted):
    deadline_s = time.monotonic() + LIMIT_S
    while not wanted():
        assert time.monotonic() < deadline_s, "never came"
        time.sleep(0.01)


@pytest.fixture
def post():
    posts = []

    def make(**motions):
        posts.append(Post(**motions))
        return posts[-1]

    yield make
    for made in posts:
        if (life := made.watchman._life) is not None:
            life.kill()


def keys(frames):
    return [frame for frame in frames if frame.is_key]


def test_key_frames_are_looked_at(post, frames):
    here = post(gate=Motion(), yard=Motion())
    gate, yard = here.watchman.feed("gate"), here.watchman.feed("yard")
    for frame in frames:
        gate.feed(frame)
        yard.feed(frame)
        if frame.is_key:
            until(lambda: len(here.seens) == 2 * (keys(frames).index(frame) + 1))  # noqa: B023 - it runs at once
    assert [seen.number for seen in here.seen_of("gate")] == list(range(1, len(keys(frames)) + 1))
    limits = Path(f"/proc/{here.life().pid}/limits").read_text()
    assert str(MEMORY) in next(line for line in limits.splitlines() if line.startswith("Max data size"))
    assert os.getpriority(os.PRIO_PROCESS, here.life().pid) > os.getpriority(os.PRIO_PROCESS, 0)


def test_newest_key_frame_takes_the_place_of_those_that_wait(post, frames):
    here = post(gate=Motion())
    for frame in keys(frames) * 50:
        here.watchman.feed("gate").feed(frame)
    until(lambda: here.seens and not here.life().in_hand)
    assert len(here.seens) < 50, "what came while the eye was busy was left out"


def test_snapshot_with_an_eye_on_demand_that_ends_when_idle(post, frames, monkeypatch):
    monkeypatch.setattr("camera.watchman.IDLE_S", 0.5)
    here = post(gate=None)
    here.watchman.snapshot("gate", frames[0], here.shots.append)
    until(lambda: here.shots)
    shot, pid = here.shots[0], here.life().pid
    assert isinstance(shot, Snapshot) and (shot.width, shot.height) == (320, 180) and shot.jpeg[:2] == b"\xff\xd8"
    until(lambda: here.watchman._life is None)
    assert not process_lives(pid)
    here.watchman.snapshot("gate", frames[0], here.shots.append)
    until(lambda: len(here.shots) == 2)
    assert here.faults == []


def test_eye_that_dies_is_replaced(post, frames):
    here = post(gate=Motion())
    feed, first = here.watchman.feed("gate"), keys(frames)[0]
    feed.feed(first)
    until(lambda: here.seens)
    before = here.life()
    os.kill(before.pid, signal.SIGKILL)
    here.life(other_than=before)
    feed.feed(first)
    until(lambda: len(here.seens) == 2)
    assert here.faults == []


def test_eye_that_hangs_is_killed(post, frames, monkeypatch):
    monkeypatch.setattr("camera.watchman.HANG_S", 0.3)
    here = post(gate=Motion())
    feed = here.watchman.feed("gate")
    before = here.life()
    os.kill(before.pid, signal.SIGSTOP)
    feed.feed(keys(frames)[0])
    here.watchman.snapshot("gate", frames[0], here.shots.append)

    def replaced():
        here.watchman.tick()
        return here.watchman._life not in {None, before}

    until(replaced)
    monkeypatch.setattr("camera.watchman.HANG_S", 30.0)
    assert not process_lives(before.pid)
    until(lambda: here.shots)
    assert isinstance(here.shots[0], CameraFault | Snapshot), "who asked is answered"


def test_camera_whose_pictures_kill_the_eye_rests_and_the_others_go_on(post, frames, monkeypatch):
    monkeypatch.setattr("camera.eyeblame.REST_S", 2.0)
    here = post(gate=Motion(), yard=Motion())
    gate, yard = here.watchman.feed("gate"), here.watchman.feed("yard")
    key, before = keys(frames)[0], None
    for _death in range(2):
        before = here.life(other_than=before)
        os.kill(before.pid, signal.SIGSTOP)  # so that the picture stays in hand
        gate.feed(key)
        until(lambda: "gate" in before.in_hand.values())  # noqa: B023 - it runs at once
        os.kill(before.pid, signal.SIGKILL)
    until(lambda: here.faults)
    assert here.faults == [("gate", "camera.eye_died")]
    here.life(other_than=before)
    seen = len(here.seens)
    gate.feed(key)
    yard.feed(key)
    until(lambda: len(here.seens) > seen)
    assert [one.camera for one in here.seens[seen:]] == ["yard"]
    time.sleep(2.0)
    gate.feed(key)
    until(lambda: here.seen_of("gate"))
    assert here.faults[-1] == ("gate", None), "it is looked at again, and the fault is gone"


def test_event_that_was_open_when_the_eye_died_is_closed(post, frames):
    here = post(gate=Motion(sensitivity="high", smallest=0.0005))
    feed, before = here.watchman.feed("gate"), here.life()
    number = 0
    while not here.events:
        frame = keys(frames)[number % len(keys(frames))]
        feed.feed(replace(frame, at=frame.at + timedelta(seconds=2 * number)))
        number += 1
        until(lambda: len(here.seens) == number)  # noqa: B023 - it runs at once
        assert number < 100, "the walker was never seen"
    event, jpeg = here.events[0]
    assert event.end is None and jpeg[:2] == b"\xff\xd8"
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: len(here.events) > 1)
    assert here.events[-1][0].id == event.id and here.events[-1][0].end >= event.begin


def made(number, is_key):
    return EncodedFrame(bytes([number % 256]), number, number, 1, is_key, None, datetime.now(UTC), float(number))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=200))
def test_what_is_taken_in_order_can_always_be_decoded(script):
    pending, decodable = Pending("all"), None
    for number, (is_key, takes) in enumerate(script):
        pending.put(made(number, is_key))
        for _ in range(takes):
            if (frame := pending.take()) is not None:
                assert frame.is_key or decodable == frame.dts - 1, "no picture whose forerunner was left out"
                decodable = frame.dts


def test_pictures_that_wait_are_bounded():
    pending = Pending("all")
    for number in range(ALL_WAITING):
        pending.put(made(number, number == 0))
    pending.put(made(ALL_WAITING, False))
    assert not pending and pending.dropped == ALL_WAITING
    pending.put(made(ALL_WAITING + 1, False))
    assert not pending
    pending.put(made(ALL_WAITING + 2, True))
    assert pending.take().is_key
    only = Pending("key")
    for number in range(10):
        only.put(made(number, number % 2 == 0))
    assert only.take().dts == 8 and not only
