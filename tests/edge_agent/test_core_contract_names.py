"""Ids sort, topics parse what they build, and the reader's count of numbers is right in any order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contract import topics
from edge_agent.contract.ids import is_uuid7, uuid7
from edge_agent.contract.sequence import Sequence
from edge_agent.contract.units import METRICS, unit_of

names = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)


@given(st.lists(st.integers(0, (1 << 48) - 1), min_size=2, max_size=20, unique=True))
def test_uuid7_sorts_by_time(instants: list[int]) -> None:
    made = {ms: uuid7(ms) for ms in instants}
    assert sorted(made, key=made.__getitem__) == sorted(instants)
    assert all(is_uuid7(id_) for id_ in made.values())
    assert all(int(id_[:8] + id_[9:13], 16) == ms for ms, id_ in made.items())


@pytest.mark.parametrize(
    "text",
    ["", "x", uuid7() + "\n", uuid7().upper(), uuid7()[:14] + "4" + uuid7()[15:], "{" + uuid7() + "}", uuid7()[:-1]],
    ids=["empty", "letter", "newline", "capitals", "version 4", "braces", "short"],
)
def test_what_is_no_uuid7(text: str) -> None:
    assert not is_uuid7(text)


@given(names, names, names, names)
def test_topics_parse_what_they_build(commune: str, node: str, kind: str, thing: str) -> None:
    built = topics.NodeTopics(commune, node)
    for channel in ("status", "about", "event", "telemetry", "ack"):
        assert topics.parse(getattr(built, channel)) == topics.Parsed(commune, node, channel)
    assert topics.parse(built.command) == topics.Parsed(commune, node, "cmd")
    assert topics.parse(built.command_all) == topics.Parsed(commune, topics.EVERYBODY, "cmd")
    assert topics.parse(built.state(kind, thing)) == topics.Parsed(commune, node, "state", kind, thing)
    assert topics.parse(built.live(thing)) == topics.Parsed(commune, node, "live", "camera", thing)
    assert topics.parse(topics.voice(commune, thing)) is None


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "edge",
        "edge/26734/n",
        "edge/26734/n/status/x",
        "edge/26734//status",
        "edge/26734/n\n/status",
        "edge/26734/n/state//",
        "edge/26734/n/state/light/+",
        "edge/26734/N/status",
        "Edge/26734/n/status",
        "edge/26734/n/state/light/a/b",
        "edge/26734/n/unknown",
        "$SYS/broker/uptime",
        "edge/26734/" + "n" * 41 + "/status",
    ],
)
def test_foreign_topics_are_not_taken(topic: str) -> None:
    assert topics.parse(topic) is None


@given(st.text(max_size=80))
def test_any_text_is_a_topic_or_none(text: str) -> None:
    parsed = topics.parse("edge/26734/n/state/" + text)
    assert parsed is None or f"{parsed.kind}/{parsed.thing}" == text


def _missing(have: set[int], through: int) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for seq in range(through + 1, max(have, default=0) + 1):
        if seq in have:
            continue
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return ranges


steps = st.lists(
    st.one_of(
        st.integers(1, 60).map(lambda seq: (seq, seq, False)),
        st.tuples(st.integers(1, 60), st.integers(1, 20)).map(lambda two: (two[0], two[0] + two[1], True)),
    ),
    max_size=80,
)


@given(steps)
def test_sequence_knows_exactly_what_came(done: list[tuple[int, int, bool]]) -> None:
    sequence, have = Sequence(), set[int]()
    for first, last, gone in done:
        if gone:
            sequence.gone(first, last)
        else:
            assert sequence.add(first) == (first not in have)
        have.update(range(first, last + 1))
        through = next(seq for seq in range(1, 200) if seq not in have) - 1
        assert sequence.through == through
        assert sequence.missing() == _missing(have, through)


@given(st.permutations(range(1, 41)), st.lists(st.integers(1, 40), max_size=20), st.sets(st.integers(1, 40)))
def test_sequence_ends_complete_in_any_order(order: list[int], twice: list[int], lost: set[int]) -> None:
    sequence = Sequence()
    for seq in [*order, *twice]:
        if seq in lost:
            sequence.gone(seq, seq)
        else:
            sequence.add(seq)
    assert (sequence.through, sequence.later, sequence.missing()) == (40, [], [])


def test_sequence_is_bounded_and_asks_again_for_what_it_forgot() -> None:
    sequence = Sequence(limit=10)
    for seq in range(2, 100):
        sequence.add(seq)
    assert len(sequence.later) == 10
    sequence.gone(50, 10_000_000)
    assert len(sequence.later) == 10
    sequence.add(1)
    assert sequence.through == 11
    sequence.gone(5, 10_000_000)
    assert sequence.through == 10_000_000


def test_missing_stops_at_the_asked_number_of_ranges() -> None:
    sequence = Sequence()
    for seq in range(2, 100, 2):
        sequence.add(seq)
    assert sequence.missing(3) == [(1, 1), (3, 3), (5, 5)]


def test_every_metric_has_words_and_a_unit() -> None:
    assert all(metric.vi and metric.en and metric.unit for metric in METRICS.values())
    assert (unit_of("cpu"), unit_of("driver/x")) == ("%", "1")
