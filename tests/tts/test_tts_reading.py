import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.errors import SpeechError
from tts.reading import Reader, ReadingSettings, clean, passages

reader = Reader()
SOUTH = ReadingSettings(region="south")


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
    reading = reader.read("Xin chào, hello, Привет, 你好, bà con.")
    assert reading.spoken == "xin chào, hê lô, chữ nga, chữ hán, bà con."
    assert [question.kind for question in reading.questions] == ["script", "script"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7h30-11h30", "bảy giờ ba mươi phút đến mười một giờ ba mươi phút"),
        ("từ 7h30 – 11h30.", "từ bảy giờ ba mươi phút đến mười một giờ ba mươi phút."),
        ("7:30-11:30", "bảy giờ ba mươi phút đến mười một giờ ba mươi phút"),
        ("07h00—11h00", "bảy giờ đến mười một giờ"),
        ("7h-11h và 13h30 - 17h", "bảy giờ đến mười một giờ và mười ba giờ ba mươi phút đến mười bảy giờ"),
        ("7-11h", "bảy giờ đến mười một giờ"),
        ("7g30-11g30", "bảy giờ ba mươi phút đến mười một giờ ba mươi phút"),
        ("0h-24h", "không giờ đến hai mươi bốn giờ"),
        ("7 giờ 30 - 11 giờ", "bảy giờ ba mươi phút đến mười một giờ"),
        ("7 giờ - 11 giờ 30,", "bảy giờ đến mười một giờ ba mươi phút,"),
    ],
)
def test_time_ranges(written: str, expected: str) -> None:
    assert Reader(SOUTH).read(written).spoken == expected


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
def test_what_is_no_time_range_is_not_read_as_one(written: str) -> None:
    assert "time.range" not in {span.rule for span in reader.read(written).spans}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Có cháy gọi 114!", "có cháy gọi một một bốn!"),
        ("gọi ngay số 113, 114 hoặc 115.", "gọi ngay số một một ba, một một bốn hoặc một một năm."),
        ("Tổng đài 111", "tổng đài một một một"),
        ("Công an (113), cứu nạn: 112", "công an, một một ba, cứu nạn: một một hai"),
    ],
)
def test_emergency_numbers_are_read_digit_by_digit(written: str, expected: str) -> None:
    assert reader.read(written).spoken == expected


@pytest.mark.parametrize(
    "written",
    [
        "Xã có 113 người",
        "gọi 115 người đi họp",
        "cao 114 m",
        "Nghị định 114/2020/NĐ-CP",
        "gọi 0114.115.113",
        "gọi 1114 người",
        "Gọi là xong. Nhà 114 được khen",
        "liên hệ phòng 114B",
        "gọi vốn 112,5 triệu",
    ],
)
def test_counts_are_no_emergency_numbers(written: str) -> None:
    assert "phone.emergency" not in {span.rule for span in reader.read(written).spans}


def test_an_address_and_a_time_in_one_sentence() -> None:
    spoken = reader.read("Tiếp dân từ 7h30-11h30. Có cháy gọi 114.").spoken
    assert spoken == "tiếp dân từ bảy giờ ba mươi phút đến mười một giờ ba mươi phút. có cháy gọi một một bốn."


class PanicException(BaseException):
    """Looks like `pyo3_runtime.PanicException`."""


class Touchy:
    def normalize(self, text: str) -> str:
        raise PanicException("BacktrackLimitExceeded")

    def audit(self, text: str) -> list[str]:
        return []


class Careless(Touchy):
    def normalize(self, text: str) -> str:
        return "mười 3"


class Dropping(Touchy):
    def normalize(self, text: str) -> str:
        return "vài lời"

    def audit(self, text: str) -> list[str]:
        return list(text)


@pytest.mark.parametrize("library", [Touchy(), Careless(), Dropping()])
def test_a_sign_that_the_library_does_not_know_for_sure_is_asked(library: Touchy) -> None:
    reading = Reader(normalizer=library).read("góc ∠ nhọn")
    assert reading.spoken == "góc ký hiệu nhọn"
    assert [(question.kind, question.written) for question in reading.questions] == [("symbol", "∠")]


def test_a_sign_that_the_library_knows_is_its_word() -> None:
    reading = reader.read("tia α và √ 9")
    assert reading.spoken == "tia an pha và căn bậc hai chín"
    assert [span.rule for span in reading.spans] == ["library", "library", "number"]
    assert reading.questions == ()


def test_the_library_is_not_loaded_for_an_ordinary_announcement() -> None:
    code = (
        "import sys; from tts.reading import Reader\n"
        "assert 'yaml' not in sys.modules and 'tts.reading.scan' not in sys.modules\n"
        "Reader().read('UBND xã: từ 7h30-11h30 ngày 12/7/2026, gọi 114.'); print('sea_g2p' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


_PIECES = [
    "1-",
    "a.",
    "1,",
    "9",
    "/a",
    "XVI ",
    "I",
    "²",
    "1⁻",
    "<",
    "<b>",
    "0912 345 678 ",
    "①",
    "(a) ",
    "…",
    "🙂a",
    "-1 ",
]


@pytest.mark.parametrize("text", [piece * (9000 // len(piece)) + " xã" for piece in _PIECES])
def test_endless_patterns_are_read(text: str) -> None:
    assert reader.read(text).spoken


_ENDLESS = (
    "{}/3", "5/{}", "{}h", "{},5%", "-{}°C", "{}-2", "Km{}", "T{}", "{}⁹", "tỷ lệ {}:2", "$ {}", "${}", "{}đ", "1tr{}",
    "ngõ {}/3", "thứ {}", "{}/QĐ-UBND", "QL{}", "{}x{}", "ngày {}/5", "quý {}/2026",
)  # fmt: skip


@pytest.mark.parametrize("pattern", _ENDLESS)
def test_numbers_that_nobody_can_count_are_read(pattern: str) -> None:
    assert "chín chín chín" in reader.read(pattern.replace("{}", "9" * 5000)).spoken


@given(st.text(max_size=1500), st.integers(10, 300))
def test_passages_are_short_and_lose_nothing(text: str, limit: int) -> None:
    parts = list(passages(text, limit))
    assert all(len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("lũ trên BĐ2 0,35m", "lũ trên báo động hai, không phẩy ba mươi lăm mét"),
        ("gạo ST25 9.200đ", "gạo ét tê hai mươi lăm, chín nghìn hai trăm đồng"),
        ("phân NPK 16-16-8 820.000đ", "phân nờ pê ca mười sáu, mười sáu, tám, tám trăm hai mươi nghìn đồng"),
        ("Quyết định số 45/QĐ-UBND", "quyết định số bốn mươi lăm, quyết định ủy ban nhân dân"),
        ("LH: chị Mai. ĐC: thôn 4", "liên hệ: chị mai. địa chỉ: thôn bốn"),
    ],
)
def test_a_pause_stands_where_numbers_would_run_together(written: str, spoken: str) -> None:
    assert reader.read(written).spoken == spoken
