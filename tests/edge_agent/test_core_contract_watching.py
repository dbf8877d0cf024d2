"""Pieces of a live stream on the wire: what was packed comes back, whole or in parts, and garbage is told as such."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.contract.watching import (
    LEASE_S,
    MOST_PARTS,
    PIECE_LIMIT,
    BadPiece,
    Joiner,
    VideoPiece,
    WatchCamera,
    split,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
numbers = st.integers(0, 2**32 - 1)
names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
pieces = st.builds(
    VideoPiece,
    stream=st.sampled_from(["main", "sub"]),
    kind=st.sampled_from(["init", "key", "delta"]),
    epoch=numbers,
    number=numbers,
    at=st.integers(0, 250_000_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms)),
    codec=names,
    width=st.integers(0, 65535),
    height=st.integers(0, 65535),
    data=st.binary(max_size=3000),
)


@given(pieces)
def test_a_piece_comes_back_as_it_went(piece: VideoPiece) -> None:
    assert VideoPiece.parse(piece.pack()) == piece


@given(pieces, st.integers(1, 4000), numbers)
def test_a_piece_comes_back_from_its_parts(piece: VideoPiece, size: int, serial: int) -> None:
    bodies = split(piece.pack(), serial, size)
    joiner = Joiner()
    assert [joiner.take(body) for body in bodies] == [None] * (len(bodies) - 1) + [piece]
    assert all(len(body) <= size + 10 for body in bodies)


@given(st.lists(pieces, min_size=1, max_size=6), st.sets(st.integers(0, 80)), st.integers(200, 1500))
def test_a_piece_that_lost_a_part_never_comes_and_hurts_no_other(
    sent: list[VideoPiece], lost: set[int], size: int
) -> None:
    bodies = [(place, body) for place, each in enumerate(sent) for body in split(each.pack(), place, size)]
    broken = {bodies[place][0] for place in lost if place < len(bodies)}
    joiner = Joiner()
    got = [joiner.take(body) for place, (_, body) in enumerate(bodies) if place not in lost]
    assert [piece for piece in got if piece is not None] == [
        piece for place, piece in enumerate(sent) if place not in broken
    ]


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda data: b"\2\0" + data)))
def test_garbage_is_told_or_passed_over(body: bytes) -> None:
    joiner = Joiner()
    for _ in range(2):
        try:
            piece = joiner.take(body)
        except BadPiece:
            continue
        assert piece is None or VideoPiece.parse(piece.pack()) == piece


@given(pieces, st.data())
def test_a_piece_that_was_cut_or_changed_is_told_or_another(piece: VideoPiece, data: st.DataObject) -> None:
    body = bytearray(piece.pack())
    place = data.draw(st.integers(0, min(len(body), 24) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    for changed in (bytes(body), piece.pack()[:place]):
        with contextlib.suppress(BadPiece):
            assert Joiner().take(changed) != piece


def test_parts_without_end_are_refused() -> None:
    joiner = Joiner()
    share = bytes(PIECE_LIMIT // 3)
    with pytest.raises(BadPiece, match="longer"):
        for place in range(MOST_PARTS):
            head = b"\2\0" + place.to_bytes(2, "big") + MOST_PARTS.to_bytes(2, "big") + bytes(4)
            joiner.take(head + share)


def test_two_streams_of_a_camera_may_come_mixed() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    main, sub = (VideoPiece(each, "key", 1, 1, at, "avc1.64001f", 640, 360, bytes(900)) for each in ("main", "sub"))  # type: ignore[arg-type]
    joiner = Joiner()
    bodies = zip(split(main.pack(), 1, 300), split(sub.pack(), 2, 300), strict=True)
    assert [piece for pair in bodies for body in pair if (piece := joiner.take(body)) is not None] == [main, sub]


def test_a_lease_has_its_usual_length_and_no_other_than_short_ones() -> None:
    assert WatchCamera(camera="gate").seconds == LEASE_S
    for seconds in (-1, 61, float("nan")):
        with pytest.raises(ValidationError):
            WatchCamera(camera="gate", seconds=seconds)
