"""`edge-agent say`, as a person at a terminal uses it."""

import json
import os
import subprocess
import sys
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
    assert done.returncode == 1
    assert "XQZT" in done.stderr
    loose = say(cache, "--json", "--out", str(tmp_path / "out.wav"), "Phòng XQZT họp")
    assert json.loads(loose.stdout)["guessed"] == ["XQZT"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["   "], 1),
        (["--noise", "loud", TEXT], 2),
        (["--noise", "nan", TEXT], 2),
        (["--out", "/nowhere/x.wav", TEXT], 1),
    ],
)
def test_bad_input_gets_a_sentence(cache: Path, tmp_path: Path, argv: list[str], code: int) -> None:
    done = say(cache, *argv)
    assert done.returncode == code
    assert len(done.stderr.strip()) > 10
