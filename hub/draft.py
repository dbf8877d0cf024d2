"""A text with what was chosen, and how it will be read; and why a text cannot be read at all."""

import unicodedata
from dataclasses import dataclass

from hub import forms
from hub.choices import MOST_ASKED, Choices
from hub.voice import Checked


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with what was chosen, and how it will be read; or why nobody knows."""

    text: str
    choices: Choices
    checked: Checked | None
    why: str

    @property
    def open(self) -> int:
        """Places that a person must decide yet."""
        return len(self.guessed)

    @property
    def guessed(self) -> tuple[str, ...]:
        """What is written there, each once: it would be spoken in the first way."""
        return tuple(dict.fromkeys(q.written for q in self.checked.reading.questions)) if self.checked else ()

    @property
    def unseen(self) -> bool:
        """Whether something is open that was not asked in the form: the text was changed since."""
        if self.checked is None or len(self.checked.asked) > MOST_ASKED:
            return False
        return not {q.written for q in self.checked.reading.questions} <= self.choices.own.keys()

    @property
    def readings(self) -> dict[str, str]:
        """What goes along with the text."""
        return self.checked.readings if self.checked else self.choices.spoken


def unreadable(text: str) -> forms.FormError:
    """Why nothing of a text can be spoken, in terms of what was written."""
    if not any(char.isalnum() for char in text):
        return forms.FormError("reading.only_signs", written=_short(text))
    foreign = [word for word in text.split() if any(char.isalpha() and not _is_latin(char) for char in word)]
    if foreign:
        return forms.FormError("reading.only_foreign", written=_short(" ".join(foreign)))
    return forms.FormError("reading.all_skipped")


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
