"""What was played is heard through horn, echo, noise and another crystal; what was not played is not."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from core_hearing import MEETING, OTHERS, RATE, overheard, save, spoken

from edge_agent.proof import match
from edge_agent.proof.client import ProofWorker
from edge_agent.proof.model import Heard, Played, ProofError, Take
from edge_agent.proof.samples import read, resample, timeline

NOISES = ("traffic", "speech", "street", "rain")


def matched(recording: Path, *played: Path, offset_s: float = 0.0) -> Heard:
    return match.heard([Take(recording, offset_s)], [Played(path) for path in played])


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("delay_s", [0.0, 0.7, 2.0])
def test_it_is_heard_in_noise_as_loud_as_itself(tmp_path: Path, kind: str, delay_s: float) -> None:
    sound = spoken(tmp_path, MEETING)
    recording = overheard(sound, tmp_path / "r.wav", delay_s=delay_s, kind=kind)
    heard = matched(recording, sound)
    assert heard.heard and heard.delay_s == pytest.approx(delay_s, abs=0.003)
    assert heard.snr_db is not None and -7 < heard.snr_db < 2, "echoes count as noise"


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("snr_db", [0, 30])
def test_another_sentence_of_the_same_voice_is_not_taken_for_it(tmp_path: Path, text: str, snr_db: float) -> None:
    for seed in range(5):
        recording = overheard(spoken(tmp_path, text), tmp_path / "r.wav", snr_db=snr_db, seed=seed)
        heard = matched(recording, spoken(tmp_path, MEETING))
        assert not heard.heard and heard.delay_s is heard.level_dbfs is heard.snr_db is None
        assert heard.seconds > 2, "it could have been compared"


def test_another_voice_or_noise_alone_is_not_taken_for_it(tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    other = overheard(spoken(tmp_path, MEETING, "vi+f2"), tmp_path / "voice.wav", snr_db=20)
    assert not matched(other, sound).heard
    for kind in (*NOISES, "music"):
        assert not matched(overheard(None, tmp_path / "n.wav", kind=kind), sound).heard


def test_a_common_chime_does_not_make_another_bulletin_heard(tmp_path: Path) -> None:
    chime = 0.2 * np.sin(2 * np.pi * 660 * np.arange(RATE) / RATE) * np.exp(-np.arange(RATE) / 6000)
    paths = []
    for name, texts in (("a", (MEETING, OTHERS[1])), ("b", (OTHERS[0], OTHERS[2]))):
        speech = [read(spoken(tmp_path, text), RATE) for text in texts]
        paths.append(save(tmp_path / f"{name}.wav", np.concatenate([chime, *speech])))
    recording = overheard(paths[1], tmp_path / "r.wav", snr_db=20)
    assert not matched(recording, paths[0]).heard
    assert matched(recording, paths[1]).heard


def test_a_part_is_enough_and_lies_where_it_says(tmp_path: Path) -> None:
    first, second = spoken(tmp_path, OTHERS[1]), spoken(tmp_path, MEETING)
    whole = read(overheard(second, tmp_path / "whole.wav", delay_s=0.5), RATE)
    begins = read(first, RATE).size / RATE + 2.0  # after the first sentence and a pause of two seconds
    part = save(tmp_path / "part.wav", whole[RATE : round(3.5 * RATE)])
    played = [Played(first), Played(None, 2.0), Played(second)]
    heard = match.heard([Take(part, begins + 1.0)], played)
    assert heard.heard and heard.delay_s == pytest.approx(0.5, abs=0.003)
    assert not match.heard([Take(part, 0.0)], played).heard, "at another place of the play there was something else"


def test_one_of_several_recordings_is_enough_and_it_is_told_how_many(tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    good, bad = overheard(sound, tmp_path / "a.wav"), overheard(None, tmp_path / "b.wav")
    heard = match.heard([Take(bad, 0.0), Take(good, 0.0)], [Played(sound)])
    assert (heard.heard, heard.takes, heard.takes_heard) == (True, 2, 1)


def test_nothing_is_said_where_nothing_can_be_compared(tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    deaf = save(tmp_path / "deaf.wav", np.zeros(3 * RATE))
    short = save(tmp_path / "short.wav", np.random.default_rng(1).normal(0, 0.01, RATE // 2))
    noisy = overheard(None, tmp_path / "n.wav")
    assert matched(deaf, sound).seconds == 0, "a microphone without a cable proves nothing"
    assert matched(short, sound).seconds == 0
    assert match.heard([Take(noisy, 0.0)], [Played(None, 5.0)]).seconds == 0, "a pause cannot be heard"
    assert matched(noisy, sound, offset_s=500.0).seconds == 0, "it had ended long before"
    assert match.heard([], [Played(sound)]) == Heard(False, 0.0, 0.0)


def test_the_gain_is_that_of_the_way(tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    samples = read(sound, RATE)
    heard = matched(save(tmp_path / "r.wav", 0.1 * samples), sound)
    assert heard.gain_db == pytest.approx(-20, abs=0.5)
    assert heard.snr_db is not None and heard.snr_db > 20


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_any_rate_is_brought_to_another(rate: int) -> None:
    time = np.arange(rate) / rate
    there = resample(np.sin(2 * np.pi * 440 * time), rate, 16_000)
    wanted = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert len(there) == 16_000 and np.abs(there - wanted)[500:-500].max() < 0.01


def test_the_timeline_has_silence_before_between_and_after(tmp_path: Path) -> None:
    tone = save(tmp_path / "a.wav", np.full(RATE, 0.5))
    line = timeline([Played(tone), Played(None, 0.5), Played(tone, 0.5)], RATE, -0.5, 4.0)
    loud = np.abs(line) > 0.25
    assert [bool(loud[round(at * RATE)]) for at in (0.25, 1.0, 1.75, 2.25, 2.75)] == [False, True, False, True, False]


async def test_the_process_answers_like_the_function_and_ends_when_idle(tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    take = Take(overheard(sound, tmp_path / "r.wav"), 0.0)
    async with ProofWorker(idle_s=0.3) as worker:
        assert await worker.heard([take], [Played(sound)]) == match.heard([take], [Played(sound)])
        assert worker.pid is not None
        async with asyncio.timeout(10):
            while worker.pid is not None:
                await asyncio.sleep(0.05)
        await worker.make_sweep(tmp_path / "sweep.wav")
    assert (tmp_path / "sweep.wav").stat().st_size > 100_000 and worker.pid is None


async def test_a_bad_file_is_an_error_of_that_request_only(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"this is no sound")
    async with ProofWorker() as worker:
        for broken in (tmp_path / "x.wav", tmp_path / "missing.wav"):
            with pytest.raises(ProofError) as error:
                await worker.sounds(broken)
            assert error.value.code == "speaker.bad_audio"
        pid = worker.pid
        assert await worker.sounds(overheard(None, tmp_path / "n.wav"))
        assert worker.pid == pid


async def test_a_killed_or_stuck_process_is_an_error_and_the_next_request_works(tmp_path: Path) -> None:
    noise = overheard(None, tmp_path / "n.wav")
    async with ProofWorker(limit_s=5) as worker:
        await worker.sounds(noise)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        waiting = asyncio.create_task(worker.sounds(noise))
        await asyncio.sleep(0.2)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(ProofError) as error:
            await waiting
        assert (error.value.code, error.value.retry) == ("proof.failed", True)
        assert (await worker.sounds(noise)).level_dbfs < 0
    async with ProofWorker(limit_s=0.001) as hurried:
        with pytest.raises(ProofError) as error:
            await hurried.sounds(noise)
        assert error.value.retry and hurried.pid is None
    with pytest.raises(ProofError):
        await worker.sounds(noise)


def test_the_agent_stays_without_numpy() -> None:
    code = "import sys, edge_agent.proof.service; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
