"""The longest run without a break, and the rest after it. Pure."""

from collections.abc import Iterator
from datetime import datetime

from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.base import JsonObject, iso
from edge_agent.control.facts import Held, Moment
from edge_agent.control.timer import Timer, instant
from edge_agent.control.wording import duration, said


class LongestRun:
    """A motor may run so long without a break; then it rests, or waits for somebody where no rest is stated."""

    def __init__(self, entry: SwitchedEntry) -> None:
        self._longest_s = entry.limits.maximum_run_s
        self._rest_s = entry.limits.rest_s
        self._run = Timer()
        self._rest = Timer()
        self._stays = False
        self._began: datetime | None = None

    def look(self, moment: Moment, running: bool) -> Held | None:
        """What holds the thing off now, or None. `running`: whether it is on, as far as is known."""
        if self._longest_s is None:
            return None
        if not running:
            self._run.stop()
            self._began = None
        elif not self._run.runs:
            self._begin(moment)
        if self._run.runs and not self._run.left_s(moment):
            # what runs on though it is held off has a stuck contact: its rest begins when it stands still
            self._stays = self._rest_s == 0
            if self._rest_s:
                self._rest.start(moment, self._rest_s)
        elif self._rest.runs and not self._rest.left_s(moment):
            self._rest.stop()
        return self._held(moment)

    def waits(self, moment: Moment) -> Iterator[float]:
        """Seconds after which to look again."""
        if self._rest.runs:
            yield max(self._rest.left_s(moment), 1.0 if self._run.runs else 0.01)
        elif self._run.runs and not self._stays:
            yield self._run.left_s(moment)

    def reset(self) -> None:
        """Let go of what waits for somebody; a rest ends by itself."""
        if self._stays:
            self._stays = False
            self._run.stop()

    def dump(self) -> JsonObject:
        """What must survive a power cut."""
        kept: JsonObject = {}
        if self._began is not None:
            kept["running_since"] = iso(self._began)
        if self._stays:
            kept["run_stays"] = True
        if self._rest.runs:
            kept["rest_until"] = self._rest.dump()
        return kept

    def load(self, body: JsonObject, moment: Moment) -> None:
        """What was kept."""
        if self._longest_s is None:
            return
        self._stays = body.get("run_stays") is True and self._rest_s == 0
        self._rest.load(body.get("rest_until"), moment, self._rest_s)
        self._began = began = instant(body.get("running_since"))
        if began is not None:
            ran = max(0.0, (moment.now - began).total_seconds())
            self._run.start(moment, max(0.0, self._longest_s - ran))

    def _begin(self, moment: Moment) -> None:
        self._began = moment.now
        self._run.start(moment, self._longest_s or 0.0)

    def _held(self, moment: Moment) -> Held | None:
        until = self._rest.until(moment)
        if not self._stays and until is None:
            return None
        params: dict[str, str | int | float] = {"seconds": self._longest_s or 0.0}
        time = duration(self._longest_s or 0.0)
        if until is None:
            return Held("interlock.run", said("interlock.run", params, time=time))
        return Held("interlock.rest", said("interlock.rest", params, time=time, end=iso(until)), until)
