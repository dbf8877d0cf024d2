"""A person's will, with its end: there is no override for ever. Pure."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.commands import SwitchOverride
from edge_agent.contract.errors import Refusal
from edge_agent.control.facts import Moment

LONGEST = timedelta(hours=24)
UNSTATED = timedelta(hours=12)
"""An override without a stated end lasts at most this."""
UNSTATED_RUN = timedelta(minutes=30)
"""So long at most runs what is no light and was switched on without a stated end: water, feed and motors do harm."""
_SLEWED_S = 1.0
"""A clock that was moved by less says the same end as before."""


@dataclass(frozen=True, slots=True)
class Override:
    """A level until an end.

    `ends` is of the monotonic clock of this run and always holds, whatever the wall clock does. `until` is what people
    read; with `by_wall` it ends then too. `litres` is the count of the thing's meter at which it ends.
    """

    level: float
    by: str
    until: datetime
    ends: float
    by_wall: bool
    litres: float | None = None

    def left_s(self, moment: Moment) -> float:
        """Seconds until it ends by time; 0 or less: it has ended."""
        left = self.ends - moment.mono
        return min(left, (self.until - moment.now).total_seconds()) if self.by_wall else left

    def told_at(self, moment: Moment) -> "Override":
        """The same with the `until` that is true now, since the wall clock may have been set meanwhile."""
        end = moment.now + timedelta(seconds=self.ends - moment.mono)
        off_s = (end - self.until).total_seconds()
        if (self.by_wall and off_s > -_SLEWED_S) or abs(off_s) <= _SLEWED_S:
            return self
        return replace(self, until=end)

    def dump(self, moment: Moment) -> JsonObject:
        """What is kept through a power cut."""
        kept: JsonObject = {
            "level": self.level,
            "by": self.by,
            "until": iso(self.until),
            "left_s": round(self.ends - moment.mono, 3),
            "by_wall": self.by_wall,
        }
        return kept if self.litres is None else {**kept, "litres": self.litres}


def begin(
    asked: SwitchOverride,
    by: str,
    moment: Moment,
    *,
    next_switch: datetime | None,
    litres: float | None,
    light: bool = True,
) -> Override:
    """The override that is asked for: it ends as asked, else at the next switch of the programme.

    Without a stated end it lasts 12 hours at most; what is no `light` runs 30 minutes at most. `litres` is what the
    thing's meter has counted so far. Raises Refusal `override.past`, `override.too_long`.
    """
    amount = None if asked.amount is None else (litres or 0.0) + asked.amount
    if asked.seconds is not None:
        until = moment.now + timedelta(seconds=asked.seconds)
        return Override(asked.level, by, until, moment.mono + asked.seconds, by_wall=False, litres=amount)
    if asked.until is not None:
        if asked.until <= moment.now:
            raise Refusal("override.past", until=iso(asked.until))
        if asked.until > moment.now + LONGEST:
            raise Refusal("override.too_long", hours=LONGEST.total_seconds() / 3600)
        return Override(
            asked.level, by, asked.until, moment.mono + LONGEST.total_seconds(), by_wall=True, litres=amount
        )
    most = UNSTATED if light or asked.level == 0 else UNSTATED_RUN
    longest = moment.now + most
    ends = moment.mono + most.total_seconds()
    if next_switch is not None and moment.now < next_switch < longest:
        return Override(asked.level, by, next_switch, ends, by_wall=True, litres=amount)
    return Override(asked.level, by, longest, ends, by_wall=False, litres=amount)


def load(body: JsonObject, moment: Moment) -> Override:
    """What was kept. It has not more time left than it had; the time without power counts by the wall clock.

    Raises ValueError when it makes no sense.
    """
    try:
        until = datetime.fromisoformat(body["until"]).astimezone(UTC)
        level, by = float(body["level"]), str(body["by"])
        left_s = float(body.get("left_s", LONGEST.total_seconds()))
        litres = None if body.get("litres") is None else float(body["litres"])
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not 0 <= level <= 100 or not math.isfinite(left_s) or not math.isfinite(litres or 0.0):
        raise ValueError("a number cannot be")
    left_s = min(left_s, LONGEST.total_seconds(), (until - moment.now).total_seconds())
    return Override(level, by, until, moment.mono + left_s, bool(body.get("by_wall", True)), litres)
