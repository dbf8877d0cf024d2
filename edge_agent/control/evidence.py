"""What may be believed of sensors after something was switched: words from before it prove nothing."""

from datetime import timedelta

from edge_agent.control.confirm import SOONEST_S, soonest
from edge_agent.control.facts import Moment, Reading, Readings

_OLD_WORD_S = 120
"""A device that tells only changes has not lied when it said nothing for so long after a switching."""
_SOON_S = 5


class Evidence:
    """The sensors as one look sees them; gathers when to look again because nothing could be known yet."""

    def __init__(self, moment: Moment, readings: Readings) -> None:
        self._moment = moment
        self._readings = readings
        self.again_s: float | None = None

    def value(self, sensor: str | None, after: float | None = None) -> float | None:
        """What a sensor says, measured after a monotonic time; None while that is not known."""
        reading = self._readings(sensor) if sensor is not None else None
        if reading is None or reading.value is None:
            return None
        return reading.value if after is None or self._is_after(reading, after) else None

    def contact(self, sensor: str | None, after: float | None = None) -> bool | None:
        """Whether a contact is closed."""
        value = self.value(sensor, after)
        return None if value is None else value > 0.5

    def _is_after(self, reading: Reading, after: float) -> bool:
        passed = self._moment.mono - after
        if passed >= 0:
            if passed >= _OLD_WORD_S or reading.at > self._moment.now - timedelta(seconds=passed):
                return True
            # the same value measured anew is no news that anybody would be called for
            self._look_in(min(_SOON_S, _OLD_WORD_S - passed))
        else:
            self._look_in(-passed)
        return False

    def _look_in(self, seconds: float) -> None:
        self.again_s = soonest(self.again_s, max(SOONEST_S, seconds))
