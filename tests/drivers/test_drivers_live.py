"""Live pieces: raw samples through a FIFO, on computed sound cards and into files. Each sample has its instant."""

import asyncio
import os
import time
import wave
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.sync_measure import heard, marker, on_monotonic, write_wav
from bench.virtual_card import VirtualCard, build, environment
from drivers.audio.file import FileSpeaker
from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import Control, DriverFault, Piece

RATE = 48_000


@pytest.fixture(scope="session")
def live_plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live-alsa")
    build(folder)
    return folder


@pytest.fixture
def card(tmp_path, live_plugins, monkeypatch):
    made = VirtualCard(tmp_path, "horn", -30.0, 1)
    for name, value in environment([made], live_plugins).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "live.fifo"
    os.mkfifo(path)
    return path


def soon(seconds=2.0):
    return datetime.now(UTC) + timedelta(seconds=seconds)


def monotonic_of(at):
    return on_monotonic(at.timestamp())


async def write_paced(path, samples, at, ahead_s=0.2):
    """As a decoder does: sample n is written `ahead_s` before it is due."""

    def run():
        with path.open("wb", buffering=0) as pipe:
            begin = monotonic_of(at) - ahead_s
            for first in range(0, len(samples), 960):
                time.sleep(max(0.0, begin + first / RATE - time.monotonic()))
                pipe.write(samples[first : first + 960].astype("<i2").tobytes())

    await asyncio.to_thread(run)


def off_ms(got, at):
    return (got.late - monotonic_of(at)) * 1000


async def test_every_live_sample_is_heard_at_its_instant_and_the_play_ends_with_the_writer(real, card, fifo):
    source, at = marker(4.0), soon()
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        task = asyncio.create_task(speaker.play([Piece(fifo, live=True)], at=at))
        await write_paced(fifo, source, at)
        report = await asyncio.wait_for(task, 20)
    got = heard(card, source)
    assert len(got.place) > 20
    assert np.median(np.abs(off_ms(got, at))) < 0.5
    assert report.position_s == pytest.approx(4.0, abs=0.3)
    assert not report.stopped


async def test_what_comes_too_late_is_dropped_and_what_comes_in_time_is_in_step(real, card, fifo):
    source, at = marker(5.0), soon()
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        task = asyncio.create_task(speaker.play([Piece(fifo, live=True, seconds=5.0)], at=at))
        await asyncio.sleep((at - datetime.now(UTC)).total_seconds() + 1.5)  # the writer opens late, and catches up
        await write_paced(fifo, source, at)
        report = await asyncio.wait_for(task, 20)
    got = heard(card, source)
    assert np.median(np.abs(off_ms(got, at))) < 0.5
    assert got.place.min() > 1.4 * RATE
    assert report.position_s == pytest.approx(5.0, abs=0.001)


async def test_a_writer_that_dies_leaves_silence_and_another_goes_on(real, card, fifo, tmp_path):
    source, at = marker(4.0), soon()
    after = marker(1.0, seed=9)
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        pieces = [Piece(fifo, live=True, seconds=4.0), Piece(write_wav(tmp_path / "a.wav", after))]
        task = asyncio.create_task(speaker.play(pieces, at=at))
        await write_paced(fifo, source[:RATE], at)
        await asyncio.sleep(0.8)
        await write_paced(fifo, source[RATE:], at + timedelta(seconds=1))
        report = await asyncio.wait_for(task, 20)
    got = heard(card, source, 0.05)
    assert np.median(np.abs(off_ms(got, at))) < 0.5
    assert (got.place < 0.9 * RATE).any()
    assert (got.place > 2.5 * RATE).any()
    rest = heard(card, after, 0.05)
    assert np.median(np.abs(off_ms(rest, at + timedelta(seconds=4)))) < 0.5, "what follows begins at its own instant"
    assert report.position_s == pytest.approx(5.0, abs=0.001)


async def test_nobody_ever_writes(real, card, fifo):
    control = Control()
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        report = await asyncio.wait_for(speaker.play([Piece(fifo, live=True, seconds=1.0)], at=soon()), 20)
        assert report.position_s == pytest.approx(1.0, abs=0.001)
        task = asyncio.create_task(speaker.play([Piece(fifo, live=True)], control=control))
        while control.position_s < 0.5:
            await asyncio.sleep(0.02)
        control.stop()
        assert (await asyncio.wait_for(task, 5)).stopped
    assert not card.heard().any()


async def test_a_chime_and_then_a_stream_that_is_empty_take_their_time(real, card, fifo, tmp_path):
    chime = marker(0.4, seed=3)
    pieces = [Piece(write_wav(tmp_path / "a.wav", chime)), Piece(fifo, live=True, seconds=0.5), Piece(seconds=0.1)]
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        report = await asyncio.wait_for(speaker.play(pieces), 20)
    assert report.position_s == pytest.approx(1.0, abs=0.001)
    assert report.start_error_ms is None
    assert heard(card, chime, 0.05).place.size > 3


async def test_joining_a_stream_that_runs_plays_what_is_due_now(real, card, fifo):
    source, at = marker(5.0), soon(-1.0)
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        task = asyncio.create_task(speaker.play([Piece(fifo, live=True, seconds=5.0)], at=at))
        await write_paced(fifo, source, at)
        await asyncio.wait_for(task, 20)
    got = heard(card, source)
    assert np.median(np.abs(off_ms(got, at))) < 0.5
    assert got.place.min() > RATE


async def test_what_is_no_fifo_is_refused_before_air(real, card, tmp_path):
    path = write_wav(tmp_path / "a.wav", marker(0.5))
    async with PyAudioSpeaker(PyAudioSpeaker.Config(), real) as speaker:
        for wrong in (path, tmp_path / "absent"):
            with pytest.raises(DriverFault) as caught:
                await speaker.play([Piece(wrong, live=True)])
            assert caught.value.code == "speaker.bad_audio"
        assert speaker.pid is None


async def test_a_file_speaker_writes_down_a_live_stream(real, fifo):
    source, at = marker(2.0), soon(0.5)
    async with FileSpeaker(FileSpeaker.Config(), real) as speaker:
        task = asyncio.create_task(speaker.play([Piece(fifo, live=True), Piece(seconds=0.25)], at=at))
        await write_paced(fifo, source, at)
        report = await asyncio.wait_for(task, 20)
    with wave.open(report.output) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    first = int(np.flatnonzero(sound)[0])
    assert np.array_equal(sound[: len(source)][first:], source[first:])
    assert first < RATE // 2
    assert report.seconds == pytest.approx(2.25, abs=0.25)
