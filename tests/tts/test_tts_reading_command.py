import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tts.reading import Reader


def read(*arguments: str, lines: str = "", lang: str = "vi") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "read", *arguments],
        input=lines,
        capture_output=True,
        text=True,
        env={**os.environ, "EDGE_LANG": lang, "NO_COLOR": "1"},
        check=False,
    )


def test_one_line_in_is_one_line_out() -> None:
    done = read(lines="Họp lúc 7h30\n\n★★\r\ngọi 114")
    assert done.stdout.split("\n") == ["họp lúc bảy giờ ba mươi phút", "", "", "gọi một một bốn", ""]
    assert done.returncode == 2
    assert "Dòng 3: Không có gì để đọc." in done.stderr


def test_separators_inside_a_line_do_not_break_it() -> None:
    done = read(lines="một\u2028hai\x0bba\r\nbốn\n")
    assert done.stdout.splitlines() == ["một hai ba", "bốn"]
    assert done.returncode == 0


def test_each_line_as_json() -> None:
    done = read("--json", lines="UBND họp 5/6\n\nXin chào\n")
    first, empty, last = done.stdout.split("\n")[:3]
    answer = json.loads(first)
    assert answer["spoken"] == "ủy ban nhân dân họp năm tháng sáu"
    assert [span["rule"] for span in answer["spans"]] == ["dictionary", "stroke"]
    assert answer["questions"][0]["candidates"][1]["spoken"] == "năm phần sáu"
    assert (empty, json.loads(last)["spans"]) == ("", [])


def test_strict_lines_keep_their_place() -> None:
    done = read("--strict", lines="NTMX\nXin chào\n")
    assert done.stdout == "\nxin chào\n"
    assert "NTMX" in done.stderr
    assert done.returncode == 2
    answer = json.loads(read("--strict", "--json", lines="NTMX\n").stdout)
    assert (answer["error"]["code"], answer["questions"][0]["written"]) == ("speech.unclear", "NTMX")


def test_a_text_shows_changes_and_questions() -> None:
    done = read("Họp NTMX", "lúc 7h30, ở xã")
    assert done.returncode == 0
    assert done.stdout.startswith("họp nờ tê mờ ích lúc bảy giờ ba mươi phút, ở xã\n")
    assert "7h30  ->  bảy giờ ba mươi phút  (time)" in done.stdout
    assert "Cần chọn cách đọc: NTMX" in done.stdout
    assert "To be decided: NTMX" in read("NTMX", lang="en").stdout


def test_a_strict_text_is_refused_with_its_questions() -> None:
    done = read("--strict", "Họp NTMX")
    assert done.returncode == 2
    assert "2. ntmx" in done.stdout
    assert "Có chỗ cần người chọn cách đọc" in done.stderr
    assert "ntmx" not in done.stderr, "the ways are not told a second time"


def test_region_and_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text("- {written: NTMX, spoken: nông thôn mới xanh}\n", encoding="utf-8")
    done = read("--region", "south", "--dictionary", str(path), lines="NTMX: 1.024 hộ\n")
    assert done.stdout == "nông thôn mới xanh: một ngàn không trăm hai mươi bốn hộ\n"


def test_a_broken_dictionary_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text("- {written: NTMX}\n", encoding="utf-8")
    for done in (read("--dictionary", str(path), "a"), read("--dictionary", str(path), lines="a\nb\n")):
        assert done.returncode == 2
        assert "xa.yaml, dòng 1" in done.stderr


def test_lines_that_are_no_utf_8_keep_their_place() -> None:
    command = [sys.executable, "-m", "edge_agent", "--lang", "vi", "read"]
    given = "Xin chào\n".encode() + b"b\xe0 con\n" + "Hết.\n".encode()
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert done.stdout.decode() == "xin chào\n\nhết.\n"
    assert done.stderr.decode().startswith("Dòng 2: Văn bản không phải UTF-8")
    assert done.returncode == 2
    shown = subprocess.run([*command, "--json"], input=given, capture_output=True, check=False).stdout.splitlines()
    assert json.loads(shown[1])["error"]["code"] == "input.not_utf8"
    argument = subprocess.run([*command, b"b\xe0 con"], capture_output=True, check=False)
    assert (argument.returncode, argument.stdout) == (2, b"")


@pytest.mark.parametrize(
    "entry",
    [
        "a: b", "- a", "- {written: A, written: B, spoken: a}", "- {writen: A, spoken: a}", "- {written: A}",
        "- {written: A, spoken: []}", "- {pattern: A, spoken: a}", "- {pattern: '{x}', spoken: '{x}'}",
        "- {written: [a], spoken: a}", "- {written: '', spoken: a}", "- {pattern: 'A {số}', spoken: a}",
        "- {written: A, spoken: '7'}", "- {written: [", "- \x01",
    ],
)  # fmt: skip
def test_a_mistake_in_a_dictionary_is_told_in_the_language_of_the_terminal(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text(entry, encoding="utf-8")
    done = read("--dictionary", str(path), "a")
    assert done.returncode == 2
    assert "Từ điển đọc có lỗi" in done.stderr
    english = read("--dictionary", str(path), "a", lang="en").stderr
    assert "The dictionary of readings has a mistake" in english
    own = {word for word in done.stderr.partition("xa.yaml")[2].split() if word.isascii() and word.isalpha()}
    assert not own & {"an", "is", "must", "has", "like", "stands", "key", "and"}, done.stderr


def test_a_missing_dictionary_is_told_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    done = read("--dictionary", str(tmp_path / "none.yaml"), "a")
    assert (done.returncode, "none.yaml (không có tệp hoặc thư mục này)" in done.stderr) == (2, True)


def test_a_text_that_is_too_long_is_told_in_the_language_of_the_terminal() -> None:
    done = read(lines="a " * 20_000)
    assert "39999 ký tự, nhiều nhất là 20000" in done.stderr
    assert "characters" not in done.stderr


def test_what_a_dictionary_has_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text("- {written: NTMX, spoken: một}\n- {written: B, spoken: bê}\n- {written: NTMX, spoken: hai}\n")
    done = read("--dictionary", str(path), lines="NTMX\n")
    assert (done.returncode, done.stdout) == (0, "hai\n")
    assert "dòng 1 và dòng 3" in done.stderr
    path.write_text("- {written: NTMX, spoken: một}\n")
    assert not read("--dictionary", str(path), lines="NTMX\n").stderr


@pytest.mark.parametrize("text", [None, 5, b"x"])
def test_what_is_no_text_is_a_type_error(text: object) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        Reader().read(text)  # type: ignore[arg-type]
