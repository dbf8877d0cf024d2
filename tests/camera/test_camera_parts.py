"""Small parts without a process: delays, messages, the status board, the frame rate, times of a recording."""

import asyncio
import contextlib
import io
from datetime import UTC, datetime
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.board import StatusBoard
from camera.frames import EncodedFrame
from camera.health import StreamMeter
from camera.model import CameraFault, CameraStatus, Deleted, LivePiece, MotionEvent, Snapshot, StreamStatus
from camera.pull.backoff import LONGEST_S, Backoff
from camera.timeline import TICKS_PER_S, Timeline
from camera.wire import BODY_LIMIT, Message, WireError, read_message, receive_message
from camera.words import (
    deleted_in,
    deleted_message,
    live_in,
    live_message,
    motion_in,
    motion_message,
    snapshot_in,
    snapshot_message,
    status_message,
    statuses_in,
)


def test_backoff_is_at_once_then_grows():
    backoff = Backoff(draw=lambda _low, high: high)
    assert [backoff.failed(0) for _ in range(9)] == [0, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.failed(29) == LONGEST_S, "29 s of streaming forgive nothing"
    assert backoff.failed(30) == 0
    assert backoff.failed(0, retry=False) == LONGEST_S
    backoff.worked()
    assert backoff.failed(0) == 0


def test_backoff_of_a_process_stays_short():
    backoff = Backoff(draw=lambda _low, high: high, longest_s=5, stable_s=10)
    assert [backoff.failed(9) for _ in range(6)] == [0, 2, 4, 5, 5, 5]
    assert backoff.failed(10) == 0


def test_backoff_is_jittered_within_its_bounds():
    backoff = Backoff()
    backoff.failed(0)
    delays = [backoff.failed(0) for _ in range(200)]
    assert all(1 <= delay <= LONGEST_S for delay in delays)
    assert len(set(delays)) > 100


@given(
    st.lists(
        st.tuples(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.binary(max_size=2000)),
        max_size=5,
    )
)
def test_messages_arrive_as_sent_in_both_ways(contents):
    messages = [Message(header, body) for header, body in contents]
    sent = b"".join(message.pack() for message in messages)
    stream = io.BytesIO(sent)
    assert list(iter(lambda: read_message(stream), None)) == messages
    assert asyncio.run(_received(sent)) == messages


async def _received(data):
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    messages = []
    while (message := await receive_message(reader)) is not None:
        messages.append(message)
    return messages


@given(st.binary(max_size=300))
def test_noise_is_refused_or_the_end(noise):
    with contextlib.suppress(WireError):
        assert read_message(io.BytesIO(noise)) is None or len(noise) >= 10


def test_message_cut_short_is_the_end():
    whole = Message({"a": 1}, b"body").pack()
    for size in range(len(whole)):
        assert read_message(io.BytesIO(whole[:size])) is None
    with pytest.raises(WireError):
        read_message(io.BytesIO((2).to_bytes(4, "big") + (BODY_LIMIT + 1).to_bytes(4, "big") + b"{}"))


def test_status_and_snapshot_travel_whole():
    now = datetime.now(UTC)
    stream = StreamStatus("h264", 4, 2, 9.5, 1000.5, 2.0, now, 3)
    status = CameraStatus("streaming", now, "camera.disk_full", "full", stream, None, True, 3, 5, 1, 2, now, 3.5, -1.5)
    statuses = {"gate": status, "yard": CameraStatus("starting", now, sub=stream, picture="dark", moving=False)}
    assert statuses_in(read_message(io.BytesIO(status_message(statuses).pack()))) == statuses
    shot = Snapshot(b"\xff\xd8", now, 4, 2)
    assert snapshot_in(read_message(io.BytesIO(snapshot_message(7, shot).pack()))) == shot
    fault = snapshot_in(snapshot_message(7, CameraFault("camera.lost", "gone", retry=False)))
    assert (fault.code, fault.detail, fault.retry) == ("camera.lost", "gone", False)


@pytest.mark.parametrize("header", [{}, {"status": {"state": "happy"}}, {"code": "x"}, {"at": 5}, {"code": 7}])
def test_answers_that_make_no_sense(header):
    for read in (snapshot_in, statuses_in, motion_in, live_in, deleted_in):
        with pytest.raises(WireError):
            read(Message(header))


def test_news_travel_whole():
    now = datetime.now(UTC)
    event = MotionEvent("e1", "gate", now, None, ("road",), 0.5, "person", (0.1, 0.2, 0.3, 0.4))
    assert motion_in(read_message(io.BytesIO(motion_message(event).pack()))) == event
    piece = LivePiece("gate", "sub", "key", 7, 3, now, "avc1.64001f", 640, 360, b"\0moof")
    assert live_in(read_message(io.BytesIO(live_message(piece).pack()))) == piece
    deleted = Deleted("gate", now, now, 10, "disk_bytes")
    assert deleted_in(read_message(io.BytesIO(deleted_message(deleted).pack()))) == deleted


VIDEO = SimpleNamespace(codec="h264", width=4, height=2, time_base=Fraction(1, 1000))


def frame(dts, arrived_s=0.0, pts="dts", duration=100, video=VIDEO):
    return EncodedFrame(b"", dts, dts if pts == "dts" else pts, duration, False, video, datetime.now(UTC), arrived_s)


def test_times_start_at_zero_and_keep_the_steps():
    timeline = Timeline()
    places = [timeline.place(frame(dts)) for dts in (5000, 5100, 5250)]
    assert [place.dts for place in places] == [0, 9000, 22500]
    assert [place.pts for place in places] == [0, 9000, 22500]


def test_jump_of_the_clock_is_bridged_by_the_arrivals():
    timeline = Timeline()
    steps = [(5000, 0.0), (5100, 0.1), (9_000_000, 0.2), (9_000_100, 0.3), (17, 0.5)]
    assert [timeline.place(frame(dts, at)).dts for dts, at in steps] == [0, 9000, 18000, 27000, 45000]


def test_missing_times_are_filled():
    timeline = Timeline()
    assert [timeline.place(frame(dts)).dts for dts in (None, 100, 200, None, 400)] == [0, 9000, 18000, 27000, 36000]


def test_pictures_shown_later_than_decoded_keep_their_delay():
    timeline = Timeline()
    place = timeline.place(frame(0, pts=200))
    assert (place.dts, place.pts) == (0, 2 * TICKS_PER_S // 10)
    assert timeline.place(frame(100, pts=40)).pts == 9000, "never shown before it is decoded"


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**40), 2**40),
            st.none() | st.integers(-(2**40), 2**40),
            st.integers(-5, 2**33),
            st.floats(0, 100),
        ),
        max_size=50,
    )
)
def test_times_only_ever_grow(stream):
    timeline, now_s, last = Timeline(), 0.0, -1
    for dts, pts, duration, wait_s in stream:
        now_s += wait_s
        place = timeline.place(frame(dts, now_s, pts, duration))
        assert place.dts > last and place.pts >= place.dts and place.duration > 0
        last = place.dts


def picture(at_s, size=1000, is_key=False):
    return EncodedFrame(b"x" * size, 0, 0, 1, is_key, VIDEO, datetime.now(UTC), at_s)


def test_rates_are_those_of_the_last_seconds():
    meter = StreamMeter()
    assert meter.read() == StreamStatus()
    for step in range(100):
        meter.seen(picture(step * 0.1, 1000, is_key=step % 20 == 0))
    status = meter.read()
    assert status.fps == pytest.approx(10, abs=0.2) and status.kbit_s == pytest.approx(80, abs=2)
    assert (status.gop_s, status.codec, status.width) == (2.0, "h264", 4)
    for step in range(1, 20):
        meter.seen(picture(9.9 + step * 0.5, 500))
    assert meter.read().fps == pytest.approx(2, abs=0.1) and meter.read().kbit_s == pytest.approx(8, abs=0.2)
    meter.broke()
    status = meter.read()
    assert (status.fps, status.kbit_s, status.gop_s, status.reconnects) == (None, None, None, 1)
    assert status.last_frame_at is not None, "when it was last seen is known for ever"
    meter.broke()
    assert meter.read().reconnects == 1, "it did not come back in between"


def test_board_tells_what_people_wait_for():
    board = StatusBoard()
    assert board.read().state == "starting"
    board.streaming()
    assert board.news.is_set() and board.read().state == "streaming"
    board.news.clear()
    board.recorded(100, 0)
    assert not board.news.is_set(), "figures travel with the next report"
    full = CameraFault("camera.disk_full", "full")
    board.recording(False, full)
    assert board.news.is_set() and board.read().code == "camera.disk_full"
    board.failed(CameraFault("camera.lost", "gone"), 1)
    status = board.read()
    assert (status.state, status.code, status.attempts) == ("retrying", "camera.lost", 1)
    since = status.since
    board.failed(CameraFault("camera.refused", "no"), 2)
    assert board.read().since == since, "still the same state"
    board.streaming()
    assert board.read().code == "camera.disk_full", "the disk is still full"
    board.stable()
    board.recording(True)
    assert (board.read().code, board.read().attempts, board.read().recording) == (None, 0, True)


def test_board_shows_the_gravest_fault_and_the_sub_stream_only_while_it_is_pulled():
    board = StatusBoard()
    board.streaming()
    assert board.read().sub is None
    board.eye(CameraFault("camera.eye_died", "twice"))
    board.sub_stream(True, CameraFault("camera.not_found", "small stream"))
    assert (board.read().code, board.read().sub) == ("camera.not_found", StreamStatus())
    board.sub_stream(False)
    assert (board.read().code, board.read().sub) == ("camera.eye_died", None)
    board.looked(True, "good", None)
    board.eye(None)
    assert (board.read().code, board.read().moving, board.read().picture) == (None, True, "good")
    board.decoded(CameraFault("camera.garbage", "noise"))
    board.recording(True, CameraFault("camera.disk_full", "full"))
    assert board.read().code == "camera.garbage"
    board.decoded(None)
    board.recording(True)
    assert board.read().code is None
    board.failed(CameraFault("camera.lost", "gone"), 1)
    assert board.read().moving is None, "nobody sees whether something moves"
    board.looked(True, "good", None)
    assert board.read().moving is None, "that picture was still on its way"


def test_board_passes_on_what_was_deleted():
    told = []
    board = StatusBoard(tell_deleted=told.append)
    deleted = Deleted("gate", datetime.now(UTC), datetime.now(UTC), 10, "disk_bytes")
    board.deleted(deleted)
    assert told == [deleted]
