"""What the agent says on a terminal: Vietnamese by default, English by EDGE_LANG=en or `--lang en`."""

import json
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Protocol

from edge_agent.contract.sentences import Language, sentences, spelled


class Told(Protocol):
    """A fault: it has a sentence in each language."""

    def text(self, language: Language) -> str:
        """The sentence."""


_language: Language = "en" if os.environ.get("EDGE_LANG", "vi").lower().startswith("en") else "vi"


_for_now: ContextVar[Language | None] = ContextVar("language", default=None)
LANGUAGES: tuple[Language, Language] = ("vi", "en")


def speak(language: Language) -> None:
    """Choose the language of everything said from now on."""
    global _language  # noqa: PLW0603 - one terminal, one language
    _language = language


def language() -> Language:
    """The language spoken now."""
    return _for_now.get() or _language


@dataclass(frozen=True, slots=True)
class Both:
    """A sentence in both languages."""

    vi: str
    en: str

    def text(self, language: Language) -> str:
        """The sentence in one language."""
        return self.vi if language == "vi" else self.en


def both(make: Callable[[], str]) -> Both:
    """What `make` says in each language, whatever the terminal's is."""
    said = []
    for each in LANGUAGES:
        token = _for_now.set(each)
        try:
            said.append(make())
        finally:
            _for_now.reset(token)
    return Both(*said)


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Key -> sentence of the agent's own terminal words."""
    text = resources.files("edge_agent").joinpath(f"text/{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


def explain(fault: Told) -> str:
    """The sentence of a fault, its instants in the local time of this terminal."""
    return spelled(fault.text(language()), instant_words)


def instant_words(at: datetime) -> str:
    """An instant in the local time of this terminal."""
    return f"{at.astimezone():%H:%M:%S %d/%m/%Y}"


def figure(value: float) -> str:
    """A number as people write it here: 1, not 1.0; 0,5 in Vietnamese."""
    text = str(int(value)) if value == int(value) else str(value)
    return text.replace(".", ",") if language() == "vi" else text


class Known(Protocol):
    """An error that knows its cause: `why` and `params` fill a sentence `why.*`, `detail` is English."""

    why: str
    params: dict[str, str | int | float]
    detail: str


def cause(error: Known) -> dict[str, str | int | float]:
    """What fills the detail of a fault, in both languages where the cause has words; it travels with the fault."""
    template = catalogue("vi").get(f"why.{error.why}")
    if template is None:
        return {"detail": error.detail}
    try:
        return {"detail": error.detail, "detail_vi": template.format(**error.params)}
    except (KeyError, IndexError):
        return {"detail": error.detail}


def say(key: str, /, **params: object) -> str:
    """A sentence of the catalogue, or of the contract's codes, with its gaps filled; the key itself if unknown."""
    template = catalogue(language()).get(key) or sentences(language()).get(key)
    if template is None:
        return key
    try:
        return template.format(**params)
    except (KeyError, IndexError):
        return template
