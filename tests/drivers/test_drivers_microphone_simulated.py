"""What the file speaker plays is in the recording, where and as loud as it should be; faults can be rehearsed."""

import asyncio
import logging
import wave
from array import array

import pytest
from drivers_stand_ins import write_wav

from drivers.audio.file import FileSpeaker
from drivers.audio.microphone_simulated import SimulatedMicrophone
from drivers.audio.wav import read_info
from drivers.clock import SystemClock
from drivers.contract import DriverContext, DriverFault


def made(tmp_path, name, cls, **settings):
    (tmp_path / name).mkdir()
    context = DriverContext(name, SystemClock(), logging.getLogger("drivers.test"), tmp_path / name)
    return cls(cls.Config(**settings), context)


@pytest.fixture
async def pair(tmp_path):
    """An open speaker and an open microphone in front of it, 0.3 s and 12 dB away on a silent street."""
    speaker = made(tmp_path, "horn", FileSpeaker)
    settings = {"hears": "horn", "delay_s": 0.3, "gain_db": -12, "noise_dbfs": -100, "noise": "white"}
    microphone = made(tmp_path, "mic", SimulatedMicrophone, **settings)
    async with speaker, microphone:
        yield speaker, microphone


def levels(path, step_s=0.1):
    """RMS of each tenth of a second, 0..1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        samples = array("h", file.readframes(file.getnframes()))
    step = int(16_000 * step_s)
    parts = [samples[at : at + step] for at in range(0, len(samples) - step + 1, step)]
    return [(sum(s * s for s in part) / step) ** 0.5 / 32768 for part in parts]


async def test_it_hears_what_is_played_later_and_softer(pair, tmp_path):
    speaker, microphone = pair
    write_wav(tmp_path / "a.wav", seconds=1, rate=48_000)
    out = tmp_path / "heard.wav"
    starts = []
    recording = asyncio.create_task(microphone.record(out, 2.5, on_start=starts.append))
    await asyncio.sleep(0.5)
    played = await speaker.play(tmp_path / "a.wav")
    report = await recording
    assert starts == [report.started_at] and report.seconds == 2.5 and report.rate == 16_000
    offset = (played.started_at - report.started_at).total_seconds() + 0.3
    loud = [number for number, level in enumerate(levels(out)) if level > 0.01]
    assert loud[0] == pytest.approx(offset / 0.1, abs=1.2)
    assert loud[-1] >= (offset + 1) / 0.1 - 2
    before = levels(out)[: loud[0]]
    assert max(before) < 0.001, "nothing is heard before it is played"


async def test_what_still_plays_is_heard_too_and_a_cancel_leaves_a_whole_file(pair, tmp_path):
    speaker, microphone = pair
    write_wav(tmp_path / "a.wav", seconds=5, rate=48_000)
    playing = asyncio.create_task(speaker.play(tmp_path / "a.wav"))
    await asyncio.sleep(0.2)
    await microphone.record(tmp_path / "whole.wav", 1.5)
    assert max(levels(tmp_path / "whole.wav")) > 0.01
    cut = asyncio.create_task(microphone.record(tmp_path / "cut.wav", 60))
    await asyncio.sleep(1.0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert 0.9 < read_info(tmp_path / "cut.wav").seconds < 5
    playing.cancel()
    await asyncio.wait({playing})


@pytest.mark.parametrize("fault", ["hum", "crackle", "foreign"])
async def test_a_fault_is_heard_while_nothing_plays_and_ends_with_its_word(pair, tmp_path, fault):
    _, microphone = pair
    (tmp_path / "mic" / "fault").write_text(fault)
    await microphone.record(tmp_path / "sick.wav", 1)
    (tmp_path / "mic" / "fault").write_text("none")
    await microphone.record(tmp_path / "well.wav", 1)
    sick, well = (max(levels(tmp_path / f"{name}.wav")) for name in ("sick", "well"))
    assert sick > 0.005 > 100 * well


async def test_a_cut_cable_gives_digital_silence(pair, tmp_path):
    _, microphone = pair
    (tmp_path / "mic" / "fault").write_text("no_microphone")
    await microphone.record(tmp_path / "a.wav", 0.5)
    assert max(levels(tmp_path / "a.wav")) == 0


async def test_one_recording_at_a_time_and_only_while_open(pair, tmp_path):
    _, microphone = pair
    first = asyncio.create_task(microphone.record(tmp_path / "a.wav", 0.5))
    await asyncio.sleep(0.1)
    with pytest.raises(DriverFault) as busy:
        await microphone.record(tmp_path / "b.wav", 0.5)
    assert (busy.value.code, busy.value.retry) == ("microphone.busy", True)
    await first
    with pytest.raises(ValueError):
        await microphone.record(tmp_path / "b.wav", 0)
    closed = made(tmp_path, "closed", SimulatedMicrophone, hears="horn")
    with pytest.raises(DriverFault) as fault:
        await closed.record(tmp_path / "b.wav", 1)
    assert fault.value.code == "driver.closed"


async def test_a_place_that_cannot_be_written_is_told(pair, tmp_path):
    _, microphone = pair
    with pytest.raises(DriverFault) as fault:
        await microphone.record(tmp_path / "no" / "folder" / "a.wav", 0.2)
    assert fault.value.code == "microphone.failed"
    await microphone.record(tmp_path / "a.wav", 0.2)
