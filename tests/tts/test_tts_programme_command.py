"""`edge-agent programme` as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from test_tts_programme_render import HEAD, script


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
