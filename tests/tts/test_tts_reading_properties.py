import random
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_rig import announcement, fold, new_style, old_style, tiled, value_of

from tts.errors import SpeechError
from tts.reading import Reader, Reading, ReadingSettings
from tts.reading.numbers import Numbers

reader = Reader(max_chars=1_000_000)
UNREAD = re.compile(r"[^\w\s,.;:!?…]|[\d_²³¹]")


def check(text: str, *, wild: bool = False) -> Reading | None:
    """What holds for every text that can be read. Of a wild one, what was guessed need not be read alike again."""
    try:
        reading = reader.read(text)
    except SpeechError as error:
        assert error.code == "speech.empty"
        return None
    assert not UNREAD.search(reading.spoken), (text, reading.spoken)
    assert tiled(reading) == "".join(reading.spoken.split()), text
    again = reader.read(reading.spoken)
    assert again.spoken == reading.spoken or (wild and reading.questions), text
    covered = [(span.start, span.end) for span in reading.spans]
    for question in reading.questions:
        assert reading.written[question.start : question.end] == question.written
        assert (question.start, question.end) in covered
        assert question.candidates
    return reading


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_random_announcements(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(1000):
        check(announcement(chance))


_ALPHABET = (
    "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạ0123456789 .,;:!?-–/()[]<>&%@#\"'*_+=|\\^~`"
    "\n\t\x00\u0301\u200bЖ中🙂★½²⁻°ºµαhgHMCĐIVX"
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.text(alphabet=_ALPHABET, max_size=120))
def test_texts_of_letters_digits_and_signs(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    check(text, wild=True)


@given(st.integers(0, 10**18 - 1), st.sampled_from(["north", "south"]))
def test_numbers_read_back_to_the_same_value(number: int, region: str) -> None:
    numbers = Numbers("north" if region == "north" else "south")
    assert value_of(numbers.whole(str(number))) == number


@given(st.integers(0, 10**15))
def test_grouped_numbers_in_a_sentence_read_back(number: int) -> None:
    spoken = reader.read(f"Có {number:,} đồng.".replace(",", ".")).spoken
    assert value_of(spoken.removeprefix("có ").removesuffix(" đồng.")) == number


@given(st.integers(0, 10**6), st.integers(0, 99))
def test_decimals_read_back(whole: int, fraction: int) -> None:
    spoken = reader.read(f"Đạt {whole},{fraction:02d}%").spoken
    first, _, last = spoken.removeprefix("đạt ").removesuffix(" phần trăm").partition(" phẩy ")
    assert value_of(first) == whole
    digits = last.split()
    assert (value_of(last) if digits[0] != "không" else value_of(digits[1])) == fraction


@pytest.mark.parametrize("seed", range(3))
def test_decomposed_text_reads_the_same(seed: int) -> None:
    chance = random.Random(100 + seed)
    for _ in range(100):
        text = "họp " + announcement(chance)
        assert reader.read(unicodedata.normalize("NFD", text)) == reader.read(text)


@pytest.mark.parametrize("seed", range(3))
def test_both_places_of_the_tone_mark_read_the_same(seed: int) -> None:
    chance = random.Random(200 + seed)
    for _ in range(100):
        text = "Khoá II, hoà 2-1, uỷ ban, thuỷ lợi, hoá đơn 0123: " + announcement(chance)
        assert fold(reader.read(new_style(text)).spoken) == fold(reader.read(old_style(text)).spoken)


@pytest.mark.parametrize("seed", range(3))
def test_line_ends_of_any_system_read_the_same(seed: int) -> None:
    chance = random.Random(300 + seed)
    for _ in range(100):
        text = "\n".join(announcement(chance) for _ in range(3))
        assert reader.read(text.replace("\n", "\r\n")) == reader.read(text)


@pytest.mark.parametrize("seed", range(3))
def test_emoji_change_nothing_around_them(seed: int) -> None:
    chance = random.Random(400 + seed)
    for _ in range(200):
        text = " ".join(announcement(chance).split())
        words = ["họp", *(word for word in text.split(" ") if not re.search(r"[🙂★]", word))]
        place = chance.randrange(len(words) + 1)
        with_emoji = " ".join([*words[:place], "🎉🙂👍🏽", *words[place:]])
        assert reader.read(with_emoji).spoken == reader.read(" ".join(words)).spoken


def test_a_hundred_kilobytes() -> None:
    chance = random.Random(500)
    text = "\n".join(announcement(chance) for _ in range(3000))[:100_000]
    reading = check(text)
    assert reading is not None
    assert len(reading.spans) > 1000


def test_southern_words() -> None:
    south = Reader(ReadingSettings(region="south"))
    assert south.read("24 hộ, 105 người, 1.015 con, 50k").spoken == (
        "hai mươi bốn hộ, một trăm lẻ năm người, một ngàn không trăm mười lăm con, năm mươi ngàn"
    )
