"""Cutting spoken text into the pieces that an engine speaks at once."""

import re
from dataclasses import dataclass

from tts.reading import passages

# One failure costs one sentence, and no engine works on more than this at a time.
SENTENCE_CHARS = 240

# Seconds of silence after a piece. Engines leave some of their own at both ends.
_LINE_PAUSE, _SENTENCE_PAUSE, _CUT_PAUSE = 0.5, 0.3, 0.1

_END = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of an announcement and the silence after it, in seconds."""

    text: str
    pause_s: float


def split(spoken: str) -> list[Sentence]:
    """Return the sentences of `spoken`, each at most `SENTENCE_CHARS` long and with something to say."""
    found: list[Sentence] = []
    for line in spoken.split("\n"):
        pieces = [piece for sentence in _END.split(line) for piece in _pieces(sentence)]
        if pieces:
            pieces[-1] = Sentence(pieces[-1].text, _LINE_PAUSE)
        found += pieces
    return found


def _pieces(sentence: str) -> list[Sentence]:
    parts = [part for part in passages(sentence, SENTENCE_CHARS) if any(char.isalnum() for char in part)]
    return [Sentence(part, _CUT_PAUSE) for part in parts[:-1]] + [
        Sentence(part, _SENTENCE_PAUSE) for part in parts[-1:]
    ]
