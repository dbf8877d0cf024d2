from hypothesis import given
from hypothesis import strategies as st

from tts.sentences import SENTENCE_CHARS, split


def texts(spoken: str) -> list[str]:
    return [sentence.text for sentence in split(spoken)]


def test_sentences_and_lines_are_cut() -> None:
    assert texts("kính thưa bà con. mời họp!\nthông báo") == ["kính thưa bà con.", "mời họp!", "thông báo"]


def test_marks_without_words_are_dropped() -> None:
    assert texts("xin chào. ! ... bà con") == ["xin chào.", "bà con"]


def test_a_line_ends_with_the_longest_pause_and_a_cut_with_the_shortest() -> None:
    found = split("một. hai.\n" + "ba " * 200)
    assert [sentence.pause_s for sentence in found] == [0.3, 0.5, 0.1, 0.1, 0.5]


def test_a_long_sentence_is_cut_at_a_comma() -> None:
    first = texts("một hai ba bốn năm sáu " * 8 + "bảy, " + "tám chín mười " * 10)[0]
    assert first.endswith("bảy,")


def test_a_word_without_end_is_cut() -> None:
    assert [len(text) for text in texts("a" * 500)] == [240, 240, 20]


@given(st.text(alphabet="ab1ệ .,!?…;:\n", max_size=1200))
def test_sentences_are_short_speakable_and_complete(spoken: str) -> None:
    found = texts(spoken)
    assert all(len(text) <= SENTENCE_CHARS and any(char.isalnum() for char in text) for text in found)
    letters = [char for char in spoken if char.isalnum()]
    assert [char for char in "".join(found) if char.isalnum()] == letters
