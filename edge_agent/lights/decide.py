"""Who wins: override over programme over default. Pure; the clock and all facts are passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.config.timetable import Programme
from edge_agent.contract.switched import Why
from edge_agent.lights.programme import Place, level_at

LONGEST_OVERRIDE = timedelta(hours=24)
UNSTATED_OVERRIDE = timedelta(hours=12)
"""An override without a stated end lasts at most this: "for ever" does not exist."""


@dataclass(frozen=True, slots=True)
class Override:
    """A person's will, with its end."""

    level: float
    until: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a light should be now, why, and when that changes by itself."""

    level: float
    why: Why
    until: datetime | None
    by: str | None = None


def decide(
    now: datetime,
    *,
    trusted: bool,
    override: Override | None,
    programme: Programme | None,
    default: float,
    fail_safe: float,
    place: Place,
) -> Decision:
    """The level a light should have. An override that has ended counts for nothing."""
    if override is not None and now < override.until:
        return Decision(override.level, "override", override.until, override.by)
    if programme is None:
        return Decision(default, "default", None)
    if not trusted:
        return Decision(fail_safe, "default", None)
    try:
        level, until = level_at(programme, now, place)
    except ValueError:  # the sun neither rises nor sets there, so the position is wrong: rather light than none
        return Decision(fail_safe, "default", None)
    return Decision(level, "program", until)


def override_end(now: datetime, asked: datetime | None, programme: Programme | None, place: Place) -> datetime:
    """When an override ends: as asked, else at the next switch of the programme, within 12 hours in any case."""
    if asked is not None:
        return asked
    longest = now + UNSTATED_OVERRIDE
    try:
        return min(longest, level_at(programme, now, place)[1]) if programme is not None else longest
    except ValueError:  # no sunset here today
        return longest
