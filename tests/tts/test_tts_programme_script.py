from pathlib import Path

import pytest

from tts.programme import ScriptError, load
from tts.programme.model import Chime, Dialogue, Music, Recording, Text

GOOD = """
title: Bản tin sáng
date: 2026-11-23
voices:
  nu: [{engine: espeak-ng, voice: vi+f2}]
  no: [{engine: espeak-ng}]
choices: {on: on, TDP: tổ dân phố}
segments:
  - chime: two-tone
  - text: no
    voice: no
  - dialogue: [Một., Hai.]
    voices: [nu, no]
  - music: calm
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ScriptError) as caught:
        load(script(folder, text))
    return [(problem.line, problem.path, problem.code) for problem in caught.value.problems]


def test_a_good_script_is_read_as_it_is_meant(tmp_path: Path) -> None:
    made = load(script(tmp_path, GOOD))
    assert [type(segment) for segment in made.segments] == [Chime, Text, Dialogue, Music]
    assert made.segments[1].text == "no", "no truth value: YAML 1.2"
    assert list(made.voices) == ["nu", "no"]
    assert made.choices["on"] == "on"
    assert made.reading.strict
    assert made.enhancement.enabled


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """
title: ""
loudness: loud
voices:
  Nữ: [{engine: espeak-ng}]
  nam: [{engine: espek}]
segments:
  - chime: gong
  - text: Một.
    voice: nan
  - greeting: "Hôm nay {ngay}"
  - pause: -1
  - recording: thieu.mp3
  - music: thieu.flac
  - music: clam
  - speech: Hai.
  - text: Ba.
    colour: red
  - dialogue: [Bốn., "{thu}"]
    voices: [nam, ma]
"""
    assert problems(tmp_path, text) == [
        (2, "title", "string_too_short"),
        (3, "loudness", "float_parsing"),
        (5, "voices.Nữ", "string_pattern_mismatch"),
        (6, "voices.nam[0]", "union_tag_invalid"),
        (8, "segments[0].chime", "literal_error"),
        (10, "segments[1].voice", "programme.voice"),
        (11, "segments[2].greeting", "programme.placeholder"),
        (12, "segments[3].pause", "greater_than"),
        (13, "segments[4].recording", "programme.file"),
        (14, "segments[5].music", "programme.file"),
        (15, "segments[6].music", "programme.music"),
        (16, "segments[7]", "programme.kind"),
        (18, "segments[8].colour", "extra_forbidden"),
        (19, "segments[9].dialogue[1]", "programme.placeholder"),
        (20, "segments[9].voices[1]", "programme.voice"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "", "programme.empty")]),
        ("- a\n- b\n", [(1, "", "programme.not_mapping")]),
        ("title: a\n\tb: c\n", [(2, "", "programme.yaml")]),
        ("title: [a\n", [(2, "", "programme.yaml")]),
        ("title: !!python/object:os.system a\n", [(1, "", "programme.yaml")]),
        ("title: a\ntitle: b\nsegments: [{pause: 1}]\n", [(2, "title", "programme.twice")]),
        ("title: a\nsegments: []\n", [(2, "segments", "too_short")]),
        ("title: a\n", [(1, "segments", "missing")]),
        ("title: a\nsegments: [{pause: 1}]\ndate: 31/2/2026\n", [(3, "date", "date_from_datetime_parsing")]),
    ],
)
def test_what_is_no_script_is_told_with_its_place(
    tmp_path: Path, text: str, expected: list[tuple[int, str, str]]
) -> None:
    assert problems(tmp_path, text) == expected


def test_many_values_from_few_lines_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert [code for *_, code in problems(tmp_path, "\n".join(lines))] == ["programme.yaml"]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"title: \x00"])
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "script.yaml"
    path.write_bytes(data)
    with pytest.raises(ScriptError) as caught:
        load(path)
    assert caught.value.problems[0].code in {"programme.unreadable", "programme.yaml"}


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ScriptError, match="more than"):
        load(script(tmp_path, "#" * 2_000_001))
    with pytest.raises(ScriptError, match="directory"):
        load(tmp_path)


def test_paths_are_relative_to_the_script(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.mp3").write_bytes(b"x")
    text = "title: a\nreading: {dictionaries: [xa.yaml]}\nsegments: [{recording: a.mp3}, {music: a.mp3}]\n"
    made = load(script(tmp_path / "sub", text))
    assert isinstance(made.segments[0], Recording)
    assert made.segments[0].recording == tmp_path / "sub" / "a.mp3"
    assert isinstance(made.segments[1], Music)
    assert made.segments[1].music == str(tmp_path / "sub" / "a.mp3")
    assert made.reading.dictionaries == (tmp_path / "sub" / "xa.yaml",)
