"""Why an instant has passed without being heard."""

from datetime import datetime, timedelta

from edge_agent.clock import Clock


class Watch:
    """Remembers since when the node runs, and when nobody vouched for its clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.start()

    def start(self) -> None:
        """The node begins its work now."""
        self._began, self._started = self._clock.monotonic(), self._clock.now()
        self._doubted: float | None = None

    @property
    def running_s(self) -> float:
        """Seconds since then."""
        return self._clock.monotonic() - self._began

    def trusted(self) -> bool:
        """Whether the clock may be believed now; a doubt is remembered."""
        trusted = self._clock.trusted
        if not trusted:
            self._doubted = self._clock.monotonic()
        return trusted

    def why(self, at: datetime) -> str:
        """The code: the node was off then, nobody vouched for its clock, or the clock stepped over the instant."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        if self._doubted is None:
            return "bulletin.missed_late" if at < self._started else "bulletin.missed_step"
        if at < now - timedelta(seconds=elapsed - self._began):
            return "bulletin.missed_late"
        doubtful = at <= now - timedelta(seconds=elapsed - self._doubted)
        return "bulletin.missed_clock" if doubtful else "bulletin.missed_step"
