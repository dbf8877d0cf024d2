"""What waits for one viewer, and what a stream keeps for the next: by a clock of the test's own."""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.contract.watching import VideoPiece
from hub.cameras.channel import Channel, Viewer, framed
from hub.cameras.outgoing import Outgoing


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def piece(kind: Any, number: int = 0, size: int = 1000, epoch: int = 1) -> VideoPiece:
    at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    return VideoPiece("sub", kind, epoch, number, at, "avc1.42c01e", 640, 360, bytes(size))


async def sendable(out: Outgoing) -> list[tuple[int, VideoPiece]]:
    """All that may be sent now."""
    found: list[Any] = []
    while True:
        try:
            async with asyncio.timeout(0.02):
                found.append(await out.next())
        except TimeoutError:
            return found


def shape(sent: list[Any]) -> list[tuple[str, int]]:
    return [(p.kind, p.number) for _, p in sent]


async def test_what_a_fast_viewer_confirms_flows_through_whole() -> None:
    clock = Time()
    out = Outgoing(clock)
    out.put(piece("init"))
    for number in range(1, 200):
        out.put(piece("key" if number % 30 == 1 else "delta", number))
        for running, _ in await sendable_now(out):
            clock.now += 0.005
            out.came(running)
        clock.now += 1 / 15
    assert out.left_out == 0


async def sendable_now(out: Outgoing) -> list[tuple[int, VideoPiece]]:
    found: list[Any] = []
    while out._waiting and not out._is_full(out._now()):
        found.append(await out.next())
    return found


async def test_a_viewer_that_confirms_nothing_gets_a_moment_of_video_and_no_more() -> None:
    clock = Time()
    out = Outgoing(clock)
    out.put(piece("init"))
    sent = 0
    for number in range(1, 300):
        out.put(piece("key" if number % 30 == 1 else "delta", number, 2000))
        sent += len(await sendable_now(out))
        clock.now += 1 / 15
    assert sent <= 10
    assert len(out._waiting) <= 30
    with pytest.raises(TimeoutError):
        clock.now += 30
        await out.next()


async def test_a_slow_viewer_goes_on_at_the_newest_key_frame_and_gets_no_delta_of_a_broken_group() -> None:
    clock = Time()
    out = Outgoing(clock)
    link_free, on_link, got = clock.now, [], []
    out.put(piece("init"))
    for number in range(1, 600):  # 15 pictures of 2 kB a second over a link of 15 kB/s
        out.put(piece("key" if number % 30 == 1 else "delta", number, 8000 if number % 30 == 1 else 2000))
        for step in range(4):
            while on_link and on_link[0][0] <= clock.now:
                _, running, p, since = on_link.pop(0)
                got.append((p, clock.now - since))
                out.came(running)
            for running, p in await sendable_now(out):
                link_free = max(link_free, clock.now) + len(p.data) / 15_000
                on_link.append((link_free, running, p, 100.0 + (p.number - 1) / 15))
            clock.now += 1 / 60
            assert step < 4
    pictures = [(p, late) for p, late in got if p.kind != "init"]
    assert max(late for _, late in pictures) <= 2.5
    assert max(late for _, late in pictures[-50:]) <= 2.5
    for (before, _), (after, _) in itertools.pairwise(pictures):
        assert after.kind == "key" or after.number == before.number + 1
    assert sum(p.kind == "key" for p, _ in pictures) >= 15
    assert out.left_out > 100


async def test_notes_pass_pictures() -> None:
    out = Outgoing(Time())
    out.put(piece("init"))
    out.note("words")
    assert await out.next() == "words"


def channel() -> tuple[Channel, Time]:
    clock = Time()
    return Channel("29401/tram-bom", "cong", "sub", clock), clock


async def test_a_new_viewer_gets_the_description_and_the_newest_group_at_once() -> None:
    stream, clock = channel()
    for one in (piece("init"), piece("key", 1), piece("delta", 2), piece("key", 3), piece("delta", 4)):
        assert stream.take(one)
    viewer = Viewer("test", "vi", Outgoing(clock))
    stream.join(viewer)
    note, *sent = await sendable(viewer.out)
    assert '"codec": "avc1.42c01e"' in str(note)
    assert shape(sent) == [("init", 0), ("key", 3), ("delta", 4)]


async def test_what_is_sent_again_for_others_is_not_shown_twice() -> None:
    stream, clock = channel()
    viewer = Viewer("test", "vi", Outgoing(clock))
    stream.join(viewer)
    once = [piece("init"), piece("key", 1), piece("delta", 2), piece("delta", 3)]
    for one in (*once, *once, piece("delta", 4)):
        assert stream.take(one)
    sent = [item for item in await sendable(viewer.out) if not isinstance(item, str)]
    assert shape(sent) == [("init", 0), ("key", 1), ("delta", 2), ("delta", 3), ("delta", 4)]


async def test_after_a_hole_nothing_is_sent_up_to_the_next_key_frame() -> None:
    stream, clock = channel()
    viewer = Viewer("test", "vi", Outgoing(clock))
    stream.join(viewer)
    for one in (piece("init"), piece("key", 1), piece("delta", 3), piece("delta", 4), piece("key", 5)):
        stream.take(one)
    sent = [item for item in await sendable(viewer.out) if not isinstance(item, str)]
    assert shape(sent) == [("init", 0), ("key", 1), ("key", 5)]


async def test_a_new_epoch_begins_anew_and_pieces_of_an_unknown_one_ask_for_its_description() -> None:
    stream, _clock = channel()
    assert not stream.take(piece("delta", 7))
    assert stream.take(piece("init"))
    assert not stream.take(piece("key", 9, epoch=2))
    assert stream.take(piece("init", epoch=2))
    assert stream.take(piece("key", 9, epoch=2))


async def test_a_group_too_long_to_be_kept_leaves_a_new_viewer_waiting_for_the_next() -> None:
    stream, clock = channel()
    stream.take(piece("init"))
    stream.take(piece("key", 1, 5_000_000))
    for number in range(2, 6):
        stream.take(piece("delta", number, 1_000_000))
    viewer = Viewer("test", "vi", Outgoing(clock))
    stream.join(viewer)
    stream.take(piece("delta", 6))
    stream.take(piece("key", 7))
    sent = [item for item in await sendable(viewer.out) if not isinstance(item, str)]
    assert shape(sent) == [("init", 0), ("key", 7)]


def test_a_piece_on_the_wire_to_the_page() -> None:
    body = framed(258, piece("delta", 7, 3))
    assert body[:4] == bytes((2, 0, 0, 0))
    assert int.from_bytes(body[4:8], "big") == 258
    assert int.from_bytes(body[8:16], "big") == round(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp() * 1000)
    assert body[16:] == bytes(3)


pieces = st.builds(
    piece,
    st.sampled_from(["init", "key", "delta"]),
    st.integers(0, 40),
    st.sampled_from([0, 10, 100_000, 3_000_000]),
    st.integers(1, 2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(pieces, st.floats(0, 2), st.booleans()), max_size=80))
def test_whatever_comes_a_viewer_is_sent_only_what_can_be_decoded(steps: list[tuple[VideoPiece, float, bool]]) -> None:
    async def play() -> list[VideoPiece]:
        stream, clock = channel()
        viewer = Viewer("test", "vi", Outgoing(clock))
        stream.join(viewer)
        sent: list[VideoPiece] = []
        for one, pause, confirms in steps:
            stream.take(one)
            viewer.out._notes.clear()
            for running, p in await sendable_now(viewer.out):
                sent.append(p)
                if confirms:
                    viewer.out.came(running)
            clock.now += pause
        assert len(viewer.out._waiting) <= 80
        return sent

    epoch, last = None, -1
    for p in asyncio.run(play()):
        if p.kind == "init":
            epoch, last = p.epoch, -1
            continue
        assert p.epoch == epoch
        assert p.kind == "key" or (last >= 0 and p.number == last + 1)
        last = p.number
