"""Recordings, chimes and words over music, through the real worker processes."""

import asyncio
import math
import os
import struct
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tts_stand_ins import Programs

from tts import EspeakSettings, SpeechError, VoiceSettings, VoiceWorker
from tts.audio import RATE
from tts.errors import AudioError
from tts.files import sha256_of


def ffmpeg(*arguments: str | Path) -> None:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)


def tone(path: Path, seconds: float, *options: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency=700:duration={seconds}", "-af", "tremolo=f=2:d=0.8", *options, path)
    return path


def loudness(path: Path) -> tuple[float, float]:
    """LUFS and true peak as another program measures them."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"]
    told = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stderr
    summary = told.decode().rpartition("Summary:")[2]
    return float(summary.split("I:")[1].split()[0]), float(summary.split("Peak:")[1].split()[0])


def shape(path: Path) -> tuple[int, int, int]:
    with wave.open(str(path)) as file:
        return file.getnchannels(), file.getsampwidth(), file.getframerate()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[VoiceWorker]:
    settings = VoiceSettings(cache_dir=tmp_path / "cache", chain=(EspeakSettings(),))
    async with VoiceWorker(settings) as voice:
        yield voice


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ("-ar", "44100", "-ac", "2")),
        ("b.flac", ("-ar", "96000")),
        ("c.ogg", ("-c:a", "libopus")),
        ("d.m4a", ("-ar", "22050")),
        ("e.wav", ("-c:a", "pcm_f32le")),
    ],
)
async def test_music_of_any_kind_gets_as_loud_as_speech(
    worker: VoiceWorker, tmp_path: Path, out: Path, name: str, options: tuple[str, ...]
) -> None:
    speech = await worker.say("Kính mời bà con đến nhà văn hóa.")
    made = await worker.sound(tone(tmp_path / name, 5, *options), out / "x.wav", clean=False)
    assert made.sha256 == sha256_of(out / "x.wav")
    assert made.seconds == pytest.approx(5, abs=0.1)
    assert shape(out / "x.wav") == (1, 2, RATE)
    assert loudness(out / "x.wav")[0] == pytest.approx(loudness(speech.path)[0], abs=1.0)
    assert list(out.iterdir()) == [out / "x.wav"]


async def test_a_voice_is_cleaned_and_enhanced(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    speech = await worker.say("Kính mời bà con đến nhà văn hóa thôn vào sáng mai.")
    recorded = tmp_path / "phone.mp3"
    ffmpeg("-i", speech.path, "-af", "adelay=2000,apad=pad_dur=2,volume=-25dB,highpass=300", "-ar", "16000", recorded)
    clean = await worker.sound(recorded, out / "clean.wav", clean=True)
    plain = await worker.sound(recorded, out / "plain.wav", clean=False)
    assert clean.seconds < plain.seconds - 3  # the silence at both ends is gone
    assert loudness(out / "clean.wav")[0] == pytest.approx(loudness(speech.path)[0], abs=1.5)


def _wav(path: Path, data: bytes, promised: int | None = None) -> Path:
    shape = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    size = struct.pack("<I", len(data) if promised is None else promised)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + shape + b"data" + size + data)
    return path


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "audio.empty"),
        (b"<html><body>Please sign in</body></html>" * 50, "audio.format"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "audio.format"),
        (b"\xff\xfb" + os.urandom(3000), "audio.damaged"),
        (b"fLaC" + bytes(3000), "audio.damaged"),
    ],
)
async def test_what_is_no_audio_is_refused(
    worker: VoiceWorker, tmp_path: Path, out: Path, content: bytes, code: str, clean: bool
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        await worker.sound(source, out / "x.wav", clean=clean)
    assert caught.value.code in {code, "audio.empty"}
    assert caught.value.detail
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("clean", [True, False])
async def test_nothing_nine_hours_and_silence_are_refused(
    worker: VoiceWorker, tmp_path: Path, out: Path, clean: bool
) -> None:
    for source, code in [
        (_wav(tmp_path / "none.wav", b""), "audio.empty"),
        (_wav(tmp_path / "silent.wav", b"\x80" * 16_000), "audio.silent"),
        (_wav(tmp_path / "cut.wav", b"\x10\xf0" * 8_000, promised=9_000_000), "audio.damaged"),
    ]:
        with pytest.raises(AudioError) as caught:
            await worker.sound(source, out / "x.wav", clean=clean)
        assert caught.value.code == code
        assert list(out.iterdir()) == []


async def test_a_file_that_says_it_lasts_nine_hours_is_refused(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    promising = _wav(tmp_path / "long.wav", b"", promised=9 * 3600 * 8000)
    os.truncate(promising, 44 + 9 * 3600 * 8000)
    await refused_as_too_long(worker, promising, out)


@pytest.mark.long
async def test_nine_hours_that_nothing_announces_are_refused(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    minute = tone(tmp_path / "minute.mp3", 60, "-ar", "8000", "-b:a", "8k", "-write_xing", "0", "-id3v2_version", "0")
    long = tmp_path / "long.mp3"
    long.write_bytes(minute.read_bytes() * 9 * 60)
    await refused_as_too_long(worker, long, out)


async def refused_as_too_long(worker: VoiceWorker, source: Path, out: Path) -> None:
    with pytest.raises(AudioError) as caught:
        await worker.sound(source, out / "x.wav", clean=False)
    assert caught.value.code == "audio.too_long"
    assert list(out.iterdir()) == []


async def test_chimes_are_as_loud_as_speech_allows(worker: VoiceWorker, out: Path) -> None:
    for name in ("two-tone", "three-tone", "morning", "closing", "alert", "siren"):
        made = await worker.chime(name, out / f"{name}.wav")
        assert made.seconds > 1
        assert loudness(out / f"{name}.wav")[1] <= -0.9
    assert len(list(out.iterdir())) == 6


async def test_words_stand_above_music_that_is_shorter_than_they(
    worker: VoiceWorker, tmp_path: Path, out: Path
) -> None:
    words = await worker.say("Kính mời bà con đến nhà văn hóa thôn vào sáng mai. Xin cảm ơn bà con.")
    made = await worker.over_music(words.path, tone(tmp_path / "m.mp3", 2.5), out / "x.wav")
    assert made.seconds == pytest.approx(words.seconds + 3, abs=0.01)
    mixed, alone = loudness(out / "x.wav")[0], loudness(words.path)[0]
    assert mixed == pytest.approx(alone, abs=1.5)
    assert loudness(out / "x.wav")[1] <= -0.9
    middle = _rms(out / "x.wav", 0.5, 1.2)
    assert 0 < middle < _rms(out / "x.wav", 1.5, 1.5 + words.seconds)  # the music is heard alone before the words


def _rms(path: Path, start: float, end: float) -> float:
    with wave.open(str(path)) as file:
        file.setpos(round(start * RATE))
        data = file.readframes(round((end - start) * RATE))
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


async def test_speech_does_not_wait_for_a_long_recording(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    long = tone(tmp_path / "long.mp3", 600)
    work = asyncio.create_task(worker.sound(long, out / "x.wav", clean=True))
    while worker.sounds_pid is None:
        await asyncio.sleep(0.01)
    await worker.say("Báo động.")
    assert not work.done()
    assert worker.sounds_pid != worker.pid
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not (out / "x.wav").exists()


async def test_cancelling_kills_the_child_and_the_next_call_works(
    worker: VoiceWorker, tmp_path: Path, out: Path
) -> None:
    source = tone(tmp_path / "a.mp3", 600)
    work = asyncio.create_task(worker.sound(source, out / "x.wav", clean=False))
    while worker.sounds_pid is None:
        await asyncio.sleep(0.01)
    pid = worker.sounds_pid
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not alive(pid)
    assert (await worker.chime("alert", out / "y.wav")).seconds == 4.0


async def test_a_work_that_takes_too_long_is_ended(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "pipe.mp3"
    os.mkfifo(source)  # never gives a byte
    with pytest.raises(SpeechError) as caught:
        await worker.sound(source, out / "x.wav", clean=False, timeout_s=1)
    assert caught.value.code == "speech.timeout"
    assert worker.sounds_pid is None


async def test_the_limit_grows_with_the_length_of_the_sound(worker: VoiceWorker, tmp_path: Path, out: Path) -> None:
    await worker.chime("alert", out / "warm.wav")
    made = await worker.sound(tone(tmp_path / "a.flac", 500), out / "x.wav", clean=False, timeout_s=4)
    assert made.seconds == pytest.approx(500, abs=0.1)


async def test_a_disk_that_refuses_is_told(worker: VoiceWorker, tmp_path: Path) -> None:
    source = tone(tmp_path / "a.mp3", 2)
    with pytest.raises(SpeechError) as caught:
        await worker.sound(source, tmp_path / "gone" / "x.wav", clean=False)
    assert caught.value.code == "speech.storage"
    with pytest.raises(SpeechError) as caught:
        await worker.sound(tmp_path / "gone.mp3", tmp_path / "x.wav", clean=True)
    assert caught.value.code == "speech.storage"


def test_the_makers_change_with_what_shapes_the_sound(tmp_path: Path, programs: Programs) -> None:
    plain = VoiceSettings(chain=(EspeakSettings(),))
    storm = VoiceSettings.model_validate({"chain": [{"engine": "espeak-ng"}], "enhancement": {"noise": "storm"}})
    slow = VoiceSettings(chain=(EspeakSettings(program=programs.make("good")),), cache_dir=tmp_path)
    assert VoiceWorker(plain).sounds_maker() == VoiceWorker(slow).sounds_maker() != VoiceWorker(storm).sounds_maker()
    assert len({VoiceWorker(each).speech_maker() for each in (plain, storm, slow)}) == 3
    assert VoiceWorker(plain).speech_maker() == VoiceWorker(plain).speech_maker()
