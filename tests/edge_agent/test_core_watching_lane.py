"""What waits too long is left out, and never a picture that others need."""

import random
from itertools import pairwise

from core_watching import piece

from edge_agent.watching.lane import JUMP_S, LATE_S, MOST_BYTES, Lane


def all_of(lane: Lane, now_s: float) -> list[tuple[str, int]]:
    taken = []
    while (each := lane.take(now_s)) is not None:
        taken.append((each.kind, each.number))
    return taken


def put_group(lane: Lane, first: int, count: int, now_s: float, step_s: float = 0.0) -> None:
    lane.put(piece("init", 0), now_s)
    for place in range(count):
        lane.put(piece("delta" if place else "key", first + place), now_s + place * step_s)


def test_pieces_go_out_as_they_came() -> None:
    lane = Lane()
    put_group(lane, 1, 3, 0)
    assert all_of(lane, 0) == [("init", 0), ("key", 1), ("delta", 2), ("delta", 3)]
    assert lane.oldest_s is None


def test_a_viewer_begins_with_a_key_frame() -> None:
    lane = Lane()
    lane.put(piece("delta", 5), 0)
    put_group(lane, 6, 1, 0)
    assert all_of(lane, 0) == [("init", 0), ("key", 6)]
    assert lane.dropped == 1


def test_a_key_frame_passes_what_waits() -> None:
    lane = Lane()
    put_group(lane, 1, 10, 0)
    put_group(lane, 11, 1, JUMP_S + 0.1)
    assert all_of(lane, JUMP_S + 0.1) == [("init", 0), ("key", 11)]
    assert lane.dropped == 11


def test_a_key_frame_waits_its_turn_when_all_is_well() -> None:
    lane = Lane()
    put_group(lane, 1, 2, 0)
    put_group(lane, 3, 1, JUMP_S - 0.1)
    assert [number for _, number in all_of(lane, JUMP_S)] == [0, 1, 2, 0, 3]


def test_what_is_late_is_left_out_up_to_the_next_key_frame() -> None:
    lane = Lane()
    put_group(lane, 1, 3, 0)
    assert all_of(lane, LATE_S + 0.1) == []
    lane.put(piece("delta", 4), LATE_S + 0.2)
    assert all_of(lane, LATE_S + 0.2) == []
    put_group(lane, 5, 2, LATE_S + 0.3)
    assert all_of(lane, LATE_S + 0.3) == [("init", 0), ("key", 5), ("delta", 6)]


def test_a_key_frame_among_what_waits_is_where_it_goes_on() -> None:
    lane = Lane()
    put_group(lane, 1, 3, 0)
    put_group(lane, 4, 2, 0.2)
    assert all_of(lane, LATE_S + 0.1) == [("init", 0), ("key", 4), ("delta", 5)]


def test_memory_is_bounded() -> None:
    lane = Lane()
    lane.put(piece("init", 0), 0)
    lane.put(piece("key", 1, MOST_BYTES), 0)
    lane.put(piece("delta", 2), 0)
    assert all_of(lane, 0) == []


def test_no_picture_goes_out_without_those_it_needs() -> None:
    """Hours at random rates: pieces within a group are without holes, and nothing is older than the limit."""
    chance = random.Random(6)
    lane, out, at = Lane(), [], {}
    for number in range(1, 20_001):
        now_s = number * 0.066
        if number % 30 == 1:
            lane.put(piece("init", 0), now_s)
        at[number] = now_s
        lane.put(piece("key" if number % 30 == 1 else "delta", number), now_s)
        for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 5])):
            if (each := lane.take(now_s)) is not None and each.kind != "init":
                assert now_s - at[each.number] <= LATE_S
                out.append(each)
    assert len(out) > 5000
    for before, after in pairwise(out):
        assert after.kind == "key" or after.number == before.number + 1
    assert lane.dropped > 1000
