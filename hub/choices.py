"""What a person chose in the questions under a form: fields `q0`, `q0.way`, `q0.own`, `q0.keep`, `q1` and so on.

The form carries everything; the hub remembers nothing of an announcement that was not sent.
"""

from dataclasses import dataclass

from hub.voice import LONGEST_SPOKEN, LONGEST_WRITTEN
from tts.reading.entry import is_speakable

MOST_ASKED = 30
"""Questions at once; the others come when these are answered."""
OWN = "own"
SAY = "say:"


@dataclass(frozen=True, slots=True)
class Choices:
    """`spoken`: written form -> words. `keep`: forms to remember. `own`: what was typed. `wrong`: not words."""

    spoken: dict[str, str]
    keep: frozenset[str]
    own: dict[str, str]
    wrong: frozenset[str]


def choices(fields: dict[str, str]) -> Choices:
    """Read the answers; what is no answer leaves its question open."""
    spoken: dict[str, str] = {}
    keep: set[str] = set()
    own: dict[str, str] = {}
    wrong: set[str] = set()
    for number in range(MOST_ASKED):
        written = fields.get(f"q{number}", "")
        if not 0 < len(written) <= LONGEST_WRITTEN:
            continue
        way, typed = fields.get(f"q{number}.way", ""), _words(fields.get(f"q{number}.own", ""))
        own[written] = typed
        if way.startswith(SAY):
            words = _words(way.removeprefix(SAY))
        elif typed:
            words = typed
        else:
            continue
        if len(words) > LONGEST_SPOKEN or (words and not is_speakable(words)):
            wrong.add(written)
            continue
        spoken[written] = words
        if words and fields.get(f"q{number}.keep"):
            keep.add(written)
    return Choices(spoken, frozenset(keep), own, frozenset(wrong))


def _words(text: str) -> str:
    return " ".join(text.lower().split())
