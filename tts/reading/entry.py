"""One entry of a dictionary of readings."""

import re
from dataclasses import dataclass

GAPS = {"{số}": r"\d[\d.,]*\d|\d", "{từng số}": r"\d+", "{chữ}": r"[^\W\d_]+"}
"""What may be left open in a pattern: a number, single digits, a word or letters."""

GAP = re.compile(r"\{[^{}]*\}")

_SPEAKABLE = re.compile(r"[^\W\d_]+(?:[ ,.]+[^\W\d_]+)*[.,]?")

# The two places of the tone mark in oa, oe, uy: hoà and hòa are one word.
_STYLES = (
    ("òa", "oà"), ("óa", "oá"), ("ỏa", "oả"), ("õa", "oã"), ("ọa", "oạ"), ("òe", "oè"), ("óe", "oé"), ("ỏe", "oẻ"),
    ("õe", "oẽ"), ("ọe", "oẹ"), ("ùy", "uỳ"), ("úy", "uý"), ("ủy", "uỷ"), ("ũy", "uỹ"), ("ụy", "uỵ"),
)  # fmt: skip
_OTHER_STYLE = {**dict(_STYLES), **{new: old for old, new in _STYLES}}
_STYLED = re.compile(rf"(?<![qQ])(?:{'|'.join(_OTHER_STYLE)})(?!\w)")


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


def is_speakable(words: str) -> bool:
    """Say whether `words` are words, with commas at most: what an engine can say without reading rules."""
    return _SPEAKABLE.fullmatch(words) is not None


def both_styles(written: str) -> set[str]:
    """Return `written` with the tone marks of oa, oe, uy in either place."""
    return {written, _STYLED.sub(lambda match: _OTHER_STYLE[match[0]], written)}
