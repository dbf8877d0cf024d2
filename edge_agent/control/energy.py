"""Energy of a thing or a cabinet: by a counter, else by power measured, else reckoned; and which of it. Pure."""

from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import Basis
from edge_agent.control.facts import Moment, Reading
from edge_agent.control.sums import Counted, Flowing, number

_WS_PER_KWH = 3.6e6
_UNRATED_W = 100_000.0
"""What a counter may count where nobody told the watts: no single feeder of a commune draws more."""
_MARGIN = 3.0
_STEP_KWH = 1.0
"""The coarsest meters count whole kilowatt hours."""


class Energy:
    """kWh so far. Looked at with the best source that there is by configuration; the sources are not mixed."""

    def __init__(self, source: str, rated_w: float | None = None) -> None:
        """`source`: counter, power, estimate or none."""
        self._source = source
        self._counter = Counted((rated_w * _MARGIN if rated_w else _UNRATED_W) / _WS_PER_KWH, _STEP_KWH)
        self._watts = Flowing()
        self._measured = 0.0
        self._estimated = 0.0

    @property
    def kwh(self) -> float | None:
        """The sum; None where there is nothing to reckon by and never was."""
        total = self._measured + self._estimated
        return None if self._source == "none" and total == 0 else total

    @property
    def by(self) -> Basis | None:
        """Measured when all but a hundredth of it was."""
        if self.kwh is None:
            return None
        if self._estimated > 0.01 * (self._measured + self._estimated) or self._source == "estimate":
            return "estimated"
        return "measured"

    def look(self, moment: Moment, counter: Reading | None, watts: float | None) -> None:
        """`counter` in kWh; `watts` as measured, or as reckoned where that is the source."""
        if self._source == "counter":
            self._measured += self._counter.look(moment, counter)
        elif self._source == "power":
            self._measured += self._watts.look(moment, watts) / _WS_PER_KWH
        elif self._source == "estimate":
            self._estimated += self._watts.look(moment, watts) / _WS_PER_KWH

    def dump(self) -> JsonObject:
        """To be kept through a power cut."""
        return {"measured": self._measured, "estimated": self._estimated, "counter": self._counter.dump()}

    def load(self, kept: object) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        self._measured = number(kept, "measured") or 0.0
        self._estimated = number(kept, "estimated") or 0.0
        if isinstance(kept, dict):
            self._counter.load(kept.get("counter"))
