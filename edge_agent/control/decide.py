"""Who wins: interlock over override over rule over programme over default. Pure; all facts are passed in."""

from dataclasses import dataclass
from datetime import datetime

from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.errors import Said
from edge_agent.contract.switched import Why
from edge_agent.control.facts import Demand, Held, Moment
from edge_agent.control.limits import ramp_step_s
from edge_agent.control.override import Override
from edge_agent.timetable.timeline import Phase


@dataclass(frozen=True, slots=True)
class Decision:
    """What a thing should be now, why, and when that changes by itself.

    `goal` differs from `level` only while a ramp is on its way, one step each `step_s` seconds.
    """

    level: float
    why: Why
    until: datetime | None = None
    by: str | None = None
    said: Said | None = None
    goal: float = 0.0
    step_s: float = 0.0


def decide(
    moment: Moment,
    held: Held | None,
    override: Override | None,
    demand: Demand | None,
    phase: Phase | None,
    entry: SwitchedEntry,
) -> Decision:
    """The level that a thing should have. An override that has ended counts for nothing.

    `phase` is what its programme says, None where it has none, or where that cannot be known. While the clock is not
    trusted a programme counts as `fail_safe`.
    """
    if held is not None:
        return Decision(0, "interlock", held.until, held.code, held.said)
    if override is not None and override.left_s(moment) > 0:
        return Decision(override.level, "override", override.until, override.by, goal=override.level)
    if demand is not None:
        return Decision(demand.level, "rule", demand.until, demand.rule, demand.said, demand.level)
    if entry.programme is None and entry.calendar is None:
        return Decision(entry.default, "default", goal=entry.default)
    if not moment.trusted or phase is None:
        return Decision(entry.fail_safe, "default", goal=entry.fail_safe)
    step_s = ramp_step_s(phase.level - phase.level_before, phase.ramp_s)
    return Decision(phase.level, "program", phase.until, goal=phase.level_at(moment.now), step_s=step_s)
