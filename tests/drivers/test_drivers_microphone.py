"""With the real PyAudio, PortAudio and ALSA, whose microphone is a file that is played for ever."""

import asyncio
import os
import signal
import threading
import wave
from array import array
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from drivers_stand_ins import asound, samples, until

from drivers.audio.microphone import PyAudioMicrophone
from drivers.contract import DriverFault

Config = PyAudioMicrophone.Config


def hearing(name, source):
    """An ALSA device that gives the file's bytes, as quickly as they can be read."""
    return f'pcm.{name} {{ type file slave.pcm "null" file "/dev/null" infile "{source}" format "raw" }}'


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A default device and one named yard; both hear the same noise. Returns its bytes."""
    data = samples(16_000 * 30).tobytes()
    path = tmp_path / "street.raw"
    path.write_bytes(data)
    body = "\n".join((hearing("!default", path), hearing("yard", path)))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "asound.conf", body)))
    return data


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A default device as slow as a real one: a pipe that gets 50 ms of noise every 50 ms."""
    pipe = tmp_path / "street.pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound(tmp_path / "asound.conf", hearing("!default", pipe))))
    data, over = samples(800).tobytes(), threading.Event()

    def feed():
        with os.fdopen(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), "wb", buffering=0) as end:
            while not over.wait(0.05):
                end.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    yield
    over.set()
    feeder.join()


@pytest.fixture
def deaf(tmp_path, monkeypatch):
    """No device at all."""
    (tmp_path / "empty.conf").write_text("")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "empty.conf"))


def content(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), array("h", file.readframes(file.getnframes()))


async def test_check_names_the_input_and_leaves_no_process(real, source):
    check = await PyAudioMicrophone(Config(device="YARD"), real).check()
    assert (check.ok, check.detail) == (True, "records from yard")
    absent = await PyAudioMicrophone(Config(device="USB"), real).check()
    assert (absent.ok, absent.code) == (False, "microphone.no_device")
    assert "yard" in absent.detail
    assert not [child for child in psutil.Process().children() if "drivers.audio.microphone_process" in child.cmdline()]


async def test_the_samples_of_the_card_are_in_the_file(real, source, tmp_path):
    starts = []
    before = datetime.now(UTC)
    async with PyAudioMicrophone(Config(device="yard"), real) as microphone:
        report = await microphone.record(tmp_path / "a.wav", 0.5, on_start=starts.append)
        assert microphone.pid is not None, "the process is kept for the next recording"
    rate, heard = content(tmp_path / "a.wav")
    assert (report.rate, report.input, report.seconds) == (rate, "yard", len(heard) / rate) == (16_000, "yard", 0.5)
    assert heard.tobytes() in source
    assert starts == [report.started_at]
    assert before - timedelta(seconds=1) < report.started_at < datetime.now(UTC)


async def test_the_next_recording_follows_in_the_same_process_and_a_dead_one_is_replaced(real, source, tmp_path):
    async with PyAudioMicrophone(Config(), real) as microphone:
        await microphone.record(tmp_path / "a.wav", 0.2)
        first = microphone.pid
        await microphone.record(tmp_path / "b.wav", 0.2)
        assert microphone.pid == first
        os.kill(first, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(first) or microphone.pid is None)
        await microphone.record(tmp_path / "c.wav", 0.2)
        assert microphone.pid not in (None, first)
    assert microphone.pid is None


async def test_killed_while_it_records_is_a_fault_and_no_file(real, slow, tmp_path):
    async with PyAudioMicrophone(Config(), real) as microphone:
        started = asyncio.Event()
        recording = asyncio.create_task(microphone.record(tmp_path / "a.wav", 60, on_start=lambda _: started.set()))
        async with asyncio.timeout(15):
            await started.wait()
        os.kill(microphone.pid, signal.SIGKILL)
        with pytest.raises(DriverFault) as fault:
            await recording
        assert (fault.value.code, fault.value.retry) == ("microphone.failed", True)
        assert not (tmp_path / "a.wav").exists()


async def test_cancelling_keeps_what_was_heard(real, slow, tmp_path):
    async with PyAudioMicrophone(Config(), real) as microphone:
        started = asyncio.Event()
        recording = asyncio.create_task(microphone.record(tmp_path / "a.wav", 60, on_start=lambda _: started.set()))
        async with asyncio.timeout(15):
            await started.wait()
        await asyncio.sleep(0.5)
        recording.cancel()
        with pytest.raises(asyncio.CancelledError):
            await recording
        _, heard = content(tmp_path / "a.wav")
        assert len(heard) > 1000
        await microphone.record(tmp_path / "b.wav", 0.2)
        assert content(tmp_path / "b.wav")[1]


async def test_without_any_device_it_says_so(real, deaf, tmp_path):
    async with PyAudioMicrophone(Config(), real) as microphone:
        assert (await microphone.check()).code == "microphone.no_device"
        with pytest.raises(DriverFault) as fault:
            await microphone.record(tmp_path / "a.wav", 1)
        assert (fault.value.code, fault.value.retry) == ("microphone.no_device", True)


async def test_a_full_or_missing_folder_is_told(real, source, tmp_path):
    async with PyAudioMicrophone(Config(), real) as microphone:
        with pytest.raises(DriverFault) as fault:
            await microphone.record(tmp_path / "no" / "a.wav", 0.2)
        assert fault.value.code == "microphone.storage"
