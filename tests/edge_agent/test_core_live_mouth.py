"""Who speaks: the microphone's own clock, the level, the codec, and a microphone by ALSA."""

import asyncio
import contextlib
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bench.live_rig import RATE, LiveNode, clicks, find
from bench.rig import broker
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.voice import PACKET, VoiceFrame
from edge_agent.live.broadcaster import Broadcaster, Progress, Source, Wishes
from edge_agent.live.grid import Grid
from edge_agent.live.jitter import JitterBuffer
from edge_agent.live.library import OpusError
from edge_agent.live.opus import Decoder, Encoder
from edge_agent.streams.level import TARGET_DBFS, Leveller, dbfs

SIGNER = Signer("k1", bytes(range(32)))


@pytest.mark.parametrize("ppm", [-300, 0, 300])
def test_a_crystal_of_its_own_does_not_move_the_voice(ppm: int) -> None:
    """60 s by a card that is wrong by 300 ppm would be 18 ms off; blocks are handed over up to 20 ms late."""
    rng = np.random.default_rng(3)
    sound, times = clicks(60.0, every_s=1.0)
    true_rate = RATE * (1 + ppm / 1e6)
    count = int(58 * true_rate)
    card = np.interp(np.arange(count) / true_rate * RATE, np.arange(len(sound)), sound).astype(np.float32)
    grid, parts, start = Grid(), [], 0.25
    for begin in range(0, count - 480, 480):
        spoken = (begin + 480) / true_rate
        grid.put(card[begin : begin + 480], spoken + rng.exponential(0.004) * (rng.random() < 0.7))
        while (part := grid.take(start, 480)) is not None:
            parts.append(part)
    heard = np.concatenate(parts)
    assert len(heard) / RATE > 57
    for at in times[1:50]:
        place, alike = find(heard, at - start, 0.05)
        assert alike > 0.95
        assert abs(place + start - at) < 0.003


def test_samples_that_a_card_lost_do_not_shift_the_rest() -> None:
    sound, times = clicks(20.0)
    grid, parts = Grid(), []
    for begin in range(0, len(sound) - 480, 480):
        if 8.0 <= begin / RATE < 8.5:
            continue  # an overflow: half a second is gone
        grid.put(sound[begin : begin + 480], (begin + 480) / RATE)
        while (part := grid.take(0.0, 480)) is not None:
            parts.append(part)
    heard = np.concatenate(parts)
    for at in [at for at in times if at > 13]:
        place, alike = find(heard, at, 0.1)
        assert alike > 0.9
        assert abs(place - at) < 0.005


@pytest.mark.parametrize("level_db", [-40.0, -23.0, -6.0])
def test_every_voice_comes_to_one_level_and_never_over_full_scale(level_db: float) -> None:
    rng = np.random.default_rng(1)
    voice = rng.standard_normal(20 * RATE).astype(np.float32) * np.float32(10 ** (level_db / 20))
    leveller = Leveller()
    out = np.concatenate([leveller.process(voice[k : k + 960]) for k in range(0, len(voice), 960)])
    assert len(out) == len(voice) - leveller.latency
    assert dbfs(out[-5 * RATE :]) == pytest.approx(TARGET_DBFS, abs=1.5)
    assert np.abs(out).max() <= 1.0


def test_a_pause_does_not_raise_the_noise() -> None:
    rng = np.random.default_rng(1)
    leveller = Leveller()
    loud = rng.standard_normal(3 * RATE).astype(np.float32) * np.float32(0.07)
    for begin in range(0, len(loud), 960):
        leveller.process(loud[begin : begin + 960])
    before = leveller.gain_db
    for _ in range(500):
        leveller.process(rng.standard_normal(960).astype(np.float32) * np.float32(0.001))
    assert leveller.gain_db == before


def test_what_is_lost_is_made_up_from_what_is_there() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 300 * np.arange(50 * PACKET) / RATE)).astype(np.float32)
    encoder, decoder = Encoder(loss_percent=20), Decoder()
    packets = [encoder.encode(tone[k : k + PACKET]) for k in range(0, len(tone), PACKET)]
    whole = [decoder.decode(packet) for packet in packets[:20]]
    repaired, made_up = decoder.before(packets[21]), decoder.conceal()
    level = dbfs(np.concatenate(whole[10:]))
    assert dbfs(repaired) == pytest.approx(level, abs=3)
    assert dbfs(made_up) > level - 10
    with pytest.raises(OpusError, match=r"corrupted|invalid"):
        decoder.decode(b"\xff" * 5)
    encoder.close()
    decoder.close()


def frame(sequence: int, first: int, *packets: bytes, again: int = 0) -> VoiceFrame:
    return VoiceFrame(sequence, first, again, packets)


def test_packets_come_out_in_order_each_once_whatever_order_they_came_in() -> None:
    buffer = JitterBuffer()
    for which in (frame(2, 4, b"2", b"3", b"4", b"5", again=2), frame(0, 0, b"0", b"1"), frame(1, 2, b"2", b"3")):
        buffer.put(which, 1.0, 0.0)
    assert [buffer.take(number)[0] for number in range(7)] == [b"0", b"1", b"2", b"3", b"4", b"5", None]
    buffer.put(frame(3, 6, b"6", b"7"), 1.0, 0.0)
    assert buffer.counts.late == 1
    assert buffer.take(7) == (b"7", None)
    assert buffer.counts.repaired == 2


def test_the_buffer_is_bounded() -> None:
    buffer = JitterBuffer()
    for number in range(100_000):
        buffer.put(frame(number, number, b"x"), 1.0, 0.0)
    assert len(buffer) <= 502
    assert len(buffer._seen) <= 4096


def alsa_microphone(folder: Path, monkeypatch: pytest.MonkeyPatch, sound: np.ndarray) -> threading.Event:
    """A default input as slow as a real one: a pipe that gets 10 ms of sound every 10 ms."""
    pipe = folder / "microphone.pipe"
    os.mkfifo(pipe)
    conf = folder / "asound.conf"
    conf.write_text(
        "</usr/share/alsa/alsa.conf>\n"
        f'pcm.!default {{ type file slave.pcm "null" file "/dev/null" infile "{pipe}" format "raw" }}\n'
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(conf))
    data, over = (sound * 32767).astype("<i2").tobytes(), threading.Event()

    def feed() -> None:
        with os.fdopen(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), "wb", buffering=0) as end:
            began, sent = time.monotonic(), 0
            while not over.wait(0.005):
                due = int((time.monotonic() - began) * 100) * 960
                while sent < due:
                    block = data[sent % len(data) :][:960]
                    with contextlib.suppress(BlockingIOError):
                        end.write(block)
                    sent += len(block)

    threading.Thread(target=feed, daemon=True).start()
    return over


async def test_a_microphone_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through PortAudio and ALSA: as far from each other as they were spoken."""
    sound, times = clicks(4.0)
    over = alsa_microphone(tmp_path, monkeypatch, sound)
    seen: list[Progress] = []
    with broker(tmp_path) as port:
        topics = NodeTopics("26734", "a")
        access = Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}"))
        async with LiveNode(port, topics, SIGNER, tmp_path / "a") as node, Client(access, SIGNER) as client:
            speaker = Broadcaster(client, topics, "thu", seen.append)
            told = await speaker.speak(Source(level=False), Wishes(seconds=6.0), asyncio.Event())
            heard = node.air.heard[-1][1].heard
    over.set()
    assert told.acks["a"].state == "done"
    assert seen[0].device
    assert max(progress.level_dbfs for progress in seen) > -30
    found = [find(heard, at, 0.25) for at in np.arange(1.25, 5.5, 0.5)]
    good = [place for place, alike in found if alike > 0.7]
    assert len(good) >= 6  # the pipe begins anew every 4 s
    gaps = np.diff(good)
    assert np.median(np.abs(gaps - np.round(gaps / 0.5) * 0.5)) < 0.05
    assert len(times) > 5
