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
    if not before or not after or before == "\n" or after in _PAUSES + "\n":
        return False
    # A keycap (1 and two marks) leaves its digit where it stands.
    return " " in text[start:end] or not (before.isdigit() and not after.isalnum())


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


def settle_pauses(text: str, found: Sequence[Found]) -> list[str]:
    """Return the spoken words of each find, without a comma beside another pause or at the start of a line."""
    spoken = [one.spoken for one in found]
    for place, words in enumerate(spoken):
        if words == "," and _ends_in_pause(text, found, spoken, place):
            spoken[place] = ""
        elif words.endswith(",") and _pause_follows(text, found, spoken, place):
            spoken[place] = words[:-1]
    return spoken


def _ends_in_pause(text: str, found: Sequence[Found], spoken: list[str], place: int) -> bool:
    end = found[place].start
    while True:
        begin = found[place - 1].end if place else 0
        between = text[begin:end].rstrip(" ")
        if between:
            return between[-1] in _PAUSES + "\n"
        if not place:
            return True
        place -= 1
        if spoken[place]:
            return spoken[place][-1] in _PAUSES
        end = found[place].start


def _pause_follows(text: str, found: Sequence[Found], spoken: list[str], place: int) -> bool:
    begin = found[place].end
    while True:
        last = place + 1 == len(found)
        between = text[begin : len(text) if last else found[place + 1].start].lstrip(" ")
        if between:
            return between[0] in _PAUSES + "\n"
        if last:
            return True
        place += 1
        if spoken[place]:
            return spoken[place][0] in _PAUSES
        begin = found[place].end


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
