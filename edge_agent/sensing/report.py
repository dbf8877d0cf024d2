"""What is told of one sensor: its state when it changed enough, and once each that it failed and that it is well."""

from collections.abc import Callable
from datetime import datetime

from edge_agent.config.sensing import Sensor
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import SensorState
from edge_agent.control.confirm import Confirmed
from edge_agent.control.facts import Moment, Reading
from edge_agent.recorder import Recorder

_POST_GAP_S = 1.0
"""A contact that chatters is told at once the first time, then once a second."""
_STEADY_S = 30.0
"""So long it must be well before its recovery is an event: one that comes and goes is told once."""


class SensorReport:
    """Compares each reading with what was told before."""

    def __init__(self, sensor: Sensor, recorder: Recorder, post: Callable[[SensorState], None]) -> None:
        self._sensor = sensor
        self._recorder = recorder
        self._post = post
        self._failing = Confirmed(0, _STEADY_S)
        self._told: Fault | None = None
        self._since: datetime | None = None
        self._value: float | None = None
        self._state: SensorState | None = None
        self._posted = 0.0
        self.unit = sensor.unit or "1"

    def look(self, moment: Moment, reading: Reading | None) -> bool:
        """Tell what there is to tell. Whether the value is another than at the last look, or no longer known."""
        if reading is None:
            return False
        self._tell_fault(moment, reading.fault)
        changed = reading.value != self._value
        self._value = reading.value
        if self._is_news(reading) and (self._state is None or moment.mono - self._posted >= _POST_GAP_S):
            self._say(moment, reading)
        return changed

    def _tell_fault(self, moment: Moment, fault: Fault | None) -> None:
        failing = self._failing.look(moment, fault is not None)
        about = f"sensor/{self._sensor.id}"
        if failing and self._told is None and fault is not None:
            self._told, self._since = fault, self._failing.since
            self._recorder.event("fault", about, **{"since": iso(moment.now), **fault.params, "code": fault.code})
        elif not failing and self._told is not None:
            since = iso(self._since) if self._since is not None else None
            self._recorder.event("cleared", about, code=self._told.code, since=since)
            self._told = None

    def _is_news(self, reading: Reading) -> bool:
        before = self._state
        if before is None or before.unit != self.unit:
            return True
        if (before.fault and before.fault.code) != (reading.fault and reading.fault.code):
            return True
        if reading.value is None or before.actual is None:
            return (reading.value is None) != (before.actual is None)
        moved = abs(reading.value - before.actual)
        if self._sensor.report_change > 0:
            return moved >= self._sensor.report_change
        return moved > 0.01 * abs(before.actual)

    def _say(self, moment: Moment, reading: Reading) -> None:
        self._posted = moment.mono
        self._state = SensorState(
            id=self._sensor.id,
            at=moment.now,
            actual=reading.value,
            unit=self.unit,
            measured=reading.at if reading.value is not None else None,
            fault=reading.fault,
        )
        self._post(self._state)
