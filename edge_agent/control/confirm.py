"""Something counts as true after it has lasted, and as over after it has been well for a while. Monotonic time."""

from datetime import datetime, timedelta

from edge_agent.control.facts import Moment

SOONEST_S = 0.001
"""Never look again at once: less than this would be lost in the rounding of a clock that has run for years."""


class Confirmed:
    """A condition that is told after `confirm_s` and taken back after `clear_s`.

    Between two looks it is taken to be what the earlier one saw. Unknown (None) tells nothing and takes nothing back:
    both times begin anew after it.
    """

    def __init__(self, confirm_s: float, clear_s: float) -> None:
        self._confirm_s = confirm_s
        self._clear_s = clear_s
        self._changing: float | None = None
        self._began: float | None = None
        self._since: datetime | None = None
        self._sure = True

    @property
    def since(self) -> datetime | None:
        """When that began which is told now; None while nothing is told."""
        return self._since

    def look(self, moment: Moment, holds: bool | None) -> bool:
        """Whether it is told now."""
        told = self._since is not None
        if holds is None or holds == told:
            self._changing = None
        elif self._changing is None:
            self._changing = moment.mono
        if self._changing is not None and moment.mono - self._changing >= (self._clear_s if told else self._confirm_s):
            self._turn(moment, self._changing, told=not told)
        elif self._began is not None and not self._sure and moment.trusted:
            # it began before anybody vouched for the clock: now it can be said when that was
            self._since, self._sure = _instant(moment, self._began), True
        return self._since is not None

    def again_s(self, mono: float) -> float | None:
        """Seconds until time alone may change it."""
        if self._changing is None:
            return None
        limit = self._confirm_s if self._since is None else self._clear_s
        return max(SOONEST_S, self._changing + limit - mono)

    def restore(self, since: datetime) -> None:
        """It was told before a restart, and began then."""
        self._since, self._began, self._sure, self._changing = since, None, True, None

    def _turn(self, moment: Moment, changed: float, *, told: bool) -> None:
        self._changing = None
        self._began = changed if told else None
        self._since = _instant(moment, changed) if told else None
        self._sure = moment.trusted


def _instant(moment: Moment, mono: float) -> datetime:
    """What a right clock showed at a monotonic time of this run; to the millisecond, as it travels."""
    then = moment.now - timedelta(seconds=moment.mono - mono)
    return then.replace(microsecond=then.microsecond // 1000 * 1000)


def soonest(*waits: float | None) -> float | None:
    """The shortest of some waits, of which some are for ever."""
    return min((wait for wait in waits if wait is not None), default=None)
