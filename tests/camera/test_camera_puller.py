"""When the puller calls a stream good, stable or useless, and when it tries again. The sources are made up."""

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

from camera.board import StatusBoard
from camera.frames import EncodedFrame
from camera.model import CameraFault
from camera.pull.backoff import STABLE_S, Backoff
from camera.pull.ondemand import OnDemand
from camera.pull.puller import Puller
from camera.pull.rtsp import KEY_FRAME_S

VIDEO = SimpleNamespace(codec="h264", width=4, height=2)


class Sink:
    def __init__(self):
        self.fed, self.cuts = [], 0

    def feed(self, frame):
        self.fed.append(frame)

    def cut(self):
        self.cuts += 1


class Script:
    """Plays one list of steps per opening; after the last it stops the puller. A step is a frame or a fault.

    `answers` are what the camera says to probes: None when it answers, else a fault; at the end, it answers.
    """

    def __init__(self, *openings, answers=(), draw=lambda _low, _high: 0.0):
        self.openings, self.answers, self.closed, self.probes = list(openings), list(answers), 0, 0
        self.stop = threading.Event()
        self.states = []
        self.board = StatusBoard()
        self.sink = Sink()
        board = self.board
        self.puller = Puller(self, [self.sink], board, board.main, self.stop, Backoff(draw=draw), board.clock)

    def probe(self):
        self.probes += 1
        return self.answers.pop(0) if self.answers else None

    def open(self):
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


def frame(at_s, is_key, camera_s=None):
    return EncodedFrame(b"", 0, 0, 1, is_key, VIDEO, datetime.now(UTC), at_s, camera_s)


def lost():
    return CameraFault("camera.lost", "gone")


def refused():
    return CameraFault("camera.refused", "nobody")


def test_streaming_begins_with_the_first_key_frame():
    script = Script([frame(0, False), frame(1, False), frame(2, True), frame(3, False), lost()])
    script.puller.run()
    assert [status.state for status in script.states] == ["starting", "starting", "streaming", "streaming"]
    assert len(script.sink.fed) == 4
    status = script.board.read()
    assert (status.state, status.code, status.attempts, status.main.reconnects) == ("retrying", "camera.lost", 1, 1)
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
    assert script.board.read().code == "camera.no_key_frame"
    assert len(script.sink.fed) == KEY_FRAME_S + 1
    assert script.closed == 1, "the connection was closed"


def test_camera_that_answers_again_is_opened_at_once(monkeypatch):
    monkeypatch.setattr("camera.pull.puller.PROBE_EVERY_S", 0.001)
    away = [refused() for _ in range(20)]
    script = Script([lost()], [lost()], [frame(0, True)], answers=[None, *away], draw=lambda _low, _high: 3600.0)
    script.puller.run()
    assert len(script.sink.fed) == 1, "the hour of the second delay was not waited for"
    assert script.probes >= 22


def test_camera_that_is_away_tells_why(monkeypatch):
    monkeypatch.setattr("camera.pull.puller.PROBE_EVERY_S", 0.001)
    script = Script([lost()], answers=[refused(), refused(), CameraFault("camera.unreachable", "cable")])
    script.puller.run()
    assert (script.board.read().code, script.board.read().attempts) == ("camera.unreachable", 1)


def test_camera_that_answers_but_gives_nothing_waits_out_its_delay(monkeypatch):
    monkeypatch.setattr("camera.pull.puller._PRESENT_EVERY_S", 0.01)
    script = Script([lost()], [lost()], [lost()], draw=lambda _low, _high: 0.2)
    begin_s = time.monotonic()
    script.puller.run()
    assert time.monotonic() - begin_s >= 0.4 and script.probes > 10


def test_mistake_over_one_camera_is_a_fault_of_that_camera_alone(caplog):
    script = Script([frame(0, True)], [frame(1, True)])

    def feed(given):
        if given.arrived_s == 0:
            raise IndexError("a mistake of ours")
        script.sink.fed.append(given)

    script.sink.feed, script.sink.fed = feed, []
    script.puller.run()
    assert len(script.sink.fed) == 1, "it was tried again"
    assert script.closed == 2 and "a mistake of ours" in caplog.text


def test_wrong_password_is_neither_probed_nor_tried_soon(monkeypatch):
    monkeypatch.setattr("camera.pull.backoff.LONGEST_S", 0.3)
    monkeypatch.setattr("camera.pull.account.HOLD_S", 0.3)
    begin_s = time.monotonic()
    script = Script([CameraFault("camera.unauthorised", "no", retry=False)], [frame(0, True)], answers=[refused()])
    script.puller.run()
    assert script.probes == 0 and time.monotonic() - begin_s >= 0.3


def test_clock_of_the_camera_is_that_of_the_quickest_picture():
    now = time.time()
    frames = [frame(at_s, True, now - 100 - late) for at_s, late in ((0, 0.5), (1, 0.1), (2, 0.9))]
    script = Script([*frames, lost()])
    script.puller.run()
    assert -100.5 < script.states[-1].clock_error_s < -99.9
    assert script.board.read().clock_error_s is None, "forgotten with the connection"


def test_camera_that_counts_from_its_start_tells_no_clock():
    script = Script([frame(0, True, 12_000.0), lost()])
    script.puller.run()
    assert script.states[0].clock_error_s is None


def threads(_name, work):
    threading.Thread(target=work, daemon=True).start()


def test_stream_on_demand_lasts_while_needed_and_a_little_longer(monkeypatch):
    monkeypatch.setattr("camera.pull.ondemand.LINGER_S", 0.2)
    told, running = [], []

    class Made:
        progress_s = 0.0

        def __init__(self, stop):
            self.stop = stop

        def run(self):
            running.append(self)
            assert self.stop.wait(20)
            running.remove(self)

    stream = OnDemand("gate", Made, threads, told.append)
    stream.need("motion")
    stream.need("watch")
    stream.release("motion")
    time.sleep(0.3)
    stream.tick()
    assert told == [True] and len(running) == 1
    stream.release("watch")
    stream.tick()
    assert told == [True], "viewers come back"
    stream.need("watch")
    time.sleep(0.3)
    stream.tick()
    assert told == [True]
    stream.release("watch")
    time.sleep(0.3)
    stream.tick()
    assert told == [True, False]
    stream.need("watch")
    deadline_s = time.monotonic() + 10
    while told != [True, False, True] or len(running) != 1:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    running[0].stop.set()
