import subprocess
import sys
import wave
from pathlib import Path

import pytest
from tts_stand_ins import Programs

import tts
from tts.__main__ import main
from tts.files import sha256_of

OFFLINE = tts.VoiceSettings(chain=(tts.EspeakSettings(),))


def test_say_writes_the_file(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_text("old")
    speech = tts.say("Xin chào bà con.", out, OFFLINE)
    assert (speech.path, speech.sha256) == (out, sha256_of(out))
    with wave.open(str(out)) as file:
        assert file.getframerate() == 48_000
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, programs: Programs) -> None:
    out = tmp_path / "out.wav"
    out.write_text("old")
    broken = tts.VoiceSettings(chain=(tts.EspeakSettings(program=programs.make("fail")),))
    with pytest.raises(tts.SpeechError, match=r"speech\.no_engine"):
        tts.say("Xin chào.", out, broken)
    assert out.read_text() == "old"


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tts.say("Xin chào.", tmp_path / "nowhere" / "out.wav", OFFLINE)


def test_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tts", "--offline", "--cache", tmp_path / "cache", "-", tmp_path / "out.wav"]
    ended = subprocess.run(command, input="Có cháy gọi 114!", capture_output=True, text=True, timeout=60, check=True)
    assert "by espeak-ng (vi)" in ended.stdout
    assert "gọi một một bốn!" in ended.stdout
    assert (tmp_path / "out.wav").exists()


def test_the_command_line_says_why_there_is_no_speech(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--offline", "!!!", str(tmp_path / "out.wav")]) == 1
    assert "speech.empty" in capsys.readouterr().err
    assert main(["--offline", "bà con", str(tmp_path / "nowhere" / "out.wav")]) == 1
    assert "nowhere" in capsys.readouterr().err
