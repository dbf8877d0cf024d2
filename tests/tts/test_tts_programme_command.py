"""`edge-agent programme` as a person runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_tts_programme_render import HEAD, script, speak
from tts_stand_ins import encode


def run(folder: Path, *argv: str, lang: str = "vi") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGE_LANG": lang, "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "edge_agent", "programme", *argv]
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_a_script_becomes_a_file_and_a_cue_sheet(tmp_path: Path) -> None:
    script(tmp_path, HEAD + "  - chime: two-tone\n  - text: Trời nắng.\n")
    ended = run(tmp_path, "script.yaml", "sang.opus")
    assert ended.returncode == 0, ended.stderr
    assert "trời nắng" in ended.stdout
    assert "sang.cue.json" in ended.stdout
    assert (tmp_path / "sang.opus").read_bytes()[:4] == b"OggS"
    sheet = json.loads((tmp_path / "sang.cue.json").read_text(encoding="utf-8"))
    assert [cue["kind"] for cue in sheet["items"]] == ["chime", "text"]
    assert list((tmp_path / "cache").glob("edge-agent/speech/programme/??/*.wav"))


def test_json_prints_the_cue_sheet_and_nothing_else(tmp_path: Path) -> None:
    script(tmp_path, HEAD + "  - text: Trời nắng.\n")
    ended = run(tmp_path, "script.yaml", "a.flac", "--json", "--cue", "b.json", "--date", "2026-02-17")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert json.loads(ended.stdout)["date"] == "2026-02-17"
    assert not ended.stderr


def test_a_check_speaks_nothing(tmp_path: Path) -> None:
    script(tmp_path, HEAD + "  - greeting: 'Hôm nay là {weekday}.'\n")
    ended = run(tmp_path, "script.yaml", "--check")
    assert ended.returncode == 0, ended.stderr
    assert "hôm nay là thứ hai" in ended.stdout
    told = json.loads(run(tmp_path, "script.yaml", "--check", "--json").stdout)
    assert told["ok"] is True
    assert told["lines"][0]["written"] == "Hôm nay là thứ Hai."
    assert told["seconds"] > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["script.yaml"]


def test_questions_and_mistakes_end_with_2_and_name_the_line(tmp_path: Path) -> None:
    script(tmp_path, HEAD + "  - text: Mời họp XQZK.\n")
    for argv in (["--check"], ["a.flac"]):
        ended = run(tmp_path, "script.yaml", *argv)
        assert ended.returncode == 2
        assert "script.yaml:9: segments[0].text" in ended.stderr
        assert "XQZK" in ended.stderr
    script(tmp_path, "title: a\nsegments: [{chime: gong}, {pause: 0}]\n")
    ended = run(tmp_path, "script.yaml", "a.flac", "--json")
    assert ended.returncode == 2
    assert [problem["path"] for problem in json.loads(ended.stdout)["problems"]] == [
        "segments[0].chime",
        "segments[1].pause",
    ]


def test_every_mistake_has_a_sentence_in_both_languages(tmp_path: Path) -> None:
    text = """title: ""
loudness: loud
date: x
segments:
  - chime: gong
  - text: [a]
  - text: A {ngay}
    voice: ma
  - recording: none.mp3
  - music: none.mp3
  - music: clam
  - speech: a
  - dialogue: a
    voices: [voice]
"""
    script(tmp_path, text)
    for lang, word in (("vi", "phải"), ("en", "must")):
        ended = run(tmp_path, "script.yaml", "--check", lang=lang)
        sentences = [line.strip() for line in ended.stderr.splitlines() if line.startswith("    ")]
        assert len(sentences) >= 12
        assert any(word in sentence for sentence in sentences)
        assert not any(
            sentence.startswith(("programme.", "config.")) or "{" in sentence.replace("{ngay}", "")
            for sentence in sentences
        ), sentences


def test_names_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    script(tmp_path, HEAD + "  - text: Trời nắng.\n")
    ended = run(tmp_path, "script.yaml", "a.mp3", lang="en")
    assert ended.returncode == 2
    assert ".flac" in ended.stderr
    ended = run(tmp_path, "script.yaml", lang="en")
    assert ended.returncode == 2
    assert "OUT" in ended.stderr
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def with_files(tmp_path: Path) -> Path:
    """A script with a recording, music and a dictionary beside it."""
    speak(tmp_path / "bac.wav", "Chào bà con.")
    speak(tmp_path / "nhac.wav", "La la la la la la la la.")
    (tmp_path / "xa.yaml").write_text("- {written: XQZK, spoken: hội đồng}\n", encoding="utf-8")
    text = HEAD.replace("segments:", "reading: {dictionaries: [xa.yaml]}\nsegments:")
    script(tmp_path, text + "  - recording: bac.wav\n  - music: nhac.wav\n  - text: Mời họp XQZK.\n", "s.yaml")
    (tmp_path / "link.flac").symlink_to("bac.wav")
    (tmp_path / "sub").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "names",
    [
        ["o.flac", "--cue", "o.flac"],
        ["o.flac", "--cue", "sub/../o.flac"],
        ["o.flac", "--cue", "s.yaml"],
        ["o.flac", "--cue", "xa.yaml"],
        ["o.flac", "--cue", "sub"],
        ["o.flac", "--cue", "nowhere/cue.json"],
        ["bac.wav"],
        ["sub/../nhac.wav"],
        ["link.flac"],
        ["pipe.flac"],
        ["o.flac", "--cue", "pipe.flac"],
    ],
)
def test_nothing_that_is_needed_is_written_over(with_files: Path, names: list[str]) -> None:
    os.mkfifo(with_files / "pipe.flac")
    before = {path.name: path.read_bytes() for path in with_files.iterdir() if path.is_file()}
    ended = run(with_files, "s.yaml", *names)
    assert ended.returncode == 2
    assert names[-1] in ended.stderr
    assert {path.name: path.read_bytes() for path in with_files.iterdir() if path.is_file()} == before
    assert (with_files / "pipe.flac").is_fifo()


def test_what_is_not_needed_may_be_written_over(with_files: Path) -> None:
    (with_files / "o.flac").write_text("old")
    ended = run(with_files, "s.yaml", "o.flac")
    assert ended.returncode == 0, ended.stderr
    assert (with_files / "o.flac").read_bytes()[:4] == b"fLaC"


@pytest.mark.parametrize(
    ("text", "vi", "en"),
    [
        (None, "không có tệp", "no such file"),
        ("", "Kịch bản trống", "is empty"),
        ("- a", "như title", "such as title"),
        ("title: [a\n", "dấu ngoặc đóng", "bracket"),
        (HEAD.replace("2026", "1900") + "  - text: 'Hôm nay {lunar}'\n", "từ năm 1968", "from 1968"),
        (HEAD + f"  - text: {'a ' * 12_000}\n", "nhiều nhất 20000", "20000"),
        (HEAD + "  - text: ':-)'\n", "Không có gì để đọc", "nothing to speak"),
        (HEAD.replace("segments:", "choices: {A: '7'}\nsegments:") + "  - text: A\n", "viết số", "no figures"),
    ],
)
def test_causes_are_told_in_the_language_of_the_terminal(tmp_path: Path, text: str | None, vi: str, en: str) -> None:
    if text is not None:
        script(tmp_path, text)
    for lang, words in (("vi", vi), ("en", en)):
        ended = run(tmp_path, "script.yaml", "--check", lang=lang)
        assert ended.returncode == 2
        assert words in ended.stderr


def test_a_broken_dictionary_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "xa.yaml").write_text("- {written: A}\n", encoding="utf-8")
    text = HEAD.replace("segments:", "reading: {dictionaries: [xa.yaml]}\nsegments:")
    script(tmp_path, text + "  - text: Một.\n  - text: Hai.\n")
    ended = run(tmp_path, "script.yaml", "--check")
    assert ended.stderr.count("xa.yaml, dòng 1") == 1
    assert "reading.dictionaries" in ended.stderr


def test_a_check_looks_for_the_files_of_the_voices(tmp_path: Path) -> None:
    chain = "[{engine: recording, folder: cau}, {engine: piper, model: a.onnx}, {engine: espeak-ng}]"
    script(tmp_path, HEAD.replace("[{engine: espeak-ng, voice: vi+f2}]", chain) + "  - text: Một.\n")
    ended = run(tmp_path, "script.yaml", "--check")
    assert ended.returncode == 0
    assert "cau/phrases.yaml" in ended.stderr
    assert "a.onnx" in ended.stderr
    told = json.loads(run(tmp_path, "script.yaml", "--check", "--json").stdout)
    assert [warning["path"] for warning in told["warnings"]] == ["voices.nu[0].folder", "voices.nu[1].model"]
    (tmp_path / "cau").mkdir()
    (tmp_path / "cau" / "phrases.yaml").write_text("{}")
    (tmp_path / "a.onnx").write_text("")
    assert not run(tmp_path, "script.yaml", "--check").stderr


def test_silent_music_is_told(tmp_path: Path) -> None:
    encode(tmp_path / "im.flac", np.zeros(96_000, np.int16), 48_000, "flac")
    script(tmp_path, HEAD + "  - music: im.flac\n  - text: Một.\n")
    ended = run(tmp_path, "script.yaml", "o.flac")
    assert (ended.returncode, "im lặng" in ended.stderr) == (2, True)
    assert "segments[0]" in ended.stderr


def test_a_person_may_stop_it(tmp_path: Path) -> None:
    """As a terminal does it: the signal goes to the engines, too."""
    script(tmp_path, HEAD + "".join(f"  - text: Thông báo số {number}.\n" for number in range(300)))
    environment = {**os.environ, "EDGE_LANG": "vi", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "edge_agent", "programme", "script.yaml", "o.flac"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while running.poll() is None and not list(tmp_path.glob("cache/**/*.wav")):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert (running.returncode, told.strip()) == (130, "Đã dừng.")
    assert not (tmp_path / "o.flac").exists()
