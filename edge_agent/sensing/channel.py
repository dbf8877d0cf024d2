"""One sensor: its newest word, checked, and whether that is still worth something. No driver, no waiting."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from drivers.contract import Measurement
from edge_agent.config.sensing import Sensor
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault, caused_by
from edge_agent.control.facts import Moment, Reading

_NOTHING = Fault.of("driver.silent", detail="nothing was said")


@dataclass(frozen=True, slots=True)
class _Word:
    """What was said, when by the wall clock, and when that was by the monotonic one."""

    value: float
    at: datetime
    mono: float


class Channel:
    """The state of one sensor between questions."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self._word: _Word | None = None
        self._bad: Fault | None = None
        self._bad_at: datetime | None = None
        self._silent: Fault | None = None
        self._lost = False
        self._waiting_since: float | None = None
        self._why = _NOTHING

    def take(self, moment: Moment, said: Measurement, factor: float = 1.0) -> None:
        """A measurement; `factor` turns the driver's unit into the sensor's."""
        sensor, self._why = self.sensor, _NOTHING
        try:
            raw = float(said.value)
            age = max(0.0, (moment.now - said.at).total_seconds())
        except (TypeError, ValueError, OverflowError):  # a driver is foreign code
            raw, age = math.nan, 0.0
        value = raw * factor * sensor.scale + sensor.offset
        if sensor.invert:
            value = 1.0 - value
        if not math.isfinite(value):
            self._refuse(moment, Fault.of("sensor.not_a_number", id=sensor.id))
        elif not _least(sensor) <= value <= _most(sensor):
            shown = {"value": round(value, 3), "minimum": _shown(sensor.minimum), "maximum": _shown(sensor.maximum)}
            self._refuse(moment, Fault.of("sensor.out_of_range", id=sensor.id, **shown))
        else:
            self._accept(_Word(value, said.at, moment.mono - age), age)

    def refuse(self, moment: Moment, fault: Fault) -> None:
        """The driver itself says that what came cannot be true: unknown at once."""
        self._refuse(moment, fault)

    def fail(self, why: Fault) -> None:
        """Nothing came, and why. What was said before is worth something until it is stale."""
        self._why = why

    def lose(self, moment: Moment, why: Fault) -> None:
        """Its driver is gone: unknown at once."""
        self._why = why
        if self._word is not None and self._silent is None:
            self._say_silent(moment)
            self._lost = True

    def reading(self, moment: Moment) -> Reading | None:
        """What is known now; None before the first word, while there is still time for it."""
        self._grow_old(moment)
        if self._bad is not None and self._bad_at is not None:
            return Reading(None, self._bad_at, self._bad)
        if self._silent is not None:
            return Reading(None, self._word.at if self._word else moment.now, self._silent)
        return Reading(self._word.value, self._word.at) if self._word is not None else None

    def _accept(self, word: _Word, age: float) -> None:
        same = self._word is not None and (self._word.value, self._word.at) == (word.value, word.at)
        if same and not self._lost:
            return  # of a device that speaks by itself: its word is not younger for being asked for again
        if self._silent is not None and age > self.sensor.stale_s:
            return
        self._word, self._bad, self._silent, self._lost = word, None, None, False

    def _refuse(self, moment: Moment, fault: Fault) -> None:
        self._silent, self._word, self._lost = None, None, False
        if self._bad is None or self._bad.code != fault.code:
            self._bad, self._bad_at = fault, moment.now
        self._waiting_since = moment.mono

    def _grow_old(self, moment: Moment) -> None:
        if self._waiting_since is None:
            self._waiting_since = moment.mono
        since = self._word.mono if self._word is not None else self._waiting_since
        if self._silent is None and moment.mono - since > self.sensor.stale_s:
            self._say_silent(moment)

    def _say_silent(self, moment: Moment) -> None:
        """Silent since its last word; since the start where it never said one."""
        if self._word is not None:
            since = self._word.at
        else:
            since = moment.now - timedelta(seconds=moment.mono - (self._waiting_since or moment.mono))
        self._bad = None
        self._silent = Fault.of("sensor.silent", id=self.sensor.id, since=iso(since), **caused_by(self._why))


def _least(sensor: Sensor) -> float:
    return -math.inf if sensor.minimum is None else sensor.minimum


def _most(sensor: Sensor) -> float:
    return math.inf if sensor.maximum is None else sensor.maximum


def _shown(bound: float | None) -> str | float:
    return "-" if bound is None else bound
