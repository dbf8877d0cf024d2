"""Sums that only ever grow, of counters that may be replaced and of what flows. Pure."""

import math
from collections.abc import Mapping
from datetime import datetime

from edge_agent.contract.base import JsonObject, iso
from edge_agent.control.facts import Moment, Reading

_UNKNOWN_GAP_S = 7 * 86400.0
"""How long the agent may have been away, where no clock tells."""


class Counted:
    """What a counter (kWh, litres) has gone forward.

    A counter that goes back was reset, replaced or rolled over: it is followed from there, and nothing is added. One
    that leaps further than `most_per_s` allows was replaced or misread: likewise. So a little may be lost at such a
    change, but nothing is ever invented.
    """

    def __init__(self, most_per_s: float, step: float) -> None:
        """`step`: what it may leap at once however short the time, since counters tell in steps."""
        self._most_per_s = most_per_s
        self._step = step
        self._last: float | None = None
        self._top: float | None = None
        self._mono: float | None = None
        self._at: datetime | None = None

    def look(self, moment: Moment, word: Reading | None) -> float:
        """How much is new since the last known word."""
        if word is None or word.value is None or not math.isfinite(word.value):
            return 0.0
        # whoever looks may do so long after it was measured: what it may have counted goes by when that was
        mono = moment.mono - max(0.0, (moment.now - word.at).total_seconds())
        gone, last, value = self._gap(moment, mono), self._last, word.value
        self._last, self._mono = value, mono
        self._at = word.at if moment.trusted else None
        if last is None:
            return 0.0
        if value < last:
            self._top = last
            return 0.0
        if self._top is not None and value >= self._top:
            # one wrong word in between: what was counted before it is not counted again
            last, self._top = max(last, self._top), None
        new = value - last
        return new if new <= self._step + self._most_per_s * gone else 0.0

    def dump(self) -> JsonObject:
        """The last word of the counter, and when that was."""
        if self._last is None:
            return {}
        return {"last": self._last, **({"at": iso(self._at)} if self._at is not None else {})}

    def load(self, kept: object) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        last = number(kept, "last")
        if last is None or not isinstance(kept, Mapping):
            return
        self._last, self._mono, self._at = last, None, None
        try:
            at = datetime.fromisoformat(str(kept.get("at")))
        except ValueError:
            return
        self._at = at if at.tzinfo is not None else None

    def _gap(self, moment: Moment, mono: float) -> float:
        """Seconds since the last word: monotonic within a run, else by the clock where it can be believed."""
        if self._mono is not None:
            return max(0.0, mono - self._mono)
        if self._at is None or not moment.trusted:
            return _UNKNOWN_GAP_S
        return max(0.0, (moment.now - self._at).total_seconds())


class Flowing:
    """The integral of something per second (watts, litres a minute) over the time in which it was known.

    Each value holds until the next look. Whoever measures looks at each change, so this is off by half a period of
    measuring at a change, to one side as often as to the other; drawing slanted lines between looks would turn an hour
    of an unchanged value and then a switching off into half an hour.
    """

    def __init__(self) -> None:
        self._value: float | None = None
        self._mono = 0.0

    def look(self, moment: Moment, value: float | None) -> float:
        """How much came since the last look, in the unit of the value times seconds. Less than nothing is nothing."""
        gone = max(0.0, moment.mono - self._mono)
        added = self._value * gone if self._value is not None else 0.0
        self._value = max(0.0, value) if value is not None and math.isfinite(value) else None
        self._mono = moment.mono
        return added


def number(kept: object, key: str) -> float | None:
    """A number from 0 up that was kept; None for anything else."""
    value = kept.get(key) if isinstance(kept, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None
