"""From written text to the words that are spoken."""

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tts import errors
from tts.errors import SpeechError
from tts.reading.model import Question, Reading
from tts.reading.settings import ReadingSettings
from tts.reading.text import clean

if TYPE_CHECKING:
    from tts.reading.dictionary import Dictionary
    from tts.reading.library import Normalizer
    from tts.reading.scan import Scanner

_NAMED_QUESTIONS = 5


class Reader:
    """Reads texts out. Not thread-safe. Rules and dictionaries load at the first reading, sea-g2p if it is needed."""

    def __init__(
        self,
        settings: ReadingSettings | None = None,
        max_chars: int = 20_000,
        *,
        normalizer: "Normalizer | None" = None,
    ) -> None:
        self._settings = settings or ReadingSettings()
        self._max_chars = max_chars
        self._normalizer = normalizer
        self._scanner: Scanner | None = None

    def read(self, text: str, choices: Mapping[str, str] | None = None, *, strict: bool | None = None) -> Reading:
        """Return how `text` is spoken; line breaks are kept.

        `choices` maps what is written to the words that a person chose for it. `strict` overrides the settings.

        Raises:
            SpeechError: `speech.empty`, `speech.too_long`, `speech.dictionary` (a dictionary or a choice is not as it
                should be), `speech.unclear` (strict, and there are open questions, which the error carries).
        """
        from tts.reading import shape

        if not isinstance(text, str):
            raise TypeError(f"the text must be a str, not {type(text).__name__}")
        draft = shape.Draft(clean(text, self._max_chars))
        if not any(char.isalnum() for char in draft.text):
            raise SpeechError(errors.EMPTY, "nothing in the text can be spoken")
        found = self._load().scan(draft.text, _as_dictionary(choices or {}))
        found, words = shape.settle_pauses(draft.text, found)
        spoken = shape.compose(draft.text, found, words)
        if not shape.says_something(draft.text, found):
            raise SpeechError(errors.EMPTY, "nothing in the text can be spoken")
        questions = shape.questions_of(draft, found)
        if questions and (self._settings.strict if strict is None else strict):
            raise SpeechError(errors.UNCLEAR, _sentence(questions), questions=questions)
        return Reading(draft.written, spoken, shape.spans_of(draft, found, words), questions)

    def _load(self) -> "Scanner":
        if self._scanner is None:
            from tts.reading.dictionary import Dictionary
            from tts.reading.dictionary_file import read_entries, shipped
            from tts.reading.library import Library
            from tts.reading.numbers import Numbers
            from tts.reading.scan import Scanner

            dictionary = Dictionary(shipped())
            for path in self._settings.dictionaries:
                dictionary.add(read_entries(path))
            self._scanner = Scanner(Numbers(self._settings.region), dictionary, Library(self._normalizer))
        return self._scanner


def _as_dictionary(choices: Mapping[str, str]) -> "Dictionary":
    from tts.reading.dictionary import NOTHING, Dictionary
    from tts.reading.entry import Entry, is_speakable

    if not choices:
        return NOTHING
    entries: list[Entry] = []
    for written, spoken in choices.items():
        words = " ".join(unicodedata.normalize("NFC", spoken).lower().split())
        if words and not is_speakable(words):
            detail = f"{written!r}: {words!r} must be words only: no figures, no signs"
            params = {"written": written, "words": words}
            raise SpeechError(errors.DICTIONARY, detail, why="dictionary.choice", params=params)
        if written.strip():
            entries.append(Entry(unicodedata.normalize("NFC", written.strip()), (words,)))
    return Dictionary(entries)


def _sentence(questions: tuple[Question, ...]) -> str:
    named = [
        f"{question.written!r} ({' / '.join(way.spoken or '-' for way in question.candidates)})"
        for question in questions[:_NAMED_QUESTIONS]
    ]
    more = len(questions) - len(named)
    return "; ".join(named) + (f"; +{more}" if more else "")
