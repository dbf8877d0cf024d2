"""Faults and refusals: a stable code, and its sentence in Vietnamese and in English."""

from typing import Self

from pydantic import Field

from edge_agent.contract.base import JsonObject, Report
from edge_agent.contract.sentences import Language, sentence


def _clean(value: str | int | float) -> str | int | float:
    """Names of files and words of libraries may hold bytes that are no text, which JSON could not carry."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


class Said(Report):
    """A sentence: a stable code, what fills it, and the words in both languages."""

    code: str = Field(description="Stable code, see the reference page", examples=["command.expired"])
    params: dict[str, str | int | float] = Field(default_factory=dict, description="What fills the sentence")
    vi: str = Field(description="The sentence in Vietnamese")
    en: str = Field(description="The sentence in English")

    @classmethod
    def of(cls, code: str, **params: str | int | float) -> Self:
        """The sentence of a code, filled in."""
        params = {name: _clean(value) for name, value in params.items()}
        filled: dict[str, object] = dict(params)
        return cls(code=code, params=params, vi=sentence(code, "vi", filled), en=sentence(code, "en", filled))

    def text(self, language: Language) -> str:
        """The sentence in one language."""
        return self.vi if language == "vi" else self.en


class Fault(Said):
    """Why something is not as it should be."""


def caused_by(fault: Fault) -> dict[str, str | int | float]:
    """What fills the detail of a fault that another fault brought about."""
    return {"why": fault.code, "detail": fault.en.rstrip("."), "detail_vi": fault.vi.rstrip(".")}


class Refusal(Exception):
    """Something cannot be done as asked. Carries the fault that the asker gets to read.

    `result` may be set where a part was done all the same: a group of which one light did not follow.
    """

    result: JsonObject | None = None

    def __init__(self, code: str, **params: str | int | float) -> None:
        self.fault = Fault.of(code, **params)
        super().__init__(self.fault.en)
