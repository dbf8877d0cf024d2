"""What protects lamps, contactors and pumps from being switched too often. Pure."""

from datetime import UTC, datetime

from edge_agent.config.switching import Limits
from edge_agent.contract.base import JsonObject, iso
from edge_agent.control.facts import Moment

STEPS_PER_S = 5
"""A ramp takes at most so many steps in a second."""


def ramp_step_s(change: float, ramp_s: float) -> float:
    """Seconds from one step of a ramp to the next: 1 % each, but not too many of them."""
    return max(1 / STEPS_PER_S, ramp_s / max(1.0, abs(change)))


class Guard:
    """When a thing was switched last, and so when it may be switched again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: tuple[bool, datetime] | None = None
        self.on: bool | None = None
        self._since: float | None = None

    def found(self, on: bool, moment: Moment) -> None:
        """What the line is at the start, before anything was switched.

        When it is not as it was kept, or nobody vouches for the clock, the time of its last switch is unknown: then it
        counts from now, so that a hot lamp is not struck.
        """
        if self.on is not None:
            return
        self.on = on
        if self._kept is None:
            return
        was_on, at = self._kept
        known = was_on is on and moment.trusted and at <= moment.now
        self._since = moment.mono - ((moment.now - at).total_seconds() if known else 0.0)

    def switched(self, on: bool, moment: Moment) -> None:
        """It is on or off since now, if it was not before."""
        if self.on is not on:
            self.on, self._since = on, moment.mono

    def wait_s(self, on: bool, moment: Moment, *, forced: bool = False) -> float:
        """Seconds until it may be switched so. `forced`: an interlock may end what should stay on."""
        if self.on is None or self.on is on or self._since is None or (forced and not on):
            return 0.0
        least = self._limits.minimum_off_s if on else self._limits.minimum_on_s
        return max(0.0, self._since + least - moment.mono)

    def dump(self, moment: Moment) -> JsonObject:
        """What is kept through a power cut: whether it is on, and since when by the wall clock."""
        if self.on is None:
            return {}
        ago = 0.0 if self._since is None else moment.mono - self._since
        return {"on": self.on, "at": iso(datetime.fromtimestamp(moment.now.timestamp() - ago, UTC))}

    def load(self, body: JsonObject) -> None:
        """What was kept; nonsense counts for nothing."""
        try:
            self._kept = bool(body["on"]), datetime.fromisoformat(body["at"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError, OverflowError):
            self._kept = None
