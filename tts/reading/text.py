"""Text before it is read: cleaning, its length, cutting it into passages."""

import re
import unicodedata
from collections.abc import Iterator

from tts import errors
from tts.errors import SpeechError


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
        raise _too_long(len(cleaned), max_chars)
    return cleaned


def check_length(text: str, max_chars: int) -> None:
    """Refuse a text that no cleaning can make short enough, before any work is spent on it.

    Decomposed Vietnamese (NFD) has up to three characters per letter, hence the margin.
    """
    if len(text) > 4 * max_chars:
        raise _too_long(len(text), max_chars)


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if char in "\n\r\v\f" or category in {"Zl", "Zp"}:
        return "\n"
    if char == "\t" or category == "Zs":
        return " "
    # Cf are invisible marks (zero-width, direction, soft hyphen), Cs lone surrogates, which cannot be encoded.
    return "" if category in {"Cc", "Cf", "Cs", "Co"} else char


_BREAKS = (re.compile(r"[.!?…]\s"), re.compile(r"[;:]\s"), re.compile(r",\s"), re.compile(r"\s"))


def passages(text: str, limit: int) -> Iterator[str]:
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


def _too_long(count: int, limit: int) -> SpeechError:
    detail = f"the text has {count} characters, {limit} are allowed"
    return SpeechError(errors.TOO_LONG, detail, why="text.long", params={"count": count, "limit": limit})
