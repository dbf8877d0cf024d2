"""What the reading says beside each way to read, in the words of the page."""

from functools import cache

from edge_agent.contract.sentences import Language
from hub.language import catalogue

_SOUND = (
    "note.spelled",
    "note.as_word",
    "note.as_written",
    "note.mixed",
    "note.digits",
    "note.strange_sign",
    "note.strange_script",
    "note.left_out",
    "note.spelled_part",
    "note.number_only",
)
"""Notes that tell how something sounds. All others name a meaning, which the next text may not share."""


def note_in(language: Language, note: str) -> str:
    """A note of a candidate in this language; one that is not known here stays as it is."""
    key = _keys().get(note)
    return catalogue(language)[key] if key else note


def sounds_only(note: str) -> bool:
    """Whether a note tells how something sounds, whatever it means."""
    return _keys().get(note) in _SOUND


@cache
def _keys() -> dict[str, str]:
    return {text: key for key, text in catalogue("vi").items() if key.startswith("note.")}
