"""What a rule sees of the text, and what it answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tts.reading.model import Candidate
from tts.reading.numbers import Numbers

END = r"(?![^\W_]|[/:]\w|[-–]\d|[.,]\d)"
"""Lookahead for the end of a written number: nothing follows that may belong to it."""

WORD = r"[^\W\d_\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f\u2460-\u24ff]+"
"""A run of letters; `re` would take raised figures, fractions and circled figures for letters."""

LATIN = r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]+"
"""A run of Latin letters."""

DASH = r"\s*[-–—]\s*"

_LOOK_BACK = 48
_NEXT_WORDS = re.compile(r"\s*\(?([^\W\d_]+)(?:\s+([^\W\d_]+))?")
_JOINED = re.compile(r"\s*(?:,|;|/|&|và|hoặc|hay|đến|tới|-|–)\s*(?:từ\s|ngày\s|tháng\s|số\s)?\s*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule's answer when only a person can know: the kind of question and the ways to speak, likeliest first."""

    kind: str
    candidates: tuple[Candidate, ...]


def asked(kind: str, *ways: tuple[str, str]) -> Asked:
    """Return a question whose candidates are pairs of words and note; the same words are offered once."""
    unique = {" ".join(spoken.split()): note for spoken, note in reversed(ways)}
    return Asked(kind, tuple(Candidate(spoken, note) for spoken, note in reversed(unique.items())))


Answer = str | Asked | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Reads what `pattern` matches; the answer None leaves it to the next rule.

    `name` begins with the rule's family ("date.range" is of the family "date").
    """

    name: str
    pattern: re.Pattern[str]
    read: Callable[["Scene", re.Match[str]], Answer]


@dataclass(frozen=True, slots=True)
class Found:
    """A place that some rule reads."""

    start: int
    end: int
    rule: str
    answer: str | Asked

    @property
    def spoken(self) -> str:
        """What is said, with the first candidate of a question."""
        return self.answer if isinstance(self.answer, str) else self.answer.candidates[0].spoken


class Scene:
    """One text while it is read, from left to right; `acronym` gives the one reading that dictionaries know, if so."""

    def __init__(self, text: str, numbers: Numbers, acronym: Callable[[str], str | None]) -> None:
        self.text = text
        self.numbers = numbers
        self.acronym = acronym
        self.found: list[Found] = []

    def prior(self, start: int) -> tuple[str, str]:
        """Return the last word, and the last two words, before `start` in the same clause, lower-case."""
        before = self.text[max(0, start - _LOOK_BACK) : start].rpartition("\n")[2].rstrip(" :(\"'“‘")
        if not before or before[-1] in ",.;!?…)":
            return "", ""
        words = before.lower().rsplit(None, 2)
        last = words[-1].lstrip("(\"'“‘")
        return last, f"{words[-2]} {last}" if len(words) > 1 else last

    def before(self, start: int, reach: int = _LOOK_BACK) -> str:
        """Return up to `reach` characters before `start` on the same line, lower-case."""
        return self.text[max(0, start - reach) : start].rpartition("\n")[2].lower()

    def said_before(self, start: int) -> list[str]:
        """Return the last words, as they are spoken, before `start` in the same clause: at most two, lower-case."""
        last = next((one for one in reversed(self.found) if one.spoken), None)
        if last is not None and not any(char.isalnum() or char in ",.;:!?…\n" for char in self.text[last.end : start]):
            return last.spoken.split()[-2:]
        return [word for word in self.prior(start)[1].split() if word]

    def following(self, end: int) -> tuple[str, str]:
        """Return the first word, and the first two words, after `end`, lower-case."""
        match = _NEXT_WORDS.match(self.text, end)
        if match is None:
            return "", ""
        first = match[1].lower()
        return first, f"{first} {match[2].lower()}" if match[2] else first

    def continues(self, start: int, family: str) -> bool:
        """Say whether what was found last is of `family` and only a comma, "và" or the like lies between."""
        if not self.found or self.found[-1].rule.partition(".")[0] != family:
            return False
        return _JOINED.fullmatch(self.text, self.found[-1].end, start) is not None

    def at_line_start(self, start: int) -> bool:
        """Say whether only spaces lie between the start of the line and `start`."""
        return not self.text[:start].rpartition("\n")[2].strip()
