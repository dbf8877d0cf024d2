"""What waits for an agent that reads slowly or not at all: bounded, newest statuses, no holes inside live groups."""

import contextlib
import os
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.model import CameraStatus, LivePiece
from camera.outbox import LIVE_BYTES, LIVE_WAIT_S, MESSAGES, Outbox
from camera.wire import Message, WireError, read_message
from camera.words import deleted_in, live_in, motion_in, snapshot_in, statuses_in

NOW = datetime.now(UTC)


def piece(number, size=1000, stream="main", kind="delta"):
    return LivePiece("gate", stream, kind, 1, number, NOW, "avc1.64001f", 4, 2, b"x" * size)


@pytest.fixture
def pipe():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb") as writer:
        yield reader, writer


def run(outbox):
    def work():
        with contextlib.suppress(BrokenPipeError, ValueError):  # the test is over
            outbox.run()

    threading.Thread(target=work, daemon=True).start()


def test_everything_arrives_in_order_and_the_newest_status_alone(pipe):
    reader, writer = pipe
    outbox = Outbox(writer)
    for number in range(3):
        assert outbox.live(piece(number))
        outbox.say(Message({"is": "other", "number": number}))
        outbox.status({"gate": CameraStatus("starting", NOW, attempts=number)})
    run(outbox)
    got = [read_message(reader) for _ in range(7)]
    assert [live_in(message).number for message in got[:3]] == [0, 1, 2]
    assert [message.header["number"] for message in got[3:6]] == [0, 1, 2]
    assert statuses_in(got[6])["gate"].attempts == 2


def test_live_pieces_that_wait_too_long_or_are_too_much_are_refused(pipe):
    reader, writer = pipe
    outbox = Outbox(writer)
    run(outbox)
    taken = 0
    while outbox.live(piece(taken, size=500_000)):
        taken += 1
        assert taken < 100, "the pipe is full, and nobody reads"
    assert LIVE_BYTES <= taken * 500_000 <= LIVE_BYTES + 2_000_000
    assert outbox.live(piece(0, stream="sub")), "each stream for itself"
    time.sleep(LIVE_WAIT_S + 0.1)
    assert not outbox.live(piece(1, stream="sub")), "live is now or never"
    outbox.status({"gate": CameraStatus("starting", NOW)})
    seen = [read_message(reader) for _ in range(taken + 2)]
    assert seen[-1].header["is"] == "status"
    deadline_s = time.monotonic() + 10
    while not outbox.live(piece(2)):
        assert time.monotonic() < deadline_s, "there is room again"


def test_messages_that_wait_are_bounded_and_the_newest_stay(pipe, caplog):
    reader, writer = pipe
    outbox = Outbox(writer)
    for number in range(MESSAGES + 10):
        outbox.say(Message({"is": "other", "number": number}))
    run(outbox)
    got = [read_message(reader).header["number"] for _ in range(MESSAGES)]
    assert got == list(range(10, MESSAGES + 10))
    assert "lost" in caplog.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(["is", "cameras", "event", "what", "at", "code", "detail", "camera", "stream", "kind", "width"])


@given(st.dictionaries(NAMES, json_values, max_size=8), st.binary(max_size=50))
def test_words_that_make_no_sense_are_refused(header, body):
    for read in (statuses_in, motion_in, deleted_in, live_in, snapshot_in):
        with contextlib.suppress(WireError):
            read(Message(header, body))
