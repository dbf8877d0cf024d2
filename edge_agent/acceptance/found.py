"""What the box found when it did one thing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.contract.errors import Fault
from edge_agent.words import Both, both, figure, language, say

Progress = Callable[[float], None]
"""Told how far something is that takes long, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Found:
    """`good` None: it cannot tell. `bands`: Hz -> dB of what came back of the test sound, with `noise` beside it."""

    good: bool | None
    words: Both
    code: str | None = None
    figures: dict[str, float] = field(default_factory=dict)
    picture: bytes | None = None
    bands: dict[int, float] = field(default_factory=dict)
    noise: dict[int, float] = field(default_factory=dict)


def told(key: str, **params: object) -> Both:
    """A sentence in both languages; numbers as people write them there."""
    return both(lambda: say(key, **{name: _shown(value) for name, value in params.items()}))


def wrong(fault: Fault) -> Found:
    """It could not be done."""
    return Found(False, Both(fault.vi, fault.en), fault.code)


def joined(*sentences: Both) -> Both:
    """One after the other."""
    return Both(" ".join(each.vi for each in sentences), " ".join(each.en for each in sentences))


def _shown(value: object) -> object:
    if isinstance(value, Both):
        return value.text(language())
    return figure(round(value, 1)) if isinstance(value, float) else value
