import asyncio
import json
from datetime import timedelta

import pytest
from drivers_stand_ins import until, write_wav

from drivers.audio.simulated import SimulatedSpeaker
from drivers.contract import Control, DriverFault, Piece

Config = SimulatedSpeaker.Config


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, seconds=2.5)
    return path


async def test_takes_the_time_of_all_pieces_from_the_instant(jump, wav):
    starts = []
    at = jump.clock.now() + timedelta(hours=3)
    async with SimulatedSpeaker(Config(record="heard.jsonl"), jump) as speaker:
        pieces = [Piece(wav), Piece(seconds=4), Piece(wav)]
        report = await speaker.play(pieces, at=at, skip_s=1.5, volume=0.5, on_start=starts.append)
    assert (report.started_at, report.start_error_ms, report.stopped) == (at, 0, False)
    assert (report.seconds, report.position_s, report.volume) == (7.5, 9, 0.5)
    assert [start.started_at for start in starts] == [at]
    assert jump.clock.now() == at + timedelta(seconds=7.5)
    [line] = (jump.directory / "heard.jsonl").read_text().splitlines()
    assert json.loads(line) == {"at": at.isoformat(timespec="milliseconds"), "seconds": 7.5, "volume": 0.5}


async def test_a_skip_beyond_the_end_plays_nothing(jump, wav):
    async with SimulatedSpeaker(Config(), jump) as speaker:
        report = await speaker.play(wav, skip_s=60)
    assert (report.seconds, report.stopped) == (0, False)


@pytest.mark.parametrize("live", [False, True])
async def test_stopped_it_says_how_far_it_came(real, live, tmp_path):
    begun = asyncio.Event()
    control = Control()
    piece = Piece(tmp_path / "fifo", live=True) if live else Piece(seconds=600)
    async with SimulatedSpeaker(Config(), real) as speaker:
        play = asyncio.create_task(speaker.play([piece], on_start=lambda _: begun.set(), control=control))
        await begun.wait()
        await until(lambda: control.position_s > 0.05)
        control.set_volume(0.25)
        control.stop()
        report = await play
    assert report.stopped and report.volume == 0.25
    assert 0.05 < report.seconds < 60 and control.position_s == report.position_s == report.seconds


async def test_stopped_before_its_instant_nothing_is_heard(real):
    control, starts = Control(), []
    at = real.clock.now() + timedelta(hours=1)
    async with SimulatedSpeaker(Config(record="heard.jsonl"), real) as speaker:
        play = asyncio.create_task(speaker.play([Piece(seconds=9)], at=at, on_start=starts.append, control=control))
        await asyncio.sleep(0.01)
        control.stop()
        report = await play
    assert (report.stopped, report.seconds, starts) == (True, 0, [])
    assert not (real.directory / "heard.jsonl").exists()


async def test_one_play_at_a_time_and_only_sounds(real, wav):
    async with SimulatedSpeaker(Config(), real) as speaker:
        play = asyncio.create_task(speaker.play(wav))
        await asyncio.sleep(0.01)
        with pytest.raises(DriverFault, match="busy"):
            await speaker.play(wav)
        play.cancel()
        await asyncio.gather(play, return_exceptions=True)
        wav.write_bytes(b"no sound")
        with pytest.raises(DriverFault, match="bad_audio"):
            await speaker.play(wav)
    with pytest.raises(DriverFault, match="closed"):
        await speaker.play(wav)
