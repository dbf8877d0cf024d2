"""Pictures are taken over some at once while nobody looks live: none is lost, and a freeze is still seen."""

import threading
import time
from itertools import pairwise

import pytest

from bench.rtsp.clips import path_of
from bench.rtsp.rig import TestCamera
from camera.model import CameraConfig, CameraFault
from camera.pull.nap import WAKE_S
from camera.pull.rtsp import RtspSource


def taken(stream, seconds):
    """Pictures of so long, each with when it was handed out."""
    end_s = time.monotonic() + seconds
    for frame in stream:
        yield frame, time.monotonic()
        if time.monotonic() > end_s:
            return


def plain(data):
    """A picture with short start codes alone."""
    return data.replace(b"\0\0\0\1", b"\0\0\1")


def clip():
    """The clip's pictures, in their order."""
    raw, place, found = path_of("tiny").read_bytes(), 0, []
    while place < len(raw):
        size = int.from_bytes(raw[place : place + 4], "big")
        found.append(plain(raw[place + 4 : place + 4 + size]))
        place += 4 + size
    return found


def bunches(pictures):
    """How many pauses lie between the pictures."""
    return sum(later - earlier > 0.02 for (_, earlier), (_, later) in pairwise(pictures))


def test_pictures_come_in_bunches_until_somebody_looks():
    hurry = threading.Event()
    with TestCamera("tiny") as camera:
        sent = clip()
        config = CameraConfig(id="gate", url=camera.url("tiny"))
        stream = RtspSource(config, config.url, threading.Event(), hurry).open()
        list(taken(stream, WAKE_S + 0.5))
        napping = list(taken(stream, 3))
        hurry.set()
        list(taken(stream, 0.5))
        awake = list(taken(stream, 3))
        assert bunches(napping) < 0.6 * len(napping)
        assert bunches(awake) > 0.7 * len(awake)
        for pictures in (napping, awake):
            got = [plain(frame.data) for frame, _ in pictures]
            lap = [unit for turn in range(2) for unit in sent]
            assert got in [lap[place : place + len(got)] for place in range(len(sent))], "none is missing"
        hurry.clear()
        list(taken(stream, 1))
        camera.freeze()
        with pytest.raises(CameraFault) as caught:
            list(taken(stream, 20))
        assert caught.value.code == "camera.frozen"
