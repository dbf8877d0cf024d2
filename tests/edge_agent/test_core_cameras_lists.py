"""What an answer about the past holds: as much as fits into a message, from the beginning on, and it says so."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from camera.recordings.records import Span, StoredEvent
from edge_agent.cameras.lookback import MOST_BYTES, few, fitting
from edge_agent.cameras.places import Places
from edge_agent.contract.base import MAX_BODY

AT = datetime(2026, 11, 22, tzinfo=UTC)


def span(begin_s: float, length_s: float, kept: bool = False) -> Span:
    begin = AT + timedelta(seconds=begin_s)
    return Span(begin, begin + timedelta(seconds=length_s), 1000, kept)


def event(n: int) -> StoredEvent:
    at = AT + timedelta(seconds=n * 20)
    return StoredEvent(
        f"e{n:06d}",
        "cong",
        at,
        at + timedelta(seconds=9),
        ("cong-chinh", "via-he"),
        0.123456,
        "person",
        None,
        True,
        False,
    )


def test_a_quiet_day_is_told_whole() -> None:
    spans, events = [span(0, 3600), span(4000, 600, True)], [event(n) for n in range(40)]
    told = fitting("cong", spans, events, AT, Places(()))
    assert [(s.begin, s.end, s.kept) for s in told.recorded] == [(s.begin, s.end, s.kept) for s in spans]
    assert [m.id for m in told.moved] == [e.id for e in events]
    assert (told.more, told.oldest) == (False, AT)


def test_a_day_of_motion_is_cut_where_the_message_ends_and_says_so() -> None:
    spans = [span(n * 40, 20) for n in range(3000)]
    events = [event(n) for n in range(501)]
    told = fitting("cong", spans, events, None, Places(()))
    assert told.more and len(told.recorded) <= 150
    assert len(told.body()) < MOST_BYTES + 1000 < MAX_BODY
    assert [m.id for m in told.moved] == [e.id for e in events[: len(told.moved)]]
    assert len(told.moved) > 100


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 500), st.floats(0.1, 500), st.booleans()), max_size=600))
def test_joined_spans_lose_no_video(parts: list[tuple[float, float, bool]]) -> None:
    spans, at = [], 0.0
    for gap, length, kept in parts:
        spans.append(span(at + gap, length, kept))
        at += gap + length
    joined = few(spans)
    assert len(joined) <= 150
    assert sum(s.bytes for s in joined) == sum(s.bytes for s in spans)
    assert all(any(j.begin <= s.begin and s.end <= j.end for j in joined) for s in spans)
    assert [j.begin for j in joined] == sorted(j.begin for j in joined)
    if len(spans) <= 150:
        assert joined == spans
