import re
from pathlib import Path

import pytest

from tts.errors import SpeechError
from tts.reading import Reader, ReadingSettings
from tts.reading.dictionary import Dictionary, remember
from tts.reading.dictionary_file import shipped
from tts.reading.entry import Entry


def reader_of(folder: Path, *texts: str) -> Reader:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return Reader(ReadingSettings(dictionaries=tuple(paths)))


def test_a_commune_adds_its_words_and_later_files_win(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        "- {written: NTMX, spoken: nông thôn mới xanh, note: phong trào của xã}\n- {written: TT, spoken: thị trấn}\n",
        "- {written: TT, spoken: trung tâm văn hóa}\n",
    )
    reading = reader.read("NTMX, TT Cao Thượng", strict=True)
    assert reading.spoken == "nông thôn mới xanh, trung tâm văn hóa cao thượng"
    assert {span.rule for span in reading.spans} == {"dictionary"}


def test_capitals_match_only_capitals_and_small_letters_match_any(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "- {written: BA, spoken: bệnh án}\n- {written: sông cầu, spoken: xông cầu}\n")
    assert reader.read("ba BA Ba").spoken == "ba bệnh án ba"
    assert reader.read("Sông Cầu, SÔNG CẦU, sông cầu").spoken == "xông cầu, xông cầu, xông cầu"


def test_the_longest_entry_wins_and_words_are_whole() -> None:
    dictionary = Dictionary([Entry("AB", ("một",)), Entry("AB CD", ("hai",))])
    found = [dictionary.match(text, 0, "ab") for text in ("AB CD", "AB CDE", "ABC", "AB3")]
    assert [entry and entry.spoken[0] for entry in found] == ["hai", "một", None, "một"]


def test_either_place_of_the_tone_mark_finds_the_entry(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "- {written: khoá sổ, spoken: đóng sổ}\n")
    assert reader.read("Khóa sổ").spoken == reader.read("khoá sổ").spoken == "đóng sổ"


def test_several_ways_are_asked(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "- {written: QQQ, spoken: [quỹ, quê], note: tùy bài}\n")
    question = reader.read("nộp QQQ").questions[0]
    assert [(way.spoken, way.note) for way in question.candidates] == [("quỹ", "tùy bài"), ("quê", "tùy bài")]


def test_gaps_are_filled(tmp_path: Path) -> None:
    text = (
        '- {pattern: "kênh N{số}", spoken: "kênh nờ {số}"}\n'
        '- {pattern: "lộ {từng số} E{từng số}", spoken: "lộ {từng số} e {từng số}"}\n'
        '- {pattern: "bản {chữ}", spoken: "làng {chữ}"}\n'
    )
    reader = reader_of(tmp_path, text)
    assert reader.read("kênh N24, lộ 371 E76").spoken == "kênh nờ hai mươi tư, lộ ba bảy một e bảy sáu"
    assert reader.read("Bản Chiềng, bản QX").spoken == "làng chiềng, làng quy ích"
    assert reader.read("kênh N1.200").spoken == "kênh nờ một nghìn hai trăm"


@pytest.mark.parametrize(
    ("text", "line", "mend"),
    [
        ("written: A\n", 1, "must be a list"),
        ("- {written: AB}\n", 1, "has 'written' or 'pattern', and 'spoken'"),
        ("# x\n- {written: AB, spoken: a bê}\n- {writen: AC, spoken: a xê}\n", 3, "'writen' is no key"),
        ("- {written: AB, spoken: a, spoken: bê}\n", 1, "'spoken' stands twice"),
        ("- {written: AB, spoken: 7 giờ}\n", 1, "must be words only"),
        ("- {written: AB, spoken: []}\n", 1, "no spoken words"),
        ("- {written: '', spoken: a}\n", 1, "is empty"),
        ("- {written: [a], spoken: a}\n", 1, "a text is needed"),
        ("- just words\n", 1, "an entry looks like"),
        ("- {pattern: AB, spoken: a}\n", 1, "has no gap"),
        ('- {pattern: "A {n}", spoken: "a {n}"}\n', 1, "{n} is no gap"),
        ('- {pattern: "A {số}", spoken: "a"}\n', 1, "the same gaps"),
        ("- {written: A: B, spoken: a}\n", 1, "is no YAML"),
        ("- {written: AB, spoken: a\n", 2, "is no YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_mend(tmp_path: Path, text: str, line: int, mend: str) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpeechError, match=rf"speech\.dictionary: .*xa\.yaml, line {line}: .*{re.escape(mend)}"):
        Dictionary.load(path)


@pytest.mark.parametrize("content", [b"\xff\xfe- a", b"- {written: \x00, spoken: a}\n", b"[" * 5000])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "xa.yaml"
    path.write_bytes(content)
    with pytest.raises(SpeechError, match=r"speech\.dictionary: .*xa\.yaml"):
        Dictionary.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"none\.yaml: cannot be read"):
        Reader(ReadingSettings(dictionaries=(tmp_path / "none.yaml",))).read("a")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "[]\n"])
def test_an_empty_dictionary_is_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text(text, encoding="utf-8")
    assert len(Dictionary.load(path)) == 0


def test_yaml_words_are_text_here(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "- {written: NO, spoken: nông dân}\n- {written: 7:30, spoken: bản tin sáng}\n")
    assert reader.read("NO nghe 7:30").spoken == "nông dân nghe bản tin sáng"


def test_a_choice_is_remembered_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text("# từ điển xã Phúc Hòa\n- {written: TT, spoken: thị trấn} # theo bài cũ", encoding="utf-8")
    path.chmod(0o640)
    remember(path, "NTMX", "nông thôn mới xanh", 'theo "đề án": mới')
    remember(path, "TT", "trung tâm")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# từ điển xã Phúc Hòa\n- {written: TT, spoken: thị trấn} # theo bài cũ\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["xa.yaml"]
    dictionary = Dictionary.load(path)
    entry = dictionary.lookup("NTMX")
    assert entry is not None
    assert (entry.spoken, entry.note) == (("nông thôn mới xanh",), 'theo "đề án": mới')
    assert dictionary.lookup("TT") == Entry("TT", ("trung tâm",))


def test_the_first_choice_makes_the_file(tmp_path: Path) -> None:
    remember(tmp_path / "xa.yaml", "5/6", "năm phần sáu")
    reader = Reader(ReadingSettings(dictionaries=(tmp_path / "xa.yaml",), strict=True))
    assert reader.read("chiếm 5/6").spoken == "chiếm năm phần sáu"


def test_a_bad_choice_or_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "xa.yaml"
    path.write_text("- {written: AB, spoken: a bê}\n", encoding="utf-8")
    with pytest.raises(SpeechError, match=r"speech\.dictionary"):
        remember(path, "NTMX", "lúc 7h30")
    path.write_text("hỏng: [\n", encoding="utf-8")
    with pytest.raises(SpeechError, match=r"speech\.dictionary"):
        remember(path, "NTMX", "nông thôn mới")
    assert path.read_text(encoding="utf-8") == "hỏng: [\n"
    assert [file.name for file in tmp_path.iterdir()] == ["xa.yaml"]


def test_each_shipped_entry_is_read_as_it_says_and_stays_so() -> None:
    reader = Reader()
    seen: dict[str, Entry] = {}
    for entry in shipped():
        assert seen.setdefault(entry.written, entry).spoken == entry.spoken, entry
        reading = reader.read(f"xã {entry.written} hôm nay")
        assert entry.spoken[0].rstrip(",") in reading.spoken, entry
        again = reader.read(reading.spoken)
        assert again.spoken == reading.spoken
        assert bool(reading.questions) == (len(entry.spoken) > 1), entry
