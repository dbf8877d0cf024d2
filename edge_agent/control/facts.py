"""What the parts of the logic tell each other. Times are aware UTC; `mono` is seconds that only ever grow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge_agent.contract.errors import Fault, Said


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: by the wall clock, by the monotonic one, and whether the first may be believed."""

    now: datetime
    mono: float
    trusted: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor says; `value` is None while that is unknown (silent, stale, not a number, out of range)."""

    value: float | None
    at: datetime
    fault: Fault | None = None


Readings = Callable[[str], Reading | None]
"""The newest reading of a sensor by its id; None for one that was never read."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a rule wants of a thing now."""

    level: float
    rule: str
    until: datetime | None
    said: Said


@dataclass(frozen=True, slots=True)
class Held:
    """An interlock that keeps a thing off. `again_s`: look again after so many seconds; None: only on news."""

    code: str
    said: Said
    until: datetime | None = None
    again_s: float | None = None
