"""From written text to the words that are spoken: cleaning, our rules, then the library sea-g2p.

sea-g2p (62 MB of dictionary) is imported at the first reading only.
"""

from collections.abc import Mapping
from typing import Protocol

from tts import errors
from tts.errors import SpeechError
from tts.reading.model import Reading
from tts.reading.settings import ReadingSettings
from tts.reading.text import clean, passages
from tts.rules import RULES

_SMALLEST_PASSAGE = 40


class Normalizer(Protocol):
    """What is used of `sea_g2p.Normalizer`."""

    def normalize(self, text: str) -> str:
        """Return `text` with numbers, dates, units and signs as words."""


class Reader:
    """Reads texts out, word by word. Not thread-safe; errors as in `read`."""

    def __init__(
        self,
        settings: ReadingSettings | None = None,
        max_chars: int = 20_000,
        *,
        normalizer: Normalizer | None = None,
    ) -> None:
        self._settings = settings or ReadingSettings()
        self._max_chars = max_chars
        self._normalizer = normalizer

    def read(self, text: str, choices: Mapping[str, str] | None = None, *, strict: bool | None = None) -> Reading:
        """Return how `text` is spoken; line breaks are kept.

        Raises:
            SpeechError: `speech.empty`, `speech.too_long`, `speech.unreadable`.
        """
        written = clean(text, self._max_chars)
        ruled = written
        for rule in RULES:
            ruled = rule.apply(ruled)
        lines = (" ".join(self._spoken(passage) for passage in passages(line)) for line in ruled.split("\n"))
        spoken = "\n".join(" ".join(line.split()) for line in lines if line.strip())
        if not any(char.isalnum() for char in spoken):
            raise SpeechError(errors.EMPTY, "nothing in the text can be spoken")
        return Reading(written, spoken)

    def _spoken(self, passage: str) -> str:
        try:
            return self._load().normalize(passage)
        except BaseException as error:
            # A Rust panic arrives as `pyo3_runtime.PanicException`, which cannot be imported and is no `Exception`.
            if type(error).__name__ != "PanicException":
                raise
        if len(passage) <= _SMALLEST_PASSAGE:
            raise SpeechError(errors.UNREADABLE, f"cannot be read: {passage!r}")
        return " ".join(self._spoken(part) for part in passages(passage, len(passage) // 2))

    def _load(self) -> Normalizer:
        if self._normalizer is None:
            from sea_g2p import Normalizer as SeaNormalizer

            loaded: Normalizer = SeaNormalizer()
            self._normalizer = loaded
        return self._normalizer
