"""`edge-agent enhance`, as a person calls it."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from tts_stand_ins import encode

from tts.enhance import EnhancementSettings, enhance

SPEECH = (0.2 * np.sin(2 * np.pi * 700 * np.arange(48_000) / 16_000) * (np.arange(48_000) // 3200 % 2)).astype(
    np.float32
)


def call(*arguments: object, lang: str = "en") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_agent", "--lang", lang, "enhance", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def float_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    data = samples.astype("<f4").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, 1, rate, rate * 4, 4, 32,
                       b"data", len(data))  # fmt: skip
    path.write_bytes(head + data)
    return path


def samples_of(path: Path) -> tuple[int, np.ndarray]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_float_wav_of_16_khz_keeps_rate_and_length(tmp_path: Path) -> None:
    out = tmp_path / "ra ngoài trời.wav"
    done = call(float_wav(tmp_path / "in.wav", SPEECH, 16_000), out, "--noise", "storm", "--json")
    assert done.returncode == 0, done.stderr
    rate, samples = samples_of(out)
    assert (rate, len(samples)) == (16_000, len(SPEECH))
    told = json.loads(done.stdout)
    assert (told["rate"], told["seconds"], told["strength"], told["limit"]) == (16_000, 3.0, 1.0, "peak")
    assert told["peak_dbfs"]["after"] == pytest.approx(-1.0, abs=0.3)
    assert told["mean_dbfs"]["after"] > told["mean_dbfs"]["before"]
    assert 0 < told["heat"] < 1


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("a.wav", "pcm_s16le", 22_050, "mono"),
        ("a.wav", "pcm_s24le", 44_100, "stereo"),
        ("a.wav", "pcm_s16le", 8_000, "mono"),
        ("a.flac", "flac", 48_000, "mono"),
        ("a.mp3", "libmp3lame", 24_000, "mono"),
    ],
)
def test_other_kinds_and_rates(tmp_path: Path, name: str, codec: str, rate: int, layout: str) -> None:
    source, out = tmp_path / name, tmp_path / "out.wav"
    given = (np.interp(np.arange(2 * rate) / rate, np.arange(48_000) / 16_000, SPEECH) * 32767).astype(np.int16)
    encode(source, given, rate, codec, layout)
    done = call(source, out, "--noise", "3.5", "--limit", "power", "--horn", "none")
    assert done.returncode == 0, done.stderr
    written, samples = samples_of(out)
    assert written == rate
    assert abs(len(samples) - 2 * rate) <= (2400 if name.endswith("mp3") else 0)
    assert str(out) in done.stdout


def cut_mp3(path: Path) -> None:
    data = encode(path, (SPEECH * 32767).astype(np.int16), 24_000)
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("kind", ["text", "empty", "no samples", "cut wav", "cut mp3", "odd rate"])
def test_what_is_no_sound_is_told_and_nothing_is_written(tmp_path: Path, kind: str, lang: str) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    out.write_text("what was there")
    if kind == "text":
        source.write_text("Kính thưa bà con")
    elif kind == "empty":
        source.write_bytes(b"")
    elif kind == "no samples":
        float_wav(source, SPEECH[:0], 16_000)
    elif kind == "cut wav":
        source.write_bytes(float_wav(source, SPEECH, 16_000).read_bytes()[:50_000])
    elif kind == "cut mp3":
        source = tmp_path / "in.mp3"
        cut_mp3(source)
    else:
        float_wav(source, SPEECH, 5_000)
    done = call(source, out, lang=lang)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert out.read_text() == "what was there"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([source.name, "out.wav"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--noise", "rain"], "quiet, street, storm"),
        (["--noise", "nan"], "quiet, street, storm"),
        (["--noise", "99"], "60"),
        (["--limit", "both"], "power"),
        (["--horn", "big"], "generic-30w"),
        (["--horn", "/nowhere/big.yaml"], "no such file or folder"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, options: list[str], told: str) -> None:
    done = call(float_wav(tmp_path / "in.wav", SPEECH, 16_000), tmp_path / "out.wav", *options)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("profile", ["name: [", "name: a\nband: [9, 8]\n", None])
def test_a_bad_horn_is_told_in_the_language_of_the_terminal(tmp_path: Path, profile: str | None) -> None:
    horn = tmp_path / "loa.yaml" if profile else Path("big")
    if profile:
        horn.write_text(profile)
    done = call(float_wav(tmp_path / "in.wav", SPEECH, 16_000), tmp_path / "out.wav", "--horn", horn, lang="vi")
    assert done.returncode == 2
    assert any(words in done.stderr for words in ("không phải văn bản YAML", "mục “band” chưa đúng", "không có hồ sơ"))


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    missing = call(tmp_path / "nothing.wav", tmp_path / "out.wav")
    assert (missing.returncode, "nothing.wav" in missing.stderr) == (2, True)
    source = float_wav(tmp_path / "in.wav", SPEECH, 16_000)
    target = tmp_path / "no folder" / "out.wav"
    nowhere = call(source, target)
    assert (nowhere.returncode, f"{target}: no such file or folder" in nowhere.stderr) == (2, True)
    other = call(source, tmp_path / "out.mp3")
    assert (other.returncode, ".wav" in other.stderr) == (2, True)
    assert not (tmp_path / "out.mp3").exists()


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.wav")
    done = call(float_wav(tmp_path / "in.wav", SPEECH, 16_000), tmp_path / "out.wav", lang="vi")
    assert (done.returncode, "không phải tệp thường" in done.stderr) == (2, True)
    assert (tmp_path / "out.wav").is_fifo()


def test_silence_is_told(tmp_path: Path) -> None:
    done = call(float_wav(tmp_path / "in.wav", SPEECH * 0, 16_000), tmp_path / "out.wav", "--json")
    assert (done.returncode, "silent" in done.stderr, json.loads(done.stdout)["silent"]) == (0, True, True)
    heard = call(float_wav(tmp_path / "in.wav", SPEECH, 16_000), tmp_path / "out.wav", "--json")
    assert (heard.stderr, json.loads(heard.stdout)["silent"]) == ("", False)


def test_a_cut_file_is_told_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    source = float_wav(tmp_path / "in.wav", SPEECH, 16_000)
    source.write_bytes(source.read_bytes()[:50_000])
    assert "tệp bị cắt cụt, chỉ có 0.8 trong 3.0 giây" in call(source, tmp_path / "out.wav", lang="vi").stderr


def test_a_person_may_stop_it(tmp_path: Path) -> None:
    source = tmp_path / "long.wav"
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        for _ in range(1200):
            file.writeframesraw((SPEECH * 32767).astype("<i2").tobytes())
    command = [sys.executable, "-m", "edge_agent", "--lang", "vi", "enhance", str(source), str(tmp_path / "out.wav")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not list(tmp_path.glob(".tts-*")):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate()
    assert (running.returncode, told.strip()) == (130, "Đã dừng.")
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_a_recording_is_not_enhanced_into_itself(tmp_path: Path) -> None:
    source = float_wav(tmp_path / "in.wav", SPEECH, 16_000)
    before = source.read_bytes()
    (tmp_path / "link.wav").symlink_to(source)
    for target in (source, tmp_path / "link.wav"):
        assert call(source, target).returncode == 2
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("samples", "rate", "kind", "told"),
    [
        (np.zeros((100, 2), np.float32), 16_000, ValueError, "mono"),
        (np.float32(0.5), 16_000, ValueError, "mono"),
        (np.zeros(100, np.int16), 16_000, TypeError, "int16"),
        (SPEECH, 16_000.5, TypeError, "whole number"),
        (SPEECH, 4_000, ValueError, "8000"),
    ],
)
def test_samples_that_cannot_be_meant_are_refused(
    samples: np.ndarray, rate: int, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        enhance(samples, rate, EnhancementSettings())


@pytest.mark.long
def test_three_hours_need_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    source, out, rate = tmp_path / "long.wav", tmp_path / "out.wav", 16_000
    minute = np.resize((SPEECH * 32767).astype("<i2"), 60 * rate).tobytes()
    code = (
        "import resource, sys; from pathlib import Path; from tts.enhance import EnhancementSettings;"
        "from tts.enhance.sound_file import enhance_file;"
        "enhance_file(Path(sys.argv[1]), Path(sys.argv[2]), EnhancementSettings(noise='storm'));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    used = []
    for minutes in (1, 180):
        with wave.open(str(source), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            for _ in range(minutes):
                file.writeframesraw(minute)
        done = subprocess.run([sys.executable, "-c", code, str(source), str(out)], capture_output=True, check=True)
        used.append(int(done.stdout))
        assert len(samples_of(out)[1]) == minutes * 60 * rate
    assert used[1] < used[0] * 1.2
