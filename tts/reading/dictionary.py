"""Dictionaries of readings: the shipped ones, and those that a commune writes itself.

A dictionary is a YAML list. Each entry has `written` (or `pattern`), `spoken` and, if one likes, `note`:

    - {written: NVH, spoken: nhà văn hóa}
    - {written: CT, spoken: [chỉ thị, công ty], note: which one is asked}
    - {pattern: "BG {số}", spoken: "bê giê {số}"}
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tts.reading.dictionary_file import read_entries, remember
from tts.reading.entry import GAP, GAPS, Entry, both_styles
from tts.reading.scene import LATIN

__all__ = ["NOTHING", "Dictionary", "gaps_of", "remember"]

_TOKEN = re.compile(rf"{LATIN}|[0-9]+|\S")
_LATIN_OR_DIGIT = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ0-9]")


class Dictionary:
    """Readings by what is written; entries added later win."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._by_first: dict[str, list[Entry]] = {}
        self._patterns: tuple[re.Pattern[str], list[Entry]] | None = None
        self.add(entries)

    @classmethod
    def load(cls, path: Path) -> "Dictionary":
        """Read a dictionary file.

        Raises:
            SpeechError: `speech.dictionary`, with file, line and how to mend it.
        """
        return cls(read_entries(path))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries; one that is written like an earlier one replaces it."""
        for entry in entries:
            for written in both_styles(entry.written):
                self._entries[written] = Entry(written, entry.spoken, entry.note, entry.pattern)
        self._by_first = {}
        for entry in self._entries.values():
            if not entry.pattern:
                first = _TOKEN.match(entry.written)
                self._by_first.setdefault(first[0].lower() if first else "", []).append(entry)
        for listed in self._by_first.values():
            listed.sort(key=lambda entry: (len(entry.written), entry.exact), reverse=True)
        patterns = [entry for entry in self._entries.values() if entry.pattern][::-1]
        self._patterns = _compiled(patterns) if patterns else None

    def begins(self, token: str) -> bool:
        """Say whether some entry begins with this word, number or sign (lower-case)."""
        return token in self._by_first

    def match(self, text: str, start: int, token: str) -> Entry | None:
        """Return the longest entry written at `start` of `text`, whose first token there (lower-case) is `token`."""
        for entry in self._by_first.get(token, ()):
            length = len(entry.written)
            there = text[start : start + length]
            if length == 1:
                continue  # a lone sign or letter has its reading only where the rules would have to ask
            same = there == entry.written or (not entry.exact and there.lower() == entry.written)
            if same and _stands_alone(text, start, start + length):
                return entry
        return None

    def lookup(self, written: str) -> Entry | None:
        """Return the entry for exactly this writing, or the one that matches in any case."""
        entry = self._entries.get(written) or self._entries.get(written.lower())
        return None if entry is None or entry.pattern else entry

    def find_patterns(self, text: str) -> Iterator[tuple[re.Match[str], Entry]]:
        """Yield the places that entries with gaps match, from left to right; `lastgroup` is of no use to the caller."""
        if self._patterns is not None:
            whole, entries = self._patterns
            for match in whole.finditer(text):
                yield match, entries[int((match.lastgroup or "e0")[1:])]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether no letter or digit of the same word or number goes on at either end."""
    first, last = text[start], text[end - 1]
    before, after = text[start - 1 : start], text[end : end + 1]
    if _LATIN_OR_DIGIT.match(first) and _LATIN_OR_DIGIT.match(before):
        return False
    if _LATIN_OR_DIGIT.match(last) and _LATIN_OR_DIGIT.match(after) and not (last.isalpha() and after.isdigit()):
        return False
    if first.isdigit() and re.search(r"\d[.,:/\-]$", text[max(0, start - 2) : start]):
        return False
    follows = r"[.,:/\-]\d" if last.isdigit() else r"-\d"
    return re.match(follows, text[end : end + 2]) is None


def _compiled(entries: list[Entry]) -> tuple[re.Pattern[str], list[Entry]]:
    parts = []
    for number, entry in enumerate(entries):
        literal = [re.escape(part) for part in GAP.split(entry.written)]
        gaps = [f"(?:{GAPS[gap]})" for gap in GAP.findall(entry.written)]
        body = "".join(part + gap for part, gap in zip(literal, [*gaps, ""], strict=True)).replace(r"\ ", " ?")
        parts.append(f"(?P<e{number}>{body if entry.exact else f'(?i:{body})'})")
    return re.compile(rf"(?<![\w])(?:{'|'.join(parts)})(?![\w]|[.,]\d)"), entries


def gaps_of(entry: Entry, written: str) -> list[tuple[str, str]]:
    """Return the gaps of a pattern with what stands in them, in the order of the pattern."""
    names = GAP.findall(entry.written)
    literal = [re.escape(part).replace(r"\ ", " ?") for part in GAP.split(entry.written)]
    body = "".join(part + gap for part, gap in zip(literal, [*(f"({GAPS[name]})" for name in names), ""], strict=True))
    match = re.fullmatch(body, written, 0 if entry.exact else re.IGNORECASE)
    return list(zip(names, match.groups(), strict=True)) if match else []


NOTHING = Dictionary()
