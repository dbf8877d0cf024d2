"""Goes through a text once, from left to right, and finds what is not spoken as it is written."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tts.reading.dictionary import NOTHING, Dictionary, gaps_of
from tts.reading.entry import Entry
from tts.reading.library import Library
from tts.reading.model import Candidate
from tts.reading.numbers import Numbers
from tts.reading.rules import (
    amounts,
    codes,
    dashes,
    dates,
    documents,
    glued,
    labels,
    marks,
    ratios,
    signs,
    times,
    units,
    web,
    words,
)
from tts.reading.scene import LATIN, WORD, Asked, Found, Rule, Scene
from tts.reading.syllables import is_latin, is_syllable, spell

# Words, numbers, signs, and punctuation that is doubled (perhaps with quotes and brackets in between).
_TOKEN = re.compile(
    rf"{LATIN}|{WORD}|[0-9]+"
    r"|[.,;:!?…](?:[ \"'”’»)\]}*_]*[.,;:!?…])+"
    r"|[^\s.,;:!?…]"
)
_CODE_FOLLOWS = re.compile(r"[.\-]{0,2}\s?[0-9]")
_ROMAN = frozenset("IVXLCDM")
_DIGITS = frozenset("0123456789")
_LATIN_LETTER = re.compile(LATIN)
_MOST_PLAIN = 20_000
_WITH_FIGURE = {"KP", "LH", "NĐ", "NQ", "CV", "TP", "QH"}

_NUMBER_RULES = (
    *ratios.FIRST_RULES[:1],
    *documents.RULES,
    *glued.RULES,
    *signs.NUMBER_RULES,
    *codes.NUMBER_RULES,
    *times.RULES,
    *ratios.FIRST_RULES[1:],
    *dates.RULES,
    *dashes.RULES,
    *glued.LATE_RULES,
    *ratios.LAST_RULES,
    *amounts.RULES,
    *codes.LAST_NUMBER_RULES,
)

# What the place decides before a dictionary may.
_EARLY = dict.fromkeys(codes.ROADS, codes.ROAD_RULES) | dict.fromkeys(words.TITLES, words.TITLE_RULES)
for _label in ("ĐT", "Đt", "đt", "DĐ", "dđ"):
    _EARLY[_label] = (*codes.PHONE_LABEL_RULES, *_EARLY.get(_label, ()))
_EARLY["CN"] = words.SUNDAY_RULES
for _label, _rules in labels.RULES.items():
    _EARLY[_label] = (*_rules, *_EARLY.get(_label, ()))


class Scanner:
    """Finds readings with the given dictionary; keeps what it learnt about plain words from text to text."""

    def __init__(self, numbers: Numbers, dictionary: Dictionary, library: Library) -> None:
        self._numbers = numbers
        self._dictionary = dictionary
        self._library = library
        self._plain: set[str] = set()
        self._places: Mapping[str, set[int]] = {}

    def scan(self, text: str, choices: Dictionary) -> list[Found]:
        """Return what is found in `text`, in order and without overlaps; `choices` are what a person chose.

        A choice for something that is asked somewhere in the text counts only where it is asked ("ngày 5/6, tỷ lệ
        5/6"); for something that is asked nowhere it is a correction and counts everywhere.
        """
        if not len(choices):
            return self._pass(text, choices, {})
        places: dict[str, set[int]] = {}
        for one in self._pass(text, NOTHING, {}):
            if isinstance(one.answer, Asked) and (entry := choices.lookup(text[one.start : one.end])):
                places.setdefault(entry.written, set()).add(one.start)
        return self._pass(text, choices, places)

    def _pass(self, text: str, choices: Dictionary, places: Mapping[str, set[int]]) -> list[Found]:
        """Go through `text` once; `places` are where the choices for what is asked count."""
        scene = Scene(text, self._numbers, self._acronym)
        self._places = places
        reserved = self._reserved(scene)
        plain = self._plain if not len(choices) else set()
        tokens = _TOKEN.finditer(text)
        while match := next(tokens, None):
            word = match[0]
            found = reserved.get(match.start()) if reserved else None
            if found is None and word in plain:
                continue
            found = found or self._at(scene, match.start(), word, choices)
            if found is None:
                if word.isalpha():
                    self._note_plain(plain, word)
                continue
            if word[0] in _DIGITS and (gap := _run_together(scene, found)):
                scene.found.append(gap)
            scene.found.append(found)
            if found.end != match.end():
                tokens = _TOKEN.finditer(text, found.end)
        return scene.found

    def _note_plain(self, plain: set[str], word: str) -> None:
        # A word in capitals, a single letter or the begin of an entry can be something else at another place.
        if self._dictionary.begins(word.lower()) or word.lower() == "ha" or len(word) == 1:
            return
        if not (word.isupper() and word.isascii()):
            if len(plain) >= _MOST_PLAIN:
                plain.clear()
            plain.add(word)

    def _at(self, scene: Scene, start: int, word: str, choices: Dictionary) -> Found | None:
        listed = self._listed(scene, start, word, choices)
        short = listed is None or (listed.rule == "dictionary" and listed.end - start <= len(word) + 1)
        if short and (rules := _EARLY.get(word)) and (found := _first(scene, start, rules)):
            return self._chosen(scene, found, choices)
        found = listed or self._by_rule(scene, start, word)
        return found and self._chosen(scene, found, choices)

    def _listed(self, scene: Scene, start: int, word: str, choices: Dictionary) -> Found | None:
        lower = word.lower()
        for dictionary, rule in ((choices, "choice"), (self._dictionary, "dictionary")):
            if not dictionary.begins(lower) or not (entry := dictionary.match(scene.text, start, lower)):
                continue
            if rule == "dictionary" or start in self._places.get(entry.written, {start}):
                return self._entry(scene, start, entry, rule)
        return None

    def _by_rule(self, scene: Scene, start: int, word: str) -> Found | None:
        if word[0] in _DIGITS:
            return _first(scene, start, _NUMBER_RULES)
        if word.isalpha():
            return self._word(scene, start, word)
        if found := _first(scene, start, signs.MARK_RULES):
            return found
        if word[0] in "(+" and (found := _first(scene, start, codes.SIGN_RULES)):
            return found
        return _first(scene, start, marks.RULES) or self._unknown(scene, start)

    def _word(self, scene: Scene, start: int, word: str) -> Found | None:
        if not is_latin(word):
            return _first(scene, start, words.SCRIPT_RULES) or self._unknown(scene, start)
        return _first(scene, start, _word_rules(scene, start, word))

    def _unknown(self, scene: Scene, start: int) -> Found:
        char = scene.text[start]
        foreign = not char.isspace() and ord(char) > 0x7F and not _LATIN_LETTER.match(char)
        known = self._library.read(char) if foreign else None
        if known is not None:
            return Found(start, start + 1, "library", known)
        ways = (Candidate("ký hiệu", "báo rằng có ký hiệu lạ"), Candidate("", "bỏ qua"))
        return Found(start, start + 1, "symbol", Asked("symbol", ways))

    def _entry(self, scene: Scene, start: int, entry: Entry, rule: str) -> Found | None:
        end = start + len(entry.written)
        written = scene.text[start:end]
        doubtful = rule == "dictionary" and len(written) > 1 and written.isupper() and is_syllable(written)
        if doubtful and words.in_headline(scene, start, end, strict=True):
            return None
        spoken = entry.spoken[0]
        if written.endswith(".") and scene.text[end : end + 1] in {"", "\n"}:
            end -= 1
        digit = scene.text[end : end + 1].isdecimal()
        if len(entry.spoken) == 1:
            # VN123 is a flight, MN5 a code: two letters with a figure are seldom the short form, but KP3, NĐ100 are.
            code = digit and rule == "dictionary" and len(written) == 2 and written.isupper()
            return None if code and written not in _WITH_FIGURE else Found(start, end, rule, spoken)
        if digit:
            return None  # BC15 is a variety of rice, no report
        ways = tuple(Candidate(way, entry.note) for way in entry.spoken)
        return Found(start, end, rule, Asked("acronym" if written.isupper() else "word", ways))

    def _chosen(self, scene: Scene, found: Found, choices: Dictionary) -> Found:
        if isinstance(found.answer, str):
            return found
        written = scene.text[found.start : found.end]
        for dictionary, rule in ((choices, "choice"), (self._dictionary, "dictionary")):
            entry = dictionary.lookup(written)
            if entry is not None and len(entry.spoken) == 1:
                return Found(found.start, found.end, rule, entry.spoken[0])
        return found

    def _acronym(self, written: str) -> str | None:
        entry = self._dictionary.lookup(written)
        return entry.spoken[0] if entry is not None and len(entry.spoken) == 1 else None

    def _reserved(self, scene: Scene) -> dict[int, Found]:
        """Find what is recognised as a whole before words and numbers are looked at: addresses, entries with gaps."""
        reserved: dict[int, Found] = {}
        for match, entry in self._dictionary.find_patterns(scene.text):
            reserved[match.start()] = Found(match.start(), match.end(), "dictionary", self._filled(match[0], entry))
        if web.MAY_HOLD.search(scene.text):
            for match in web.WEB.pattern.finditer(scene.text):
                answer = web.WEB.read(scene, match)
                if answer:
                    reserved[match.start()] = Found(match.start(), match.start() + web.length(match), "web", answer)
        return reserved

    def _filled(self, written: str, entry: Entry) -> str:
        spoken = entry.spoken[0]
        for gap, content in gaps_of(entry, written):
            spoken = spoken.replace(gap, self._gap(gap, content), 1)
        return spoken

    def _gap(self, gap: str, content: str) -> str:
        if gap == "{từng số}":
            return self._numbers.digits(content)
        if gap == "{chữ}":
            return content.lower() if is_syllable(content) and not content.isupper() else spell(content)
        whole, _, fraction = content.replace(".", "").partition(",")
        return self._numbers.decimal(whole, fraction) if fraction.isdigit() else self._numbers.whole(whole)


def _run_together(scene: Scene, found: Found) -> Found | None:
    """A pause between two numbers that only a space parts: BĐ2 0,35m, ST25 9.200đ, NPK 16-16-8 820.000đ."""
    last = scene.found[-1] if scene.found else None
    if last is None or scene.text[last.end : found.start] != " " or not scene.text[last.end - 1].isdigit():
        return None
    return Found(last.end, found.start, "pause", ",") if last.spoken and last.spoken[-1].isalpha() else None


def _word_rules(scene: Scene, start: int, word: str) -> Iterator[Rule]:
    """Yield the rules that a Latin word may need; none for a plain Vietnamese word."""
    syllable, capitals = is_syllable(word), word.isupper()
    yield from units.RULES
    if (not syllable or capitals) and _CODE_FOLLOWS.match(scene.text, start + len(word)):
        yield from words.NUMBERED_RULES
        yield from codes.WORD_RULES
    if word[0] in _ROMAN and _ROMAN.issuperset(word):
        yield from words.ROMAN_RULES
    if len(word) == 1:
        yield from words.LETTER_RULES
        return
    if capitals:
        yield from words.CAPITAL_RULES
    if not syllable:
        yield from words.FOREIGN_RULES


def _first(scene: Scene, start: int, rules: Iterable[Rule]) -> Found | None:
    """Return what the first rule says that has an answer at `start`."""
    for rule in rules:
        match = rule.pattern.match(scene.text, start)
        if match is not None and match.end() > start:
            answer = rule.read(scene, match)
            if answer is not None:
                return Found(start, match.end(), rule.name, answer)
    return None
