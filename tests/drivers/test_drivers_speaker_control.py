"""Pieces, skips, stops and volume: what both speakers promise, here on the one that writes files."""

import asyncio
import os
import wave
from datetime import timedelta

import numpy as np
import pytest
from drivers_stand_ins import samples, until, write_wav

from drivers.audio.file import FileSpeaker
from drivers.audio.pieces import items_of
from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import Control, DriverFault, Piece

Config = FileSpeaker.Config
RATE = 22_050


def sound_of(report):
    with wave.open(report.output) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"), file.getframerate()


@pytest.fixture
def flat(tmp_path_factory):
    """10 s at a constant height."""
    path = tmp_path_factory.mktemp("in") / "flat.wav"
    write_wav(path, data=np.full(10 * RATE, 10_000, dtype="<i2").tobytes())
    return path


async def test_pieces_of_one_form_follow_each_other_sample_by_sample(jump, tmp_path):
    first = np.array(samples(3000), dtype=np.int16)
    second = np.array(samples(5000, seed=8), dtype=np.int16)
    write_wav(tmp_path / "a.wav", data=first.tobytes())
    write_wav(tmp_path / "b.wav", data=second.tobytes())
    pieces = [Piece(tmp_path / "a.wav"), Piece(seconds=0.5), Piece(tmp_path / "b.wav")]
    async with FileSpeaker(Config(), jump) as speaker:
        report = await speaker.play(pieces)
        later = await speaker.play(pieces, skip_s=1000 / RATE)
    whole = np.concatenate([first, np.zeros(RATE // 2, dtype=np.int16), second])
    sound, rate = sound_of(report)
    assert (rate, report.stopped) == (RATE, False)
    assert np.array_equal(sound, whole)
    assert report.position_s == pytest.approx(len(whole) / RATE)
    assert np.array_equal(sound_of(later)[0], whole[1000:])
    assert later.position_s == pytest.approx(len(whole) / RATE)
    assert later.seconds == pytest.approx((len(whole) - 1000) / RATE)


async def test_pieces_of_different_forms_become_one(jump, tmp_path):
    for name, rate, channels in (("a", 22_050, 1), ("b", 44_100, 2)):
        tone = np.rint(8000 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype("<i2")
        write_wav(tmp_path / f"{name}.wav", rate=rate, channels=channels, data=np.repeat(tone, channels).tobytes())
    async with FileSpeaker(Config(), jump) as speaker:
        report = await speaker.play([Piece(tmp_path / "a.wav"), Piece(tmp_path / "b.wav")])
    sound, rate = sound_of(report)
    assert (rate, len(sound)) == (48_000, 96_000)
    wanted = 8000 * np.sin(2 * np.pi * 500 * np.arange(48_000) / 48_000)
    assert np.abs(sound[:47_000] - wanted[:47_000]).max() < 60
    assert np.abs(sound[48_000:95_000] - wanted[:47_000]).max() < 60


async def test_a_stop_fades_within_30_ms_and_says_where(real, flat):
    control = Control()
    async with FileSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(flat, skip_s=2.0, control=control))
        await until(lambda: control.position_s > 2.3)
        control.stop()
        report = await asyncio.wait_for(task, 5)
    sound, _ = sound_of(report)
    assert report.stopped
    assert 2.3 < report.position_s < 9
    assert report.position_s == pytest.approx(2 + len(sound) / RATE) == control.position_s
    faded = np.flatnonzero(sound < 10_000)
    assert len(faded) == pytest.approx(0.03 * RATE, abs=0.011 * RATE)
    assert np.all(np.diff(sound[faded].astype(int)) <= 0)
    assert sound[-1] < 300


async def test_the_volume_is_changed_while_it_plays_and_before(real, flat):
    control = Control()
    control.set_volume(0.5)
    async with FileSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(flat, skip_s=8.5, volume=1.0, control=control))
        await until(lambda: control.position_s > 8.8)
        control.set_volume(0.25, ramp_s=0.2)
        report = await asyncio.wait_for(task, 5)
    sound, _ = sound_of(report)
    assert (sound[0], sound[-1], report.volume, control.volume) == (5000, 2500, 0.25, 0.25)
    assert np.abs(np.diff(sound.astype(int))).max() <= 2
    assert ((sound > 2500) & (sound < 5000)).sum() == pytest.approx(0.2 * RATE, abs=0.02 * RATE)  # 10 ms at each end


@pytest.mark.parametrize("kind", [FileSpeaker, PyAudioSpeaker])
async def test_stopped_before_its_instant_it_never_begins(real, flat, kind):
    control = Control()
    async with kind(kind.Config(), real) as speaker:
        task = asyncio.create_task(
            speaker.play(flat, at=real.clock.now() + timedelta(hours=1), skip_s=1.0, control=control)
        )
        await asyncio.sleep(0.1)
        control.stop()
        report = await asyncio.wait_for(task, 2)
    assert (report.stopped, report.seconds, report.position_s) == (True, 0.0, 1.0)


async def test_a_skip_behind_the_end_leaves_no_file(jump, flat):
    async with FileSpeaker(Config(directory="out"), jump) as speaker:
        report = await speaker.play(flat, skip_s=60)
    assert (report.seconds, report.stopped, report.position_s) == (0.0, False, 60)
    assert not list((jump.directory / "out").iterdir())


async def test_a_file_that_shrinks_on_air_is_no_storage_fault(real, tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, seconds=3)
    async with FileSpeaker(Config(directory="out"), real) as speaker:
        task = asyncio.create_task(speaker.play(path))
        await until(lambda: list((real.directory / "out").iterdir()))
        os.truncate(path, 1000)
        with pytest.raises(DriverFault, match="became shorter") as caught:
            await asyncio.wait_for(task, 10)
    assert caught.value.code == "speaker.bad_audio"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([], "nothing to play"),
        ([Piece()], "needs its seconds"),
        ([Piece(seconds=-1)], "from 0 s"),
        ([Piece(seconds=float("nan"))], "from 0 s"),
        ([Piece(live=True)], "needs the path"),
        ([Piece("a.wav", seconds=1.0)], "as long as it is"),
    ],
)
def test_pieces_that_make_no_sense_are_refused(pieces, said):
    with pytest.raises(ValueError, match=said):
        items_of(pieces)


@pytest.mark.parametrize("kind", [FileSpeaker, PyAudioSpeaker])
@pytest.mark.parametrize("skip_s", [-1.0, float("inf"), float("nan")])
async def test_a_skip_that_is_none_is_refused(real, flat, kind, skip_s):
    async with kind(kind.Config(), real) as speaker:
        with pytest.raises(ValueError, match="skip_s"):
            await speaker.play(flat, skip_s=skip_s)


def test_a_control_refuses_what_cannot_be():
    control = Control()
    for volume, ramp_s in ((1.1, 0.1), (-0.1, 0.1), (0.5, -1), (0.5, 61)):
        with pytest.raises(ValueError, match="must be within"):
            control.set_volume(volume, ramp_s)
    assert (control.volume, control.stopped, control.position_s) == (None, False, 0.0)
