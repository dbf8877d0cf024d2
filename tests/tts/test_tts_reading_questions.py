import pytest

from tts.errors import SpeechError
from tts.reading import Reader, ReadingSettings

reader = Reader()
strict = Reader(ReadingSettings(strict=True))


@pytest.mark.parametrize(
    ("written", "place", "kind", "first"),
    [
        ("Hội nghị NTMX xã", "NTMX", "acronym", "nờ tê mờ ích"),
        ("Họp tại TT xã", "TT", "acronym", "trung tâm"),
        ("BAN hành", "BAN", "acronym", "ban"),
        ("kết quả: 5/6", "5/6", "fraction", "năm tháng sáu"),
        ("ngày 2-9 nghỉ", "2-9", "date", "hai tháng chín"),
        ("khu X", "X", "roman", "ích"),
        ("nhà máy Wutipxa", "Wutipxa", "foreign", "wutipxa"),
        ("chữ 中文 này", "中文", "script", "chữ hán"),
        ("Điều §", "§", "symbol", "mục"),
        ("10⁻³ mol", "10⁻³", "symbol", "mười mũ trừ ba"),
        ("lô hàng AB-12-XZ9", "AB-12-XZ9", "code", "a bê gạch mười hai gạch ích dét chín"),
        ("nam/nữ", "/", "symbol", "hoặc"),
        ("số 1,500", "1,500", "number", "một phẩy năm không không"),
    ],
)
def test_what_only_a_person_can_know_is_asked(written: str, place: str, kind: str, first: str) -> None:
    question = reader.read(written).questions[0]
    assert (question.written, question.kind, question.candidates[0].spoken) == (place, kind, first)
    assert written[question.start : question.end] == place
    assert len({way.spoken for way in question.candidates}) == len(question.candidates)


@pytest.mark.parametrize(
    ("written", "place", "right"),
    [
        ("từ 1-5", "1-5", "một đến năm"),
        ("hòa giải 3-2", "3-2", "ngày ba tháng hai"),
        ("5/12 nghỉ", "5/12", "năm phần mười hai"),
        ("cụ 82t", "82t", "tám mươi hai tấn"),
        ("con 2,5t", "2,5t", "hai phẩy năm tuổi"),
        ("tuyển 50 CN may", "CN", "công nghiệp"),
        ("họp tại TT xã", "TT", "thường trực"),
        ("máy 4K", "4K", "bốn nghìn"),
        ("VN123", "VN123", "việt nam một trăm hai mươi ba"),
        ("TH3", "TH3", "tiểu học ba"),
        ("BĐ xã", "BĐ", "bản đồ"),
        ("P.7 họp", "P.", "phòng"),
        ("T.Anh xinh", "T.", "tiếng"),
        ('số đo 45"', '45"', "bốn mươi lăm in"),
    ],
)
def test_the_right_words_are_among_the_candidates(written: str, place: str, right: str) -> None:
    question = next(one for one in reader.read(written).questions if one.written.strip() == place)
    assert right in [way.spoken for way in question.candidates]


def test_strict_reading_refuses_and_carries_the_questions() -> None:
    with pytest.raises(SpeechError, match=r"speech\.unclear.*'NTMX' \(nờ tê mờ ích / ntmx\)") as caught:
        strict.read("Hội nghị NTMX lúc 7h30")
    assert [question.written for question in caught.value.questions] == ["NTMX"]
    assert not caught.value.retry


def test_strictness_of_one_call_wins_over_the_settings() -> None:
    assert strict.read("Hội nghị NTMX", strict=False).questions
    with pytest.raises(SpeechError, match=r"speech\.unclear"):
        reader.read("Hội nghị NTMX", strict=True)


def test_many_questions_are_counted() -> None:
    with pytest.raises(SpeechError, match=r"\+2$") as caught:
        strict.read("XQZA XQZB XQZC XQZD XQZE XQZG XQZH")
    assert len(caught.value.questions) == 7


def test_a_clear_text_passes_strictly() -> None:
    assert strict.read("UBND xã họp lúc 7h30-11h30 ngày 12/7/2026.").questions == ()


def test_a_choice_answers_the_question() -> None:
    reading = strict.read("Hội nghị NTMX: 5/6", {"NTMX": "nông thôn mới xanh", "5/6": "năm phần sáu"})
    assert reading.spoken == "hội nghị nông thôn mới xanh: năm phần sáu"
    assert [span.rule for span in reading.spans] == ["choice", "choice"]


def test_a_choice_of_a_sign_touches_only_what_was_asked() -> None:
    reading = strict.read("nam/nữ đi 60 km/h", {"/": "và"})
    assert reading.spoken == "nam và nữ đi sáu mươi ki lô mét trên giờ"


def test_a_choice_may_leave_something_out() -> None:
    assert strict.read("Bà con chú ý 中文", {"中文": ""}).spoken == "bà con chú ý"


def test_a_choice_does_not_reach_into_longer_numbers() -> None:
    reading = reader.read("ngày 5/6/2026 và 15/6", {"5/6": "năm phần sáu"})
    assert "phần" not in reading.spoken


@pytest.mark.parametrize("words", ["lúc 7h", "50%", "a_b", "<b>"])
def test_a_choice_must_be_words(words: str) -> None:
    with pytest.raises(SpeechError, match=r"speech\.dictionary.*words only"):
        reader.read("Hội nghị NTMX", {"NTMX": words})


@pytest.mark.parametrize(
    ("written", "choices", "spoken"),
    [
        ("Ngày 5/6 họp, tỷ lệ 5/6.", {"5/6": "năm phần sáu"}, "ngày năm tháng sáu họp, tỷ lệ năm phần sáu."),
        (
            "8h00 CN 29/11, tuyển 50 CN may",
            {"CN": "công nhân"},
            "tám giờ chủ nhật ngày hai mươi chín tháng mười một, tuyển năm mươi công nhân may",
        ),
        ("xóm k đậu, vitamin k", {"k": "ca"}, "xóm ca đậu, vi ta min ca"),
        ("giá 50 đ. Bà con đến đ. Trần Phú", {"đ.": "đồng"}, "giá năm mươi đồng bà con đến đường trần phú"),
        ("TT HĐND họp tại TT", {"TT": "thị trấn"}, "thường trực hội đồng nhân dân họp tại thị trấn"),
    ],
)
def test_a_choice_touches_only_the_places_that_are_asked(written: str, choices: dict[str, str], spoken: str) -> None:
    assert reader.read(written, choices).spoken == spoken


def test_a_choice_for_what_is_asked_nowhere_corrects_it_everywhere() -> None:
    spoken = reader.read("UBND họp. UBND mời", {"UBND": "ủy ban"}).spoken
    assert spoken == "ủy ban họp. ủy ban mời"


def test_choices_do_not_stay() -> None:
    assert "mới" in reader.read("Hội nghị NTMX", {"NTMX": "nông thôn mới"}).spoken
    assert reader.read("Hội nghị NTMX").questions
