"""`edge-agent say`, as a person at a terminal uses it."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

TEXT = "Xin chào bà con, 7h30."


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def say(cache: Path, *argv: str, path: str | None = None, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "EDGE_LANG": "en", "XDG_CACHE_HOME": str(cache), **({"PATH": path} if path else {})}
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "say", "--offline", *argv],
        capture_output=True,
        text=True,
        input=stdin,
        env=env,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_sound_is_written(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "out.wav"
    done = say(cache, "--json", "--out", str(out), TEXT)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["engine"], answer["cached"]) == ("espeak-ng", False)
    assert "bảy giờ ba mươi phút" in answer["spoken"]
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels()) == (48_000, 1)
        assert file.getnframes() / 48_000 == pytest.approx(answer["seconds"], abs=0.01)


def test_the_second_time_no_engine_is_needed(tmp_path: Path, cache: Path) -> None:
    out, again = tmp_path / "out.wav", tmp_path / "again.wav"
    say(cache, "--out", str(out), TEXT)
    done = say(cache, "--json", "--out", str(again), TEXT, path="/nowhere")
    assert json.loads(done.stdout)["cached"] is True
    assert again.read_bytes() == out.read_bytes()


def test_other_wishes_are_other_sounds(tmp_path: Path, cache: Path) -> None:
    """Neither text nor enhancement may be taken for another."""
    sums = set()
    for wish in ([TEXT], [TEXT, "--noise", "street"], [TEXT, "--noise", "-3.5"], [TEXT + " Hết."]):
        done = say(cache, "--json", "--out", str(tmp_path / "out.wav"), *wish)
        assert done.returncode == 0, done.stderr
        sums.add(json.loads(done.stdout)["sha256"])
    assert len(sums) == 4


def test_the_text_may_come_on_standard_input(tmp_path: Path, cache: Path) -> None:
    done = say(cache, "--json", "--out", str(tmp_path / "out.wav"), stdin=TEXT)
    assert "bảy giờ" in json.loads(done.stdout)["spoken"]


def test_a_strict_reader_asks(tmp_path: Path, cache: Path) -> None:
    done = say(cache, "--strict", "--out", str(tmp_path / "out.wav"), "Phòng XQZT họp")
    assert done.returncode == 2
    assert "XQZT" in done.stderr
    told = json.loads(say(cache, "--strict", "--json", "--out", str(tmp_path / "out.wav"), "Phòng XQZT họp").stdout)
    assert (told["error"]["code"], told["questions"][0]["written"]) == ("speech.unclear", "XQZT")
    loose = say(cache, "--json", "--out", str(tmp_path / "out.wav"), "Phòng XQZT họp")
    assert json.loads(loose.stdout)["guessed"] == ["XQZT"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["   "], 2),
        (["--noise", "loud", TEXT], 2),
        (["--noise", "nan", TEXT], 2),
        (["--noise", "61", TEXT], 2),
        (["--noise", "street", "--plain", TEXT], 2),
        (["--out", "/nowhere/x.wav", TEXT], 2),
        (["--out", "x.mp3", TEXT], 2),
        (["--out", "-", TEXT], 2),
    ],
)
def test_bad_input_gets_a_sentence(cache: Path, tmp_path: Path, argv: list[str], code: int) -> None:
    done = say(cache, *argv)
    assert done.returncode == code
    assert len(done.stderr.strip()) > 10
    assert "None" not in done.stderr


def test_the_range_of_noise_is_that_of_enhance(tmp_path: Path, cache: Path) -> None:
    assert say(cache, "--noise", "60", "--out", str(tmp_path / "out.wav"), TEXT).returncode == 0


def test_nothing_is_written_into_a_pipe(tmp_path: Path, cache: Path) -> None:
    """Neither the first time nor from the cache."""
    pipe = tmp_path / "out.wav"
    os.mkfifo(pipe)
    assert say(cache, "--out", str(tmp_path / "good.wav"), TEXT + " Hết.").returncode == 0
    for text in (TEXT, TEXT + " Hết."):
        done = say(cache, "--out", str(pipe), text)
        assert (done.returncode, str(pipe) in done.stderr) == (2, True)
        assert pipe.is_fifo()


def test_a_text_that_is_no_utf_8_is_not_spoken(tmp_path: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "edge_agent", "--lang", "en", "say", "--offline", "--out", str(tmp_path / "o.wav")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, input=b"a\nb\xe0\n", capture_output=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"Line 2: The text is not UTF-8")
    assert not (tmp_path / "o.wav").exists()


def test_a_person_may_stop_it(tmp_path: Path, cache: Path) -> None:
    """As a terminal does it: the signal goes to the voice's process, too."""
    command = [sys.executable, "-m", "edge_agent", "--lang", "en", "say", "--offline", "--out", str(tmp_path / "o.wav")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    running = subprocess.Popen(
        [*command, "Thông báo. " * 1500], env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stderr is not None
    assert running.stderr.readline().startswith("Making the speech")
    time.sleep(1)  # most of the way into the work
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert (running.returncode, told.strip()) == (130, "Stopped.")
    assert not (tmp_path / "o.wav").exists()
