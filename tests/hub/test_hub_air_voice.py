"""What becomes of a phone's packets at the hub: their place in time, the messages they travel in, what is refused."""

import asyncio
import math
import random

import pytest

from edge_agent.contract.topics import voice
from edge_agent.contract.voice import PACKET, VoiceReader
from hub.air import opus
from hub.air.coding import Coder, CoderGone
from hub.air.outgoing import Outgoing
from hub.air.pacer import PACKET_S, Pacer

LOUD, QUIET = -20.0, -60.0


def spoken(pacer: Pacer, seconds: float, clock: float = 1.0, jitter: float = 0.0, level: float = LOUD) -> list[float]:
    """A phone speaks from instant 0 on, its clock runs at `clock`; by how much each sent packet is off its place."""
    chance, off = random.Random(4), []
    came = 0.0
    for sequence in range(int(seconds / PACKET_S)):
        began = sequence * PACKET_S / clock
        came = max(came, began + PACKET_S / clock + 0.03 + chance.random() * jitter)
        number = pacer.place(sequence, came, level)
        if number is not None:
            off.append(began - (3.0 + number * PACKET_S))
    return off


def test_what_is_said_before_the_first_word_is_not_sent() -> None:
    pacer = Pacer(3.0, 0.3)
    assert [pacer.place(n, 0.02 * n + 0.05, LOUD) for n in range(140)] == [None] * 140
    numbers = [pacer.place(n, 0.02 * n + 0.05, LOUD) for n in range(140, 160)]
    first = next(n for n in numbers if n is not None)
    assert first == 0
    sent = [n for n in numbers if n is not None]
    assert sent == list(range(len(sent)))


def test_jitter_of_a_radio_link_moves_no_packet() -> None:
    pacer = Pacer(3.0, 0.3)
    off = spoken(pacer, 30, jitter=0.2)
    assert 1350 <= len(off) == pacer.counts.sent <= 1354  # 27 s, and what was under way at the first word
    assert max(off) - min(off) < 0.021  # all on one grid
    assert (pacer.counts.late, pacer.counts.slipped) == (0, 0)


@pytest.mark.parametrize("clock", [1.0003, 0.9997])
@pytest.mark.parametrize("level", [LOUD, QUIET])
def test_another_clock_is_followed_by_single_packets(clock: float, level: float) -> None:
    pacer = Pacer(3.0, 0.3)
    off = spoken(pacer, 600, clock=clock, jitter=0.05, level=level)
    assert max(map(abs, off)) < 0.09  # it would be 0.18 s
    assert 7 <= pacer.counts.slipped + (pacer.counts.late > 0) <= 12
    assert pacer.counts.late == 0


def test_what_comes_too_late_to_be_heard_is_dropped_and_counted() -> None:
    pacer = Pacer(3.0, 0.3)
    for n in range(200):
        pacer.place(n, 0.02 * n + 0.05, LOUD)
    held_up = [pacer.place(n, 5.5, LOUD) for n in range(200, 276)]
    first = next(n for n in held_up if n is not None)
    assert 5.5 - (3.0 + (first + 1) * PACKET_S) == pytest.approx(0.3, abs=PACKET_S)
    assert held_up.count(None) == pacer.counts.late == 57
    assert pacer.counts.sent > 60


def test_a_longer_way_from_then_on_is_made_good_once() -> None:
    """A phone that moves to another radio cell: 0.2 s later from then on, for good."""
    pacer = Pacer(3.0, 0.3)
    numbers = [pacer.place(n, 0.02 * n + (0.05 if n < 300 else 0.25), LOUD) for n in range(900)]
    assert pacer.counts.late == 0
    sent = [n for n in numbers if n is not None]
    assert sent == sorted(set(sent))
    assert 899 * 0.02 + 0.27 - 3.0 - sent[-1] * 0.02 < 0.1


def test_messages_hold_what_is_new_and_what_was_said_before() -> None:
    outgoing = Outgoing("26734", "live-1")
    reader = VoiceReader(voice("26734", "live-1"), outgoing.key)
    messages = [m for n in range(5) for m in outgoing.add(n, bytes([104, n]))] + outgoing.rest()
    frames = [reader.read(m) for m in messages]
    assert [f.numbered() for f in frames] == [
        [(0, b"h\0"), (1, b"h\1")],
        [(0, b"h\0"), (1, b"h\1"), (2, b"h\2"), (3, b"h\3")],
        [(2, b"h\2"), (3, b"h\3"), (4, b"h\4")],
    ]
    assert [f.sequence for f in frames] == [0, 1, 2]
    assert outgoing.rest() == []


def test_a_packet_that_is_left_out_leaves_a_hole_and_moves_nothing() -> None:
    outgoing = Outgoing("26734", "live-1")
    reader = VoiceReader(voice("26734", "live-1"), outgoing.key)
    numbers = [0, 1, 2, 5, 6, 9]
    messages = [m for n in numbers for m in outgoing.add(n, bytes([104, n]))] + outgoing.rest()
    seen = {number: packet for m in messages for number, packet in reader.read(m).numbered()}
    assert seen == {n: bytes([104, n]) for n in numbers}


def test_large_packets_are_said_once_rather_than_in_too_large_a_message() -> None:
    outgoing = Outgoing("26734", "live-1")
    reader = VoiceReader(voice("26734", "live-1"), outgoing.key)
    messages = [m for n in range(6) for m in outgoing.add(n, bytes([104]) + bytes(399))]
    assert all(len(m) <= 1200 for m in messages)
    assert {n for m in messages for n, _ in reader.read(m).numbered()} == set(range(6))


@pytest.mark.parametrize(
    ("packet", "good"),
    [
        (b"", False),
        (bytes([13 << 3]), False),  # nothing in it
        (bytes([13 << 3, 1, 2]), True),  # 20 ms, hybrid, mono
        (bytes([31 << 3, 1]), True),  # 20 ms, CELT
        (bytes([13 << 3 | 4, 1, 2]), False),  # stereo
        (bytes([12 << 3, 1, 2]), False),  # 10 ms
        (bytes([3 << 3, 1, 2]), False),  # 60 ms
        (bytes([13 << 3 | 1, 1, 2]), False),  # two frames
        (bytes([13 << 3]) + bytes(400), False),  # too large
    ],
)
def test_packets_that_nodes_would_not_take_are_known(packet: bytes, good: bool) -> None:
    assert opus.is_voice(packet) is good


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
async def test_samples_become_packets_in_their_order(rate: int) -> None:
    made: list[tuple[int, bytes]] = []
    samples = rate // 50
    tone = [round(9000 * math.sin(2 * math.pi * 300 * n / rate)) for n in range(samples)]
    block = b"".join(sample.to_bytes(2, "little", signed=True) for sample in tone)
    async with Coder(rate, lambda about, packet: made.append((about[0], packet))) as coder:
        for number in range(40):
            coder.put((number, -20.0, 0.0), block)
        async with asyncio.timeout(20):
            while len(made) < 40:
                await asyncio.sleep(0.02)
        with pytest.raises(ValueError, match="20 ms"):
            coder.put((41, -20.0, 0.0), block[:-2])
    assert [number for number, _ in made] == list(range(40))
    assert all(opus.is_voice(packet) for _, packet in made)
    with pytest.raises(CoderGone):
        coder.put((42, -20.0, 0.0), block)


async def test_a_codec_that_died_is_noticed() -> None:
    async with Coder(24_000, lambda _about, _packet: None) as coder:
        assert coder._process is not None
        coder._process.kill()
        await coder._process.wait()
        with pytest.raises(CoderGone):
            async with asyncio.timeout(10):
                while True:
                    coder.put((1, -20.0, 0.0), bytes(960))
                    await asyncio.sleep(0.02)


def test_a_packet_is_20_ms_here_and_in_the_contract() -> None:
    assert PACKET_S == PACKET / 48_000
