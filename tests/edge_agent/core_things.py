"""What the tests of the switching logic share: moments, readings that are set by hand, and things."""

from datetime import UTC, datetime, timedelta
from typing import Any

from edge_agent.config.switching import Light, Switch
from edge_agent.contract.errors import Fault
from edge_agent.control.facts import Moment, Reading

NIGHT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # 20:00 in Viet Nam


class Bench:
    """Time and sensors, both moved by hand."""

    def __init__(self) -> None:
        self.mono = 1000.0
        self.now = NIGHT
        self.trusted = True
        self.readings: dict[str, Reading] = {}

    @property
    def moment(self) -> Moment:
        return Moment(self.now, self.mono, self.trusted)

    def passes(self, seconds: float) -> None:
        self.mono += seconds
        self.now += timedelta(seconds=seconds)

    def says(self, **values: float | bool | None) -> None:
        """Sensors measure now; None: one that is broken."""
        for name, value in values.items():
            fault = Fault.of("sensor.not_a_number", id=name) if value is None else None
            self.readings[name] = Reading(None if value is None else float(value), self.now, fault)

    def read(self, sensor: str) -> Reading | None:
        return self.readings.get(sensor)


def lamp(**settings: Any) -> Light:
    return Light.model_validate({"id": "cong", "name": "Cổng", "line": "board/1", **settings})


def pump(**settings: Any) -> Switch:
    return Switch.model_validate({"id": "bom", "name": "Bơm", "line": "board/2", "use": "pump", **settings})
