"""Before and after the rules: what is set aside (emoji, odd digits), and how the spoken text is put together."""

import re
import unicodedata
from collections.abc import Sequence

from tts.reading.model import Question, Span
from tts.reading.scene import Asked, Found

_EMOJI = r"[\u2600-\u27bf\u2b00-\u2bff\u231a-\u231b\u23e9-\u23fa\u25fb-\u25fe\ufe00-\ufe0f\u20e3\U0001f000-\U0001fbef]"
_EMOJI_RUN = re.compile(rf"[ ]*{_EMOJI}+(?:[ ]*{_EMOJI}+)*[ ]*")
_ONE_EMOJI = re.compile(_EMOJI)
_ODD = re.compile(r"[\u0660-\u1dbf\uff01-\uff5e]")
_PAUSES = ",.;:!?…"
_STRENGTH = {",": 1, ";": 2, ":": 2}
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?…])")
_NO_SPACE_AFTER = re.compile(r"([,.;:!?…])(?=[^\s,.;:!?…])")
_SPACES = re.compile(r"[ \t]+")


class Draft:
    """A text as the rules see it: no emoji, odd digits as plain ones. Its offsets lead back to the written text."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.emoji: list[tuple[int, int]] = []
        text = _plain_digits(written) if _ODD.search(written) else written
        self._origin: list[int] | None = None
        self.text = self._without_emoji(text) if _ONE_EMOJI.search(text) else text

    def _without_emoji(self, text: str) -> str:
        kept: list[str] = []
        origin: list[int] = []
        position = 0
        for match in _EMOJI_RUN.finditer(text):
            kept.append(text[position : match.start()])
            origin += range(position, match.start())
            self.emoji += [(one.start(), one.end()) for one in _ONE_EMOJI.finditer(text, match.start(), match.end())]
            position = match.end()
            if _needs_space(text, match.start(), position):
                kept.append(" ")
                origin.append(match.start())
        kept.append(text[position:])
        self._origin = [*origin, *range(position, len(text) + 1)]
        return "".join(kept)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a place of `text` is in `written`."""
        if self._origin is None:
            return start, end
        return self._origin[start], self._origin[end - 1] + 1


def _needs_space(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if not before or not after or "\n" in (before, after):
        return False
    # A keycap (1 and two marks) leaves its digit where it stands.
    return " " in text[start:end] or ((after.isalnum() or before.isalpha()) and after not in _PAUSES)


def _plain_digits(text: str) -> str:
    """Digits of other scripts and full-width letters as the usual ones, one character for one."""
    return "".join(_usual(char) if ord(char) > 0x65F else char for char in text)


def _usual(char: str) -> str:
    if 0xFF01 <= ord(char) <= 0xFF5E:
        return chr(ord(char) - 0xFEE0)
    return str(unicodedata.decimal(char, char))


def spans_of(draft: Draft, found: Sequence[Found], spoken: Sequence[str]) -> tuple[Span, ...]:
    """Return the spans of what is found, and of the emoji that no span covers, in order."""
    spans: list[Span] = []
    for one, words in zip(found, spoken, strict=True):
        start, end = draft.place(one.start, one.end)
        written = draft.written[start:end]
        if written.lower() != words or not isinstance(one.answer, str):
            spans.append(Span(start, end, written, words, one.rule))
    if draft.emoji:
        covered = [False] * (len(draft.written) + 1)
        for span in spans:
            covered[span.start : span.end] = [True] * (span.end - span.start)
        loose = [(start, end) for start, end in draft.emoji if not covered[start]]
        spans += [Span(start, end, draft.written[start:end], "", "emoji") for start, end in loose]
        spans.sort(key=lambda span: span.start)
    return tuple(spans)


def questions_of(draft: Draft, found: Sequence[Found]) -> tuple[Question, ...]:
    """Return the open questions."""
    questions: list[Question] = []
    for one in found:
        if isinstance(one.answer, Asked):
            start, end = draft.place(one.start, one.end)
            questions.append(Question(start, end, draft.written[start:end], one.answer.kind, one.answer.candidates))
    return tuple(questions)


def settle_pauses(text: str, found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Return the finds and their words, so that no two pauses meet and no comma of ours begins or ends a line.

    Of two pauses the stronger stays; a written one that goes becomes a find of its own.
    """
    spoken = [one.spoken for one in found]
    if all(words and words[-1] not in _PAUSES for words in spoken):
        return list(found), spoken
    walk = _Pauses(found, spoken)
    end = 0
    for place, one in enumerate(found):
        walk.written(text, end, one.start)
        walk.said(place)
        end = one.end
    walk.written(text, end, len(text))
    walk.line_end()
    if not walk.dropped:
        return list(found), spoken
    gone = [(Found(at, at + 1, "punctuation", ""), "") for at in walk.dropped]
    pairs = sorted([*zip(found, spoken, strict=True), *gone], key=lambda pair: pair[0].start)
    return [one for one, _ in pairs], [words for _, words in pairs]


class _Pauses:
    """Walks over what will be spoken and drops pauses: the words in `spoken` change, `dropped` are written marks."""

    def __init__(self, found: Sequence[Found], spoken: list[str]) -> None:
        self._found = found
        self._spoken = spoken
        self.dropped: list[int] = []
        # The pause just before: its mark, and where it is: a place in the text, or a find (as -1 - its number).
        self._last: tuple[str, int] | None = None
        self._at_start = True

    def written(self, text: str, start: int, end: int) -> None:
        for at in range(start, end):
            char = text[at]
            if char in _PAUSES:
                self._pause(char, at)
            elif char == "\n":
                self.line_end()
                self._at_start = True
            elif char != " ":
                self._last, self._at_start = None, False

    def said(self, place: int) -> None:
        words = self._spoken[place]
        if not words:
            return
        if words.strip(_PAUSES):
            self._last, self._at_start = None, False
        if words[-1] in _PAUSES:
            self._pause(words[-1], -1 - place)

    def line_end(self) -> None:
        if self._last is not None and self._last[1] < 0 and self._last[0] == ",":
            self._drop(self._last[1])
        self._last = None

    def _pause(self, mark: str, where: int) -> None:
        if self._at_start and where < 0 and mark == ",":
            self._drop(where)
        elif self._last is None:
            self._last = mark, where
        elif _STRENGTH.get(mark, 3) > _STRENGTH.get(self._last[0], 3):
            self._drop(self._last[1])
            self._last = mark, where
        else:
            self._drop(where)

    def _drop(self, where: int) -> None:
        if where >= 0:
            self.dropped.append(where)
        else:
            self._spoken[-1 - where] = self._spoken[-1 - where][:-1]


def compose(text: str, found: Sequence[Found], spoken: Sequence[str]) -> str:
    """Return the whole spoken text: lower-case, one space between words, each pause mark at its word."""
    parts: list[str] = []
    end = 0
    for one, words in zip(found, spoken, strict=True):
        parts += (text[end : one.start], " ", words, " ")
        end = one.end
    parts.append(text[end:])
    joined = _NO_SPACE_AFTER.sub(r"\1 ", "".join(parts).lower())
    lines = (_SPACE_BEFORE.sub("", " ".join(line.split())) for line in joined.split("\n"))
    return "\n".join(line for line in lines if line)


def says_something(text: str, found: Sequence[Found]) -> bool:
    """Say whether anything is spoken but that there are signs or letters which cannot be read."""
    end = 0
    for one in found:
        known = one.spoken and one.rule not in {"script", "symbol"}
        if known or any(char.isalnum() for char in text[end : one.start]):
            return True
        end = one.end
    return any(char.isalnum() for char in text[end:])
