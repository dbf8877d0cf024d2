"""What stands under a form once its text was read: the words to be spoken, what is asked, sounds to listen to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge_agent.contract.sentences import Language
from hub.choices import MOST_ASKED, Choices
from hub.notes import note_in, sounds_only
from hub.voice import Checked
from tts.reading import Question, Reading, Span
from tts.reading.entry import is_speakable

_AROUND = 28
"""Characters before and after a place in question."""
_MOST_CHANGES = 200
_MEMORABLE = frozenset({"acronym", "foreign", "word", "symbol", "code", "script"})
"""Kinds of questions whose answer may hold in other texts too; a 5/6 is a date here and a fraction there."""
_PAUSES = ",.;:!?…"
_SPACED = re.compile(rf" +(?=[{_PAUSES}])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text as it is spoken; `written` where it is written otherwise."""

    text: str
    kind: Literal["same", "changed", "asked"] = "same"
    written: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One answer to a question; nothing spoken means that the place is left out."""

    spoken: str
    note: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with what was answered so far."""

    number: int
    written: str
    before: str
    after: str
    ways: tuple[Way, ...]
    own: str
    own_chosen: bool
    wrong: bool
    open: bool
    may_keep: bool
    keep: bool
    folded: bool

    @property
    def same_notes(self) -> bool:
        """Whether the notes tell no way from another."""
        return len(self.ways) > 1 and len({way.note for way in self.ways}) == 1

    @property
    def answer(self) -> str | None:
        """What was answered so far."""
        if self.own_chosen:
            return self.own or None
        return next((way.spoken for way in self.ways if way.chosen), None)


@dataclass(frozen=True, slots=True)
class Sound:
    """Something to listen to: the key of its name, its address, whether it plays at once."""

    key: str
    address: str
    plays: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything under the form. `notice` comes first; `good` says how it is meant. `alarm`: what must be confirmed."""

    notice: str = ""
    good: bool = True
    pieces: tuple[Piece, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()
    asks: tuple[Ask, ...] = ()
    more: int = 0
    sounds: tuple[Sound, ...] = ()
    sound_note: str = ""
    may_say_anyway: bool = False
    alarm: str = ""


def pieces(reading: Reading) -> Iterator[Piece]:
    """The text as it is spoken, in the case in which it is written, with spaces where a printer would put them."""
    parts = [part for part in _parts(reading) if part != Piece("")]
    before = " "
    for part, following in zip(parts, (*parts[1:], Piece("")), strict=True):
        if part.text[:1].isalnum() and (before.isalnum() or before in _PAUSES):
            yield Piece(" ")
        text = _SPACED.sub("", part.text)
        text = text.rstrip(" ") if following.text.lstrip(" ").startswith(tuple(_PAUSES)) else text
        if text or part.written:
            yield replace(part, text=text)
        before = text[-1:] or before


def _parts(reading: Reading) -> Iterator[Piece]:
    asked = {question.start for question in reading.questions}
    end = 0
    for span in reading.spans:
        if span.start >= end:
            yield Piece(reading.written[end : span.start])
            yield _piece(span, asked)
            end = span.end
    yield Piece(reading.written[end:])


def _piece(span: Span, asked: set[int]) -> Piece:
    if span.start in asked:
        return Piece(span.spoken, "asked", span.written)
    if _is_same(span) or not (span.spoken or any(char.isalnum() for char in span.written)):
        return Piece(span.spoken and span.written)  # a bracket that is not spoken is nothing to look at
    return Piece(span.spoken, "changed", span.written)


def changes(reading: Reading) -> tuple[tuple[str, str], ...]:
    """What is spoken otherwise than written, each once."""
    found = {(span.written, span.spoken): None for span in reading.spans if not _is_same(span)}
    return tuple(found)[:_MOST_CHANGES]


def asks(checked: Checked, choices: Choices, language: Language) -> tuple[Ask, ...]:
    """The questions, answered ones too, so that an answer can be changed; the first open one is unfolded."""
    still_open = {question.written for question in checked.reading.questions}
    shown = _answered_first(checked.asked, still_open)[:MOST_ASKED]
    drawn = [
        _ask(number, question, checked.reading.written, choices, question.written in still_open, language)
        for number, question in enumerate(sorted(shown, key=lambda question: question.start))
    ]
    first = next((ask.number for ask in drawn if ask.wrong or ask.open), None)
    return tuple(replace(ask, folded=not ask.wrong and ask.number != first and len(drawn) > 1) for ask in drawn)


def may_keep(question: Question) -> bool:
    """Whether the answer holds in every text: it says how a word sounds, not which of its meanings is meant."""
    return question.kind in _MEMORABLE and all(sounds_only(way.note) for way in question.candidates)


def _ask(number: int, question: Question, text: str, choices: Choices, is_open: bool, language: Language) -> Ask:
    written = question.written
    said = choices.spoken.get(written)
    speakable = [way for way in question.candidates if not way.spoken or is_speakable(way.spoken.lower())]
    ways = tuple(Way(way.spoken, note_in(language, way.note), said == way.spoken.lower()) for way in speakable)
    own = choices.own.get(written, "")
    own_chosen = written in choices.wrong or (said is not None and not any(way.chosen for way in ways))
    return Ask(
        number=number,
        written=written,
        before=_before(text, question.start),
        after=_after(text, question.end),
        ways=ways,
        own=own or (said if own_chosen and said else ""),
        own_chosen=own_chosen,
        wrong=written in choices.wrong,
        open=is_open,
        may_keep=may_keep(question),
        keep=written in choices.keep,
        folded=False,
    )


def _answered_first(questions: Sequence[Question], still_open: set[str]) -> list[Question]:
    """Answered ones first: their fields carry the answers, and may not get lost for others."""
    return sorted(questions, key=lambda question: question.written in still_open)


def _is_same(span: Span) -> bool:
    return span.written.lower() == span.spoken.lower()


def _before(text: str, start: int) -> str:
    part = text[max(0, start - _AROUND) : start].rpartition("\n")[2]
    return part if len(part) < _AROUND else "…" + part.partition(" ")[2]


def _after(text: str, end: int) -> str:
    part = text[end : end + _AROUND].partition("\n")[0]
    return part if len(part) < _AROUND else part.rpartition(" ")[0] + "…"
