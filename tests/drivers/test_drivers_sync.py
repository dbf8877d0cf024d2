"""In step: the real player on computed sound cards (bench/card), judged by the cards' own records.

The limits are wide: other programs share the machine. `make bench-sync` has the figures.
"""

import asyncio
import itertools
import os
import signal
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.sync_measure import first_sample, heard, marker, on_monotonic, skew, write_wav
from bench.virtual_card import GONE, STANDS, WORKS, VirtualCard, build, environment
from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import Control, DriverFault, Piece

Config = PyAudioSpeaker.Config
RATE = 48_000


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alsa")
    build(folder)
    return folder


@pytest.fixture
def rig(tmp_path, plugins, monkeypatch):
    """Cards by (name, ppm, step, rate, channels), for the players of this test; the first is the default."""

    def make(*cards):
        made = [VirtualCard(tmp_path, *card) for card in cards]
        for name, value in environment(made, plugins).items():
            monkeypatch.setenv(name, value)
        return made

    return make


@pytest.fixture
def card(rig):
    return rig(("horn", 40.0, 1))[0]


def soon(seconds=2.0):
    return datetime.now(UTC) + timedelta(seconds=seconds)


def monotonic_of(at):
    return on_monotonic(at.timestamp())


def off_ms(card, source, at):
    """By how much each match was off its instant."""
    got = heard(card, source)
    return (got.late - monotonic_of(at)) * 1000, got


async def test_the_first_sample_is_heard_at_the_instant_cold_and_warm(real, card, tmp_path):
    async with PyAudioSpeaker(Config(), real) as speaker:
        for seed, delay in ((1, 2.5), (2, 0.7)):
            source = marker(0.6, seed)
            at = soon(delay)
            report = await speaker.play(write_wav(tmp_path / f"{seed}.wav", source), at=at)
            assert first_sample(card, source) == pytest.approx(monotonic_of(at), abs=3e-3) or report.underruns
            assert report.start_error_ms == pytest.approx(0.0, abs=3.0) or report.underruns
            assert report.uncertainty_ms is not None
    assert len([line for line in card.story.read_text().splitlines() if line.startswith("open")]) == 1


@pytest.mark.parametrize(("step", "limit_ms"), [(1, 0.2), (240, 1.5)])
async def test_two_cards_that_drift_apart_play_the_same_sample_at_the_same_time(real, rig, tmp_path, step, limit_ms):
    cards = rig(("fast", 40.0, step), ("slow", -40.0, step))
    source = marker(8.0)
    path = write_wav(tmp_path / "a.wav", source)
    at = soon()
    async with PyAudioSpeaker(Config(device="fast"), real) as one, PyAudioSpeaker(Config(device="slow"), real) as other:
        reports = await asyncio.gather(one.play(path, at=at), other.play(path, at=at))
    places, apart = skew(*(heard(card, source) for card in cards))
    late = np.abs(apart[places > 3]) * 1000
    assert len(late) > 30
    assert np.median(late) < limit_ms
    # 80 ppm make 0.64 ms in 8 s: what was measured cannot be luck.
    assert reports[0].drift_ppm - reports[1].drift_ppm == pytest.approx(80, abs=40)


async def test_after_the_process_stood_still_it_is_in_step_again_and_repeats_nothing(real, card, tmp_path):
    source = marker(14.0)
    at = soon()
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(write_wav(tmp_path / "a.wav", source), at=at))
        await asyncio.sleep((at - datetime.now(UTC)).total_seconds() + 1.5)
        os.kill(speaker.pid, signal.SIGSTOP)
        await asyncio.sleep(6)
        os.kill(speaker.pid, signal.SIGCONT)
        resumed = time.monotonic()
        report = await task
    off, got = off_ms(card, source, at)
    again = got.time > resumed + 1.0
    assert again.sum() > 20
    assert np.abs(np.median(off[again])) < 1.0
    assert np.all(np.diff(got.place) > 0), "nothing is heard twice"
    assert not ((got.time > resumed - 5) & (got.time < resumed)).any(), "it did stand still"
    assert report.resyncs >= 1
    assert report.position_s == pytest.approx(14.0, abs=0.001)


async def test_a_card_that_stood_still_is_in_step_again(real, card, tmp_path):
    source = marker(8.0)
    at = soon()
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(write_wav(tmp_path / "a.wav", source), at=at))
        await asyncio.sleep((at - datetime.now(UTC)).total_seconds() + 1.5)
        card.order(STANDS)
        await asyncio.sleep(2)
        card.order(WORKS)
        resumed = time.monotonic()
        report = await task
    off, got = off_ms(card, source, at)
    again = got.time > resumed + 1.0
    assert again.sum() > 20
    assert np.abs(np.median(off[again])) < 1.0
    assert np.all(np.diff(got.place) > 0)
    assert report.resyncs >= 1


async def test_a_card_pulled_out_is_lost_and_found_when_it_is_back(real, card, tmp_path):
    source = marker(6.0)
    path = write_wav(tmp_path / "a.wav", source)
    control = Control()
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(path, control=control))
        while control.position_s < 1.0:
            await asyncio.sleep(0.02)
        card.order(GONE)
        with pytest.raises(DriverFault) as caught:
            await asyncio.wait_for(task, 20)
        assert (caught.value.code, caught.value.retry) == ("speaker.device_lost", True)
        assert 0.9 < control.position_s < 3
        with pytest.raises(DriverFault) as caught:
            await speaker.play(path)
        assert caught.value.code == "speaker.no_device"
        card.order(WORKS)
        report = await speaker.play(path, skip_s=5.5)
    assert report.seconds == pytest.approx(0.5, abs=0.01)
    assert heard(card, source).place.max() > 5.7 * RATE


async def test_pieces_follow_each_other_without_a_gap(real, card, tmp_path):
    source = marker(3.0)
    cuts = [0, 24_000, 24_100, 90_000, len(source)]
    pieces = [
        Piece(write_wav(tmp_path / f"{first}.wav", source[first:last])) for first, last in itertools.pairwise(cuts)
    ]
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play([*pieces, Piece(seconds=0.25), pieces[0]], skip_s=0.2)
    sound = card.heard()
    begin = int(np.flatnonzero(sound)[0])
    wanted = np.concatenate([source[9600:], np.zeros(12_000, dtype=np.int16), source[:24_000]])
    assert report.underruns or np.array_equal(sound[begin : begin + len(wanted)], wanted)
    assert not sound[begin + len(wanted) :].any()
    assert report.position_s == pytest.approx(3.75, abs=0.001)
    assert report.seconds == pytest.approx(3.55, abs=0.001)


async def test_the_volume_goes_up_a_ramp_while_it_plays(real, card, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.full(3 * RATE, 10_000))
    control = Control()
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(path, volume=0.2, control=control))
        while control.position_s < 0.5:
            await asyncio.sleep(0.02)
        control.set_volume(0.8, ramp_s=0.5)
        report = await task
    sound = card.heard().astype(int)
    played = sound[np.flatnonzero(sound)[0] :][: 3 * RATE]
    assert (played[0], played.max(), report.volume) == (2000, 8000, 0.8)
    rise = np.diff(played[: np.flatnonzero(played)[-1]])
    assert rise.min() >= 0
    assert rise.max() <= 2, "no step is heard"
    assert ((played > 2000) & (played < 8000)).sum() == pytest.approx(0.5 * RATE, abs=1000)


async def test_a_stop_fades_and_what_pre_empts_begins_at_once_on_the_same_card(real, card, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.full(20 * RATE, 10_000))
    siren = write_wav(tmp_path / "b.wav", np.full(RATE // 2, 15_000))
    control = Control()
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(path, control=control))
        while control.position_s < 0.5:
            await asyncio.sleep(0.02)
        control.stop()
        stopped = await task
        began = time.monotonic()
        second = await speaker.play(siren)
        assert time.monotonic() - began < 5
        rest = await speaker.play(path, skip_s=stopped.position_s, at=soon(-10), control=stopped_control())
    sound = card.heard().astype(int)
    first, last = np.flatnonzero(sound == 10_000)[[0, -1]]
    fade = sound[last + 1 : np.flatnonzero(sound == 15_000)[0] - 1]
    fade = fade[fade > 0]
    assert len(fade) == pytest.approx(0.03 * RATE, abs=3)
    assert np.all(np.diff(fade) <= 0)
    assert stopped.stopped
    assert not second.stopped
    assert stopped.seconds == pytest.approx((last - first + 1 + len(fade)) / RATE, abs=0.003) or stopped.underruns
    assert stopped.position_s == pytest.approx(stopped.seconds, abs=0.001) == control.position_s
    assert len([line for line in card.story.read_text().splitlines() if line.startswith("open")]) == 1
    assert (rest.stopped, rest.seconds, rest.position_s) == (True, 0.0, stopped.position_s)


def stopped_control():
    control = Control()
    control.stop()
    return control


async def test_a_skip_behind_the_end_plays_nothing(real, card, tmp_path):
    path = write_wav(tmp_path / "a.wav", marker(0.5))
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(path, skip_s=9.0, at=soon(0.3))
    assert (report.seconds, report.position_s, report.stopped) == (0.0, 9.0, False)
    assert not card.heard().any()


async def test_nine_hours_are_no_more_than_nine_seconds(real, card, tmp_path):
    from drivers.audio.wav import header

    frames = 9 * 3600 * RATE
    path = tmp_path / "long.wav"
    tail = marker(0.5)
    with path.open("wb") as file:
        file.write(header(RATE, 1, 2, frames * 2))
        file.seek(44 + (frames - len(tail)) * 2)
        file.write(tail.tobytes())
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(path, skip_s=9 * 3600 - 1.0, at=soon())
    assert report.position_s == pytest.approx(9 * 3600, abs=0.001)
    assert heard(card, tail, 0.05).place.size > 3


async def test_a_card_of_44_100_hz_and_one_channel_gets_that_in_step(real, rig, tmp_path):
    (card,) = rig(("horn", 40.0, 1, 44_100, 1))
    source = marker(3.0)  # at 44.1 kHz it is other noise, but as good
    at = soon()
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(write_wav(tmp_path / "a.wav", source, 44_100), at=at)
    got = heard(card, source)
    late = got.time - got.place / 44_100 - monotonic_of(at)
    assert len(late) > 10
    assert abs(np.median(late)) < 2e-3
    assert report.seconds == pytest.approx(len(source) / 44_100, abs=0.01) or report.underruns


async def test_with_a_long_buffer_a_stop_is_a_cut(real, card, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.full(20 * RATE, 10_000))
    control = Control()
    async with PyAudioSpeaker(Config(buffer_ms=1000), real) as speaker:
        task = asyncio.create_task(speaker.play(path, control=control))
        while control.position_s < 1.0:
            await asyncio.sleep(0.02)
        asked = time.monotonic()
        control.stop()
        report = await task
        (run,) = [run for run in card.runs() if run.why == "stop"][-1:]
        ended = run.began + (run.last - run.first) / run.pace
        assert ended - asked < 0.5, "what waited, 0.6 s of it, was not heard out"
        begin = int(np.flatnonzero(card.heard())[0])
        assert report.position_s == pytest.approx((run.last - begin) / RATE, abs=0.05) or report.underruns
        assert report.stopped
        assert (await speaker.play(path, skip_s=19.8)).seconds == pytest.approx(0.2, abs=0.001)
