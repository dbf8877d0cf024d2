import pytest
from reading_rig import expected, fold, rows

from tts.reading import Reader

reader = Reader()


@pytest.mark.parametrize(("kind", "written", "spoken"), rows("reading_cases.tsv"))
def test_the_table(kind: str, written: str, spoken: str) -> None:
    reading = reader.read(written)
    assert expected(spoken).fullmatch(fold(reading.spoken)), fold(reading.spoken)
    asked = kind.partition(".")[2]
    assert bool(reading.questions) == kind.startswith("asked"), reading.questions
    if asked:
        assert asked in {question.kind for question in reading.questions}


@pytest.mark.parametrize(("kind", "written", "spoken"), rows("reading_held_out.tsv"))
def test_the_table_that_was_written_before_the_rules(kind: str, written: str, spoken: str) -> None:
    reading = reader.read(written)
    assert expected(spoken).fullmatch(fold(reading.spoken)), fold(reading.spoken)
    assert reading.questions == (), kind


def test_the_tables_hold_what_they_promise() -> None:
    cases = rows("reading_cases.tsv")
    assert len({written for _, written, _ in cases}) >= 300
    assert len({kind.partition(".")[0] for kind, _, _ in cases}) >= 20
    assert len(rows("reading_held_out.tsv")) >= 100
