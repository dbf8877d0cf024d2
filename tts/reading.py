"""From written text to the words that are spoken: cleaning, our rules, then the library sea-g2p.

sea-g2p (62 MB of dictionary) is imported at the first reading only.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tts import errors
from tts.errors import SpeechError
from tts.rules import RULES

# sea-g2p 0.10 panics ("BacktrackLimitExceeded") on long passages: 20,000 characters of prose, 2,000 of "1-1-1-...".
_PASSAGE_CHARS = 600
_SMALLEST_PASSAGE = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was written (cleaned) and as it will be spoken."""

    written: str
    spoken: str


class Normalizer(Protocol):
    """What is used of `sea_g2p.Normalizer`."""

    def normalize(self, text: str) -> str:
        """Return `text` with numbers, dates, units and signs as words."""


def clean(text: str, max_chars: int) -> str:
    """Return `text` in NFC without control and invisible characters, with plain spaces and line breaks.

    Raises:
        SpeechError: `speech.too_long`, `speech.empty`.
    """
    check_length(text, max_chars)
    kept = "".join(_plain(char) for char in unicodedata.normalize("NFC", text))
    lines = (" ".join(line.split()) for line in kept.split("\n"))
    cleaned = "\n".join(line for line in lines if line)
    if not cleaned:
        raise SpeechError(errors.EMPTY, "the text is empty")
    if len(cleaned) > max_chars:
        raise SpeechError(errors.TOO_LONG, f"the text has {len(cleaned)} characters, {max_chars} are allowed")
    return cleaned


def check_length(text: str, max_chars: int) -> None:
    """Refuse a text that no cleaning can make short enough, before any work is spent on it.

    Decomposed Vietnamese (NFD) has up to three characters per letter, hence the margin.
    """
    if len(text) > 4 * max_chars:
        raise SpeechError(errors.TOO_LONG, f"the text has {len(text)} characters, {max_chars} are allowed")


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if char in "\n\r\v\f" or category in {"Zl", "Zp"}:
        return "\n"
    if char == "\t" or category == "Zs":
        return " "
    # Cf are invisible marks (zero-width, direction, soft hyphen), Cs lone surrogates, which cannot be encoded.
    return "" if category in {"Cc", "Cf", "Cs", "Co"} else char


class Reader:
    """Reads texts out, word by word. Not thread-safe; errors as in `read`."""

    def __init__(self, max_chars: int = 20_000, normalizer: Normalizer | None = None) -> None:
        self._max_chars = max_chars
        self._normalizer = normalizer

    def read(self, text: str) -> Reading:
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


_BREAKS = (re.compile(r"[.!?…]\s"), re.compile(r"[;:]\s"), re.compile(r",\s"), re.compile(r"\s"))


def passages(text: str, limit: int = _PASSAGE_CHARS) -> Iterator[str]:
    """Cut `text` into parts of at most `limit` characters, at the best place there is: sentence, comma, space."""
    while len(text) > limit:
        cut = next((end for pattern in _BREAKS if (end := _last_end(pattern, text, limit))), limit)
        yield text[:cut].strip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _last_end(pattern: re.Pattern[str], text: str, limit: int) -> int:
    """End of the last match of `pattern` in the second half of the first `limit` characters, or 0."""
    ends = [match.end() for match in pattern.finditer(text, limit // 2, limit)]
    return ends[-1] if ends else 0
