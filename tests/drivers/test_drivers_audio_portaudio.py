"""With the real PyAudio, PortAudio and ALSA; ALSA's devices are files and pipes."""

import asyncio
import itertools
import math
import os
import signal
import struct
from array import array
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from drivers_stand_ins import asound, into_file, until, write_wav

from drivers.audio.portaudio import PyAudioSpeaker
from drivers.contract import DriverFault

Config = PyAudioSpeaker.Config


@pytest.fixture
def sound(tmp_path, monkeypatch):
    """A default device, and one named horn, that write what they get into files; returns the first file."""
    path = tmp_path / "default.raw"
    bodies = (into_file("!default", path), into_file("horn", tmp_path / "horn.raw"))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "asound.conf", "\n".join(bodies))))
    return path


@pytest.fixture
def wav(tmp_path):
    return tmp_path / "a.wav", write_wav(tmp_path / "a.wav", seconds=0.6, rate=48_000)


@pytest.fixture
def long_wav(tmp_path):
    return tmp_path / "long.wav", write_wav(tmp_path / "long.wav", seconds=20, rate=48_000)


def left(raw):
    """One side of what a stereo device was given; both sides are the same."""
    both = array("h", raw)
    assert both[0::2] == both[1::2]
    return both[0::2].tobytes()


def inside(data, raw):
    """What was heard is `data` between silences, nothing else."""
    heard = left(raw)
    before = len(heard) - len(heard.lstrip(b"\0"))
    start = heard.find(data[:64])
    assert start >= 0
    assert start - before in (0, -1)
    assert heard[start : start + len(data)] == data
    assert not heard[start + len(data) :].strip(b"\0")


def common(one, other):
    """How both begin."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:same]


async def on_air(speaker, path, **options):
    """Start a play and wait until it is heard."""
    started = asyncio.Event()
    task = asyncio.create_task(speaker.play(path, on_start=lambda start: started.set(), **options))
    first = asyncio.create_task(started.wait())
    await asyncio.wait([task, first], timeout=15, return_when=asyncio.FIRST_COMPLETED)
    assert started.is_set(), task
    return task


async def test_check_names_the_output_and_leaves_no_process(real, sound):
    speaker = PyAudioSpeaker(Config(), real)
    check = await speaker.check()
    assert (check.ok, check.detail) == (True, "plays on default")
    assert (await PyAudioSpeaker(Config(device="HORN"), real).check()).detail == "plays on horn"
    absent = await PyAudioSpeaker(Config(device="USB"), real).check()
    assert (absent.ok, absent.code) == (False, "speaker.no_device")
    assert "horn" in absent.detail
    assert not [child for child in psutil.Process().children() if "drivers.audio.playout" in child.cmdline()]


async def test_the_samples_that_come_out_are_the_files(real, sound, tmp_path):
    data = write_wav(tmp_path / "b.wav", seconds=0.4, rate=48_000)
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(tmp_path / "b.wav")
    inside(data, sound.read_bytes())
    assert report.seconds == pytest.approx(0.4, abs=0.001)
    assert (report.output, report.volume, report.start_error_ms) == ("default", 1.0, None)
    assert (report.position_s, report.stopped, report.uncertainty_ms) == (pytest.approx(0.4, abs=0.001), False, None)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("rate", "width"), [(22_050, 2), (44_100, 3), (16_000, 4)])
async def test_a_tone_of_any_form_stays_that_tone(real, sound, tmp_path, rate, channels, width):
    tone = [round(8000 * math.sin(2 * math.pi * 1000 * n / rate)) for n in range(rate // 2) for _ in range(channels)]
    write_wav(tmp_path / "b.wav", rate=rate, channels=channels, width=width, data=as_width(tone, width))
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(tmp_path / "b.wav")
    heard = array("h", left(sound.read_bytes()).strip(b"\0").ljust(48_000, b"\0"))
    assert report.seconds == pytest.approx(0.5, abs=0.001)
    assert max(heard) == pytest.approx(8000, abs=60)
    crossings = sum(a < 0 <= b for a, b in itertools.pairwise(heard[:24_000]))
    assert crossings == pytest.approx(500, abs=2)


def as_width(values, width):
    return b"".join(struct.pack("<i", value << 16)[4 - width :] for value in values)


async def test_a_named_device_and_half_volume(real, sound, wav, tmp_path):
    async with PyAudioSpeaker(Config(device="horn"), real) as speaker:
        report = await speaker.play(wav[0], volume=0.5)
    assert report.output == "horn"
    inside(array("h", [round(s * 0.5) for s in array("h", wav[1])]).tobytes(), (tmp_path / "horn.raw").read_bytes())
    assert not sound.exists() or not sound.read_bytes().strip(b"\0")


async def test_starts_at_the_instant_behind_silence(real, sound, wav):
    starts = []
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    async with PyAudioSpeaker(Config(), real) as speaker:
        report = await speaker.play(wav[0], at=at, on_start=starts.append)
        assert datetime.now(UTC) >= at + timedelta(seconds=0.5)
    assert starts[0].started_at == report.started_at
    assert report.start_error_ms == pytest.approx((report.started_at - at).total_seconds() * 1000, abs=0.01)
    heard = sound.read_bytes()
    inside(wav[1], heard)
    assert heard[:2000] == bytes(2000), "the device runs before the instant"


async def test_cancelling_fades_and_stops(real, sound, long_wav):
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        await asyncio.sleep(0.4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        pid = speaker.pid
        assert pid is not None, "the process is kept for the next play"
        heard = left(sound.read_bytes()).strip(b"\0")
        same = common(heard, long_wav[1])
        assert 0.2 < len(same) / 2 / 48_000 < 5
        assert 0 < len(heard) - len(same) <= 0.031 * 48_000 * 2, "only the fade differs"
        assert (await speaker.play(write_short(long_wav[0]))).seconds > 0
        assert speaker.pid == pid
    assert not psutil.pid_exists(pid)


def write_short(path):
    write_wav(path.with_name("short.wav"), seconds=0.1)
    return path.with_name("short.wav")


async def test_cancelling_while_it_waits_plays_nothing(real, sound, wav):
    async with PyAudioSpeaker(Config(), real) as speaker:
        for delay in (2.0, 3600.0):
            task = asyncio.create_task(speaker.play(wav[0], at=datetime.now(UTC) + timedelta(seconds=delay)))
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not sound.exists() or not sound.read_bytes().strip(b"\0")
        await speaker.play(wav[0])


async def test_a_killed_process_is_a_fault_and_the_next_play_works(real, sound, wav, long_wav):
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        os.kill(speaker.pid, signal.SIGKILL)
        with pytest.raises(DriverFault, match="SIGKILL") as caught:
            await asyncio.wait_for(task, 10)
        assert (caught.value.code, caught.value.retry) == ("speaker.playout_failed", True)
        assert "ALSA" not in caught.value.detail
        sound.unlink()
        await speaker.play(wav[0])
    inside(wav[1], sound.read_bytes())


async def test_the_process_killed_while_idle_is_not_even_noticed(real, sound, wav):
    async with PyAudioSpeaker(Config(), real) as speaker:
        await speaker.play(wav[0])
        os.kill(speaker.pid, signal.SIGKILL)
        await speaker.play(wav[0])


async def test_the_process_ends_by_itself_when_idle(real, sound, wav):
    async with PyAudioSpeaker(Config(idle_s=0.5), real) as speaker:
        await speaker.play(write_short(wav[0]))
        assert speaker.pid
        await until(lambda: speaker.pid is None)
        await speaker.play(write_short(wav[0]))


async def test_portaudio_aborting_is_a_fault(real, wav, monkeypatch, tmp_path):
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "absent.conf"))
    speaker = PyAudioSpeaker(Config(), real)
    check = await speaker.check()
    assert (check.ok, check.code) == (False, "speaker.no_device")
    assert "SIGABRT" in check.detail
    async with speaker:
        for _ in range(2):
            with pytest.raises(DriverFault, match=r"speaker\.no_device") as caught:
                await speaker.play(wav[0])
            assert caught.value.retry
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "x.conf", into_file("!default", tmp_path / "o"))))
        await speaker.play(wav[0])


async def test_no_default_device_is_a_fault_without_alsas_noise(real, wav, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "bare.conf", "")))
    monkeypatch.setenv("ALSA_CARD", "99")  # also on a machine with a sound card
    async with PyAudioSpeaker(Config(), real) as speaker:
        with pytest.raises(DriverFault) as caught:
            await speaker.play(wav[0])
    assert caught.value.code == "speaker.no_device"
    assert capfd.readouterr() == ("", "")


async def test_a_device_that_goes_away_is_lost_and_found_again(real, long_wav, wav, monkeypatch, tmp_path):
    # The device is a pipe into a program that takes some sound and ends, as a USB card that is pulled out.
    gone = into_file("!default", f"|head -c 60000 > {tmp_path / 'part.raw'}")
    conf = asound(tmp_path / "asound.conf", gone)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(conf))
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        with pytest.raises(DriverFault) as caught:
            await asyncio.wait_for(task, 15)
        assert (caught.value.code, caught.value.retry) == ("speaker.device_lost", True)
        asound(conf, into_file("!default", tmp_path / "back.raw"))
        await speaker.play(wav[0])
    inside(wav[1], (tmp_path / "back.raw").read_bytes())


async def test_a_device_that_takes_no_more_is_lost(real, long_wav, monkeypatch, tmp_path):
    monkeypatch.setattr("drivers.audio.portaudio._SILENT_LIMIT_S", 1.5)
    stuck = into_file("!default", "|sleep 20")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "asound.conf", stuck)))
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        readers = psutil.Process(speaker.pid).children(recursive=True)
        with pytest.raises(DriverFault, match="does not go on") as caught:
            await asyncio.wait_for(task, 15)
        assert caught.value.code == "speaker.device_lost"
        assert speaker.pid is None
    for reader in readers:
        reader.kill()


async def test_cancelling_a_stuck_device_ends_by_force(real, long_wav, monkeypatch, tmp_path):
    stuck = into_file("!default", "|sleep 20")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "asound.conf", stuck)))
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        readers = psutil.Process(speaker.pid).children(recursive=True)
        await asyncio.sleep(2.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert speaker.pid is None
    for reader in readers:
        reader.kill()


async def test_one_play_at_a_time_and_only_while_open(real, sound, long_wav):
    speaker = PyAudioSpeaker(Config(), real)
    with pytest.raises(DriverFault, match=r"driver\.closed"):
        await speaker.play(long_wav[0])
    async with speaker:
        task = await on_air(speaker, long_wav[0])
        with pytest.raises(DriverFault, match=r"speaker\.busy"):
            await speaker.play(long_wav[0])
    with pytest.raises(DriverFault, match=r"driver\.closed"):  # closing ends what plays
        await asyncio.wait_for(task, 10)


async def test_a_bad_file_starts_no_process(real, sound, tmp_path):
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    async with PyAudioSpeaker(Config(), real) as speaker:
        with pytest.raises(DriverFault, match=r"speaker\.bad_audio"):
            await speaker.play(tmp_path / "b.wav")
        assert speaker.pid is None


async def test_a_file_that_shrinks_on_air_is_told(real, sound, long_wav):
    async with PyAudioSpeaker(Config(), real) as speaker:
        task = await on_air(speaker, long_wav[0])
        os.truncate(long_wav[0], 1000)
        with pytest.raises(DriverFault, match="became shorter") as caught:
            await asyncio.wait_for(task, 10)
        assert caught.value.code == "speaker.bad_audio"


async def test_an_error_of_the_caller_stops_the_sound(real, sound, long_wav, wav):
    def wrong(start):
        raise KeyError("the caller's own")

    async with PyAudioSpeaker(Config(), real) as speaker:
        with pytest.raises(KeyError):
            await speaker.play(long_wav[0], on_start=wrong)
        await speaker.play(write_short(wav[0]))
