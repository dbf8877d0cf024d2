import asyncio
import wave
from array import array
from datetime import UTC, datetime, timedelta

import pytest
from drivers_stand_ins import listed, until, write_wav

from drivers.audio.file import FileSpeaker
from drivers.contract import DriverFault

Config = FileSpeaker.Config


def frames_of(path):
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


@pytest.fixture
def wav(tmp_path_factory):
    path = tmp_path_factory.mktemp("in") / "a.wav"
    return path, write_wav(path, seconds=2.5)


async def test_plays_from_the_instant_for_as_long_as_the_sound(jump, wav):
    path, data = wav
    starts = []
    at = jump.clock.now() + timedelta(hours=3)
    async with FileSpeaker(Config(), jump) as speaker:
        report = await speaker.play(path, at=at, on_start=starts.append)
    assert (report.started_at, report.start_error_ms) == (at, 0)
    assert (report.seconds, report.volume) == (2.5, 1.0)
    assert jump.clock.now() == at + timedelta(seconds=2.5)
    assert [(start.started_at, start.output) for start in starts] == [(at, report.output)]
    assert report.output == str(jump.directory / "20250129T080000.000Z.wav")
    assert listed(jump.directory) == ["20250129T080000.000Z.wav"]
    assert frames_of(report.output) == data


async def test_an_instant_that_is_past_plays_now_and_says_how_late(jump, wav):
    async with FileSpeaker(Config(paced=False), jump) as speaker:
        report = await speaker.play(wav[0], at=jump.clock.now() - timedelta(seconds=2))
        assert report.start_error_ms == 2000
        assert (await speaker.play(wav[0])).start_error_ms is None
    assert jump.clock.passed == 0


async def test_volume_is_applied(jump, wav):
    async with FileSpeaker(Config(paced=False), jump) as speaker:
        report = await speaker.play(wav[0], volume=0.25)
    assert report.volume == 0.25
    assert list(array("h", frames_of(report.output))) == [round(s * 0.25) for s in array("h", wav[1])]


async def test_a_cancelled_play_leaves_what_was_heard(real, wav):
    path, data = wav
    started = asyncio.Event()
    async with FileSpeaker(Config(directory="out"), real) as speaker:
        task = asyncio.create_task(speaker.play(path, on_start=lambda start: started.set()))
        await started.wait()
        await asyncio.sleep(0.3)
        assert not [name for name in listed(real.directory / "out") if name.endswith(".wav")]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (file,) = (real.directory / "out").glob("*.wav")
        assert data.startswith(frames_of(file))
        assert 0.2 < len(frames_of(file)) / 2 / 22_050 < 2.4
        assert len(listed(real.directory / "out")) == 1
        await asyncio.wait_for(speaker.play(write_short(path)), 5)


def write_short(path):
    write_wav(path.with_name("short.wav"), seconds=0.05)
    return path.with_name("short.wav")


async def test_cancelling_before_the_instant_leaves_nothing(real, wav):
    async with FileSpeaker(Config(), real) as speaker:
        task = asyncio.create_task(speaker.play(wav[0], at=datetime.now(UTC) + timedelta(hours=1)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert listed(real.directory) == []


async def test_one_play_at_a_time(real, wav):
    async with FileSpeaker(Config(), real) as speaker:
        first = asyncio.create_task(speaker.play(wav[0]))
        await until(lambda: listed(real.directory))
        with pytest.raises(DriverFault, match=r"speaker\.busy") as caught:
            await speaker.play(wav[0])
        assert caught.value.retry
        first.cancel()
        await asyncio.wait([first])


async def test_keeps_the_newest_and_leaves_other_files_alone(jump, wav):
    (jump.directory / "mine.wav").write_text("not a recording of ours")
    (jump.directory / ".20240101T000000.000Z.wav.part").write_text("left by a power cut")
    async with FileSpeaker(Config(keep=3, paced=False), jump) as speaker:
        reports = [await speaker.play(write_short(wav[0])) for _ in range(5)]
        for _ in range(2):
            await jump.clock.sleep(1)
            reports.append(await speaker.play(write_short(wav[0])))
    assert len({report.output for report in reports}) == 7, "two plays in one millisecond do not overwrite each other"
    names = listed(jump.directory)
    assert "mine.wav" in names
    assert len(names) == 4
    assert {reports[-1].output, reports[-2].output} <= {str(jump.directory / name) for name in names}


async def test_wrong_calls(jump, wav):
    speaker = FileSpeaker(Config(), jump)
    with pytest.raises(DriverFault, match=r"driver\.closed"):
        await speaker.play(wav[0])
    async with speaker:
        with pytest.raises(ValueError, match="aware"):
            await speaker.play(wav[0], at=datetime(2025, 1, 1))
        for volume in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match="volume"):
                await speaker.play(wav[0], volume=volume)
        with pytest.raises(DriverFault, match=r"speaker\.bad_audio"):
            await speaker.play(jump.directory / "absent.wav")
    assert listed(jump.directory) == []


async def test_an_error_of_the_caller_leaves_nothing_and_the_speaker_usable(jump, wav):
    def wrong(start):
        raise KeyError("the caller's own")

    async with FileSpeaker(Config(paced=False), jump) as speaker:
        with pytest.raises(KeyError):
            await speaker.play(wav[0], on_start=wrong)
        assert listed(jump.directory) == []
        assert (await speaker.play(wav[0])).seconds == 2.5


async def test_a_directory_that_cannot_be_is_told(jump):
    (jump.directory / "taken").write_text("a file, not a folder")
    speaker = FileSpeaker(Config(directory="taken"), jump)
    check = await speaker.check()
    assert (check.ok, check.code) == (False, "speaker.storage")
    with pytest.raises(DriverFault, match=r"speaker\.storage"):
        await speaker.__aenter__()
    assert (await FileSpeaker(Config(directory="new/one"), jump).check()).ok


async def test_a_directory_that_vanishes_is_a_fault_of_the_storage(jump, wav):
    async with FileSpeaker(Config(directory="out", paced=False), jump) as speaker:
        (jump.directory / "out").rmdir()
        with pytest.raises(DriverFault, match=r"speaker\.storage"):
            await speaker.play(wav[0])
        (jump.directory / "out").mkdir()
        await speaker.play(wav[0])
