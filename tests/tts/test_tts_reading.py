import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.errors import SpeechError
from tts.reading import Reader, clean, passages
from tts.rules import RULES

reader = Reader()


def ruled(text: str) -> str:
    for rule in RULES:
        text = rule.apply(text)
    return text


@pytest.mark.parametrize("text", ["", " ", "\n\t  \r\n", "\u200b\ufeff", "\x00\x07\x1b", "\ud800"])
def test_nothing_but_space_is_empty(text: str) -> None:
    with pytest.raises(SpeechError) as caught:
        reader.read(text)
    assert (caught.value.code, caught.value.retry) == ("speech.empty", False)


@pytest.mark.parametrize("text", ["!!!", "... --- ...", "★☆♥", "()[]{}", "Привет", "你好"])
def test_nothing_that_can_be_spoken_is_empty(text: str) -> None:
    with pytest.raises(SpeechError, match=r"speech\.empty"):
        reader.read(text)


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(SpeechError, match=r"speech\.too_long.*100000.*20000"):
        reader.read("Xin chào. " * 10_000)


def test_the_limit_counts_letters_not_their_decomposed_marks() -> None:
    text = unicodedata.normalize("NFD", "ệ" * 50)
    assert Reader(max_chars=50).read(text).written == "ệ" * 50
    with pytest.raises(SpeechError, match=r"speech\.too_long"):
        Reader(max_chars=49).read(text)


def test_a_hundred_kilobytes_are_read_when_they_are_allowed() -> None:
    # In one go the library would panic.
    spoken = Reader(max_chars=200_000).read("Kính mời bà con đến nhà văn hoá lúc 7h. " * 2500).spoken
    assert spoken.count("bảy giờ") == 2500


def test_decomposed_text_reads_like_composed_text() -> None:
    text = "Kính mời bà con đến họp lúc 7h30 tại nhà văn hoá thôn Đông, xã Việt Hùng."
    assert reader.read(unicodedata.normalize("NFD", text)) == reader.read(text)


def test_control_and_invisible_characters_go() -> None:
    assert clean("a\x00b\x1b[31m \u200bc\u202e\u00add\t e\u00a0f", 99) == "ab[31m cd e f"


def test_line_breaks_of_all_kinds_stay() -> None:
    assert clean("một\r\nhai\n\n ba\u2028bốn", 99) == "một\nhai\nba\nbốn"
    assert reader.read("Thông báo\nKính mời").spoken == "thông báo\nkính mời"


def test_markup_is_text() -> None:
    spoken = reader.read("<speak>xin chào <break time='10s'/></speak>").spoken
    assert "xin chào" in spoken
    assert "<" not in spoken


def test_mixed_scripts_keep_what_can_be_read() -> None:
    spoken = reader.read("Xin chào, hello, Привет, 你好, bà con.").spoken
    assert spoken.startswith("xin chào, hello")
    assert spoken.endswith("bà con.")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7h30-11h30", "7h30 đến 11h30"),
        ("từ 7h30 – 11h30.", "từ 7h30 đến 11h30."),
        ("7:30-11:30", "7h30 đến 11h30"),
        ("07h00—11h00", "7h đến 11h"),
        ("7h-11h và 13h30 - 17h", "7h đến 11h và 13h30 đến 17h"),
        ("7-11h", "7h đến 11h"),
        ("7g30-11g30", "7h30 đến 11h30"),
        ("0h-24h", "0h đến 24h"),
        ("7 giờ 30 - 11 giờ", "7h30 đến 11h"),
        ("7 giờ - 11 giờ 30,", "7h đến 11h30,"),
    ],
)
def test_time_ranges(written: str, expected: str) -> None:
    assert ruled(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "25h-99h",
        "cấp 5-7",
        "12-15/3",
        "3-4 giờ",
        "tỉ số 2:1",
        "0912-345-678",
        "7h30",
        "1-2-3h",
        "7:30-11:30:15",
        "5-7 m",
    ],
)
def test_what_is_no_time_range_stays(written: str) -> None:
    assert ruled(written) == written


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Có cháy gọi 114!", "Có cháy gọi một một bốn!"),
        ("gọi ngay số 113, 114 hoặc 115.", "gọi ngay số một một ba, một một bốn hoặc một một năm."),
        ("Tổng đài 111", "Tổng đài một một một"),
        ("Công an (113), cứu nạn: 112", "Công an (một một ba), cứu nạn: một một hai"),
    ],
)
def test_emergency_numbers_are_read_digit_by_digit(written: str, expected: str) -> None:
    assert ruled(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "Xã có 113 người",
        "gọi 115 người đi họp",
        "cao 114 m",
        "Nghị định 114/2020/NĐ-CP",
        "gọi 0114.115.113",
        "gọi 1114",
        "Gọi là xong. Nhà 114 được khen",
        "liên hệ phòng 114B",
        "gọi vốn 112,5 triệu",
    ],
)
def test_counts_are_no_emergency_numbers(written: str) -> None:
    assert ruled(written) == written


def test_rules_and_library_together() -> None:
    spoken = reader.read("Tiếp dân từ 7h30-11h30. Có cháy gọi 114.").spoken
    assert spoken == "tiếp dân từ bảy giờ ba mươi phút đến mười một giờ ba mươi phút. có cháy gọi một một bốn."


class PanicException(BaseException):
    """Looks like `pyo3_runtime.PanicException`."""


class Touchy:
    def __init__(self, poison: str, longest: int) -> None:
        self.poison, self.longest = poison, longest

    def normalize(self, text: str) -> str:
        if self.poison in text or len(text) > self.longest:
            raise PanicException("BacktrackLimitExceeded")
        return text


def test_a_passage_that_panics_is_read_in_smaller_parts() -> None:
    text = "một hai ba bốn năm sáu bảy tám. " * 10
    assert Reader(normalizer=Touchy("☠", 60)).read(text).spoken == text.strip()


def test_a_passage_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SpeechError, match=r"speech\.unreadable.*POISON"):
        Reader(normalizer=Touchy("POISON", 600)).read("Xin chào bà con. " * 20 + "POISON " + "kính mời. " * 20)


@pytest.mark.parametrize("text", ["1-" * 5000, "a." * 5000, "1," * 5000, "9" * 10_000, "/a" * 5000, "XVI " * 4000])
def test_texts_that_make_the_library_panic_are_read(text: str) -> None:
    assert reader.read(text).spoken


@given(st.text(max_size=1500), st.integers(10, 300))
def test_passages_are_short_and_lose_nothing(text: str, limit: int) -> None:
    parts = list(passages(text, limit))
    assert all(len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


_ALPHABET = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạ0123456789 .,;:!?-–/()[]<>&%@#\"'\n\t\x00\u0301\u200bЖ中🙂hgHM"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=_ALPHABET, max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = reader.read(text)
    except SpeechError as error:
        assert error.code in {"speech.empty", "speech.unreadable"}
    else:
        assert any(char.isalnum() for char in reading.spoken)
        assert unicodedata.is_normalized("NFC", reading.written)


def test_random_numbers_and_dashes_never_end_the_process() -> None:
    chance = random.Random(7)
    for _ in range(50):
        text = "".join(chance.choice("0123456789-:h/., ") for _ in range(300)) + " xin"
        assert reader.read(text).spoken
