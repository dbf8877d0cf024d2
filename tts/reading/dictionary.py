"""Dictionaries of readings: the shipped ones, and those that a commune writes itself.

A dictionary is a YAML list. Each entry has `written` (or `pattern`), `spoken` and, if one likes, `note`:

    - {written: NVH, spoken: nhà văn hóa}
    - {written: CT, spoken: [chỉ thị, công ty], note: which one is asked}
    - {pattern: "BG {số}", spoken: "bê giê {số}"}
"""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from tts import errors
from tts.errors import SpeechError
from tts.files import durable_replace

_KEYS = {"written", "pattern", "spoken", "note"}
_SPEAKABLE = re.compile(r"[^\W\d_]+(?:[ ,.]+[^\W\d_]+)*[.,]?")
_LARGEST = 2_000_000
_GAPS = {"{số}": r"\d[\d.,]*\d|\d", "{từng số}": r"\d+", "{chữ}": r"[^\W\d_]+"}
_GAP = re.compile(r"\{[^{}]*\}")
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")

# The two places of the tone mark in oa, oe, uy: hoà and hòa are one word.
_STYLES = (
    ("òa", "oà"), ("óa", "oá"), ("ỏa", "oả"), ("õa", "oã"), ("ọa", "oạ"), ("òe", "oè"), ("óe", "oé"), ("ỏe", "oẻ"),
    ("õe", "oẽ"), ("ọe", "oẹ"), ("ùy", "uỳ"), ("úy", "uý"), ("ủy", "uỷ"), ("ũy", "uỹ"), ("ụy", "uỵ"),
)  # fmt: skip
_OTHER_STYLE = {**dict(_STYLES), **{new: old for old, new in _STYLES}}
_STYLED = re.compile(rf"(?<![qQ])(?:{'|'.join(_OTHER_STYLE)})(?!\w)")

SHIPPED = ("administration", "agriculture", "weather", "health", "foreign")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written and how it is spoken; several ways in `spoken` are a question.

    A `written` with capitals matches only so; one without matches in any case. `pattern` says that it has gaps.
    """

    written: str
    spoken: tuple[str, ...]
    note: str = ""
    pattern: bool = False

    @property
    def exact(self) -> bool:
        """Whether capitals matter."""
        return self.written != self.written.lower()


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


NOTHING = Dictionary()


def remember(path: Path, written: str, spoken: str, note: str = "") -> None:
    """Append a reading to a commune's dictionary, in one step that a power cut cannot spoil; comments stay.

    Raises:
        SpeechError: `speech.dictionary`: the file or the reading is not as it should be; nothing was changed.
        OSError: the disk refused.
    """
    before = path.read_bytes().decode("utf-8") if path.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    spoken = " ".join(unicodedata.normalize("NFC", spoken).split())
    line = f"- {{written: {_quoted(written)}, spoken: {_quoted(spoken)}"
    after = before + line + (f", note: {_quoted(note)}}}\n" if note else "}\n")
    if before:
        parse(before, str(path))
    parse(after, str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tts-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(after)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        durable_replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_entries(path: Path) -> list[Entry]:
    """Read the entries of a file. Errors as in `Dictionary.load`."""
    try:
        if path.stat().st_size > _LARGEST:
            raise SpeechError(errors.DICTIONARY, f"{path}: more than {_LARGEST} bytes; cut it into several files")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpeechError(errors.DICTIONARY, f"{path}: cannot be read: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise SpeechError(errors.DICTIONARY, f"{path}: is no UTF-8 text; save it as UTF-8") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> list[Entry]:
    """Read the entries of a YAML text; `name` stands in errors. Errors as in `Dictionary.load`."""
    import yaml

    # The base loader keeps every scalar as text: NO, 115 and 7:30 are no booleans and numbers here.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        mend = "put texts with : # { } [ ] & * into double quotes, indent with spaces"
        raise SpeechError(errors.DICTIONARY, f"{name}, line {line}: is no YAML ({error.problem}); {mend}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SpeechError(errors.DICTIONARY, f"{name}: is no YAML; remove control characters") from error
    finally:
        loader.dispose()
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise _fault(name, root, "must be a list: begin each entry with '- written: ...'")
    return [_entry(node, name) for node in root.value]


def _entry(node: Any, name: str) -> Entry:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise _fault(name, node, "an entry looks like '- {written: NVH, spoken: nhà văn hóa}'")
    fields: dict[str, Any] = {}
    for key, value in node.value:
        if key.value not in _KEYS or key.value in fields:
            why = "stands twice" if key.value in fields else "is no key; use written, pattern, spoken, note"
            raise _fault(name, key, f"{key.value!r} {why}")
        fields[key.value] = value
    if ("written" in fields) == ("pattern" in fields) or "spoken" not in fields:
        raise _fault(name, node, "an entry has 'written' or 'pattern', and 'spoken'")
    is_pattern = "pattern" in fields
    key = fields["pattern" if is_pattern else "written"]
    written = _text(key, name)
    ways = tuple(_way(value, name, written if is_pattern else "") for value in _listed(fields["spoken"]))
    if not ways:
        raise _fault(name, fields["spoken"], f"{written!r} has no spoken words")
    if is_pattern and not _GAP.search(written):
        raise _fault(name, key, f"{written!r} has no gap; use 'written', or one of {', '.join(_GAPS)}")
    if is_pattern and (unknown := [gap for gap in _GAP.findall(written) if gap not in _GAPS]):
        raise _fault(name, key, f"{unknown[0]} is no gap; use one of {', '.join(_GAPS)}")
    note = _text(fields["note"], name, may_be_empty=True) if "note" in fields else ""
    return Entry(written, ways, note, is_pattern)


def _listed(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node.value, list) else [node]


def _text(node: Any, name: str, may_be_empty: bool = False) -> str:
    if not isinstance(node.value, str):
        raise _fault(name, node, "a text is needed here; put it into double quotes")
    text = " ".join(unicodedata.normalize("NFC", node.value).split())
    if not text and not may_be_empty:
        raise _fault(name, node, "is empty; write something or remove the entry")
    return text


def _way(node: Any, name: str, pattern: str) -> str:
    words = _text(node, name).lower()
    if pattern and sorted(_GAP.findall(words)) != sorted(_GAP.findall(pattern.lower())):
        raise _fault(name, node, f"{pattern!r} and its spoken words must have the same gaps")
    if not is_speakable(_GAP.sub("x", words) if pattern else words):
        raise _fault(name, node, f"{words!r} must be words only: write numbers and signs as words")
    return words


def is_speakable(words: str) -> bool:
    """Say whether `words` are words, with commas at most: what an engine can say without reading rules."""
    return _SPEAKABLE.fullmatch(words) is not None


def _fault(name: str, node: Any, mend: str) -> SpeechError:
    return SpeechError(errors.DICTIONARY, f"{name}, line {node.start_mark.line + 1}: {mend}")


def _quoted(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether no letter or digit of the same word or number goes on at either end."""
    first, last = text[start], text[end - 1]
    before, after = text[start - 1 : start], text[end : end + 1]
    if first.isalnum() and before.isalnum():
        return False
    if last.isalnum() and after.isalnum() and not (last.isalpha() and after.isdigit()):
        return False
    if first.isdigit() and re.search(r"\d[.,:/\-]$", text[max(0, start - 2) : start]):
        return False
    return not (last.isdigit() and re.match(r"[.,:/\-]\d", text[end : end + 2]))


def both_styles(written: str) -> set[str]:
    """Return `written` with the tone marks of oa, oe, uy in either place."""
    return {written, _STYLED.sub(lambda match: _OTHER_STYLE[match[0]], written)}


def _compiled(entries: list[Entry]) -> tuple[re.Pattern[str], list[Entry]]:
    parts = []
    for number, entry in enumerate(entries):
        literal = [re.escape(part) for part in _GAP.split(entry.written)]
        gaps = [f"(?:{_GAPS[gap]})" for gap in _GAP.findall(entry.written)]
        body = "".join(part + gap for part, gap in zip(literal, [*gaps, ""], strict=True)).replace(r"\ ", " ?")
        parts.append(f"(?P<e{number}>{body if entry.exact else f'(?i:{body})'})")
    return re.compile(rf"(?<![\w])(?:{'|'.join(parts)})(?![\w]|[.,]\d)"), entries


def gaps_of(entry: Entry, written: str) -> list[tuple[str, str]]:
    """Return the gaps of a pattern with what stands in them, in the order of the pattern."""
    names = _GAP.findall(entry.written)
    literal = [re.escape(part).replace(r"\ ", " ?") for part in _GAP.split(entry.written)]
    body = "".join(part + gap for part, gap in zip(literal, [*(f"({_GAPS[name]})" for name in names), ""], strict=True))
    match = re.fullmatch(body, written, 0 if entry.exact else re.IGNORECASE)
    return list(zip(names, match.groups(), strict=True)) if match else []


@lru_cache(1)
def shipped() -> tuple[Entry, ...]:
    """Return the entries of the dictionaries that come with this package."""
    folder = resources.files("tts.reading") / "data"
    return tuple(
        entry for name in SHIPPED for entry in parse((folder / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")
    )
