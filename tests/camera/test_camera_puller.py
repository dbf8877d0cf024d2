"""When the puller calls a stream good, stable or useless. Sources are made up, and so is their time."""

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

from camera.board import StatusBoard
from camera.frames import EncodedFrame
from camera.model import CameraFault
from camera.pull.backoff import STABLE_S, Backoff
from camera.pull.puller import KEY_FRAME_S, Puller

VIDEO = SimpleNamespace(codec="h264", width=4, height=2)


class Sink:
    def __init__(self):
        self.fed, self.cuts = [], 0

    def feed(self, frame):
        self.fed.append(frame)

    def cut(self):
        self.cuts += 1


class Script:
    """Plays one list of steps per opening; after the last it stops the puller. A step is a frame or a fault."""

    def __init__(self, *openings):
        self.openings, self.closed = list(openings), 0
        self.stop = threading.Event()
        self.states = []
        self.board = StatusBoard()
        self.sink = Sink()
        self.puller = Puller(self.source, [self.sink], self.board, self.stop, Backoff(draw=lambda _low, _high: 0.0))

    def source(self):
        if not self.openings:
            self.stop.set()
            return
        try:
            for step in self.openings.pop(0):
                if isinstance(step, CameraFault):
                    raise step
                yield step
                self.states.append(self.board.read())
        finally:
            self.closed += 1


def frame(at_s, is_key):
    return EncodedFrame(b"", 0, 0, 1, is_key, VIDEO, datetime.now(UTC), at_s)


def lost():
    return CameraFault("camera.lost", "gone")


def test_streaming_begins_with_the_first_key_frame():
    script = Script([frame(0, False), frame(1, False), frame(2, True), frame(3, False), lost()])
    script.puller.run()
    assert [status.state for status in script.states] == ["starting", "starting", "streaming", "streaming"]
    assert len(script.sink.fed) == 4
    status = script.board.read()
    assert (status.state, status.code, status.attempts) == ("retrying", "camera.lost", 1)
    assert script.closed == 1 and script.sink.cuts == 2


def test_failures_are_forgiven_only_after_stable_streaming():
    short = [frame(0, True), frame(STABLE_S - 1, True), lost()]
    long = [frame(0, True), frame(STABLE_S - 1, True), frame(STABLE_S, True), lost()]
    script = Script(short, short, short, long)
    script.puller.run()
    assert [status.attempts for status in script.states] == [0, 0, 1, 1, 2, 2, 3, 3, 0]
    assert script.board.read().attempts == 1


def test_stream_without_key_frames_is_given_up():
    endless = [frame(step, step == 0) for step in range(200)]
    script = Script(endless)
    script.puller.run()
    assert script.board.read().code == "camera.no_picture"
    assert len(script.sink.fed) == KEY_FRAME_S + 1
    assert script.closed == 1, "the connection was closed"
