"""What the tests of rules and interlocks share: time that is moved by hand, and sensors that say what they are told."""

from datetime import UTC, datetime, timedelta

from edge_agent.contract.errors import Fault
from edge_agent.control.facts import Moment, Reading

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 12:00 in Viet Nam, a Monday


class Bench:
    """A moment and readings. `value` None is a sensor that has fallen silent; an absent one was never read."""

    def __init__(self, start: datetime = NOON, mono: float = 1000.0) -> None:
        self.now = start
        self.mono = mono
        self.trusted = True
        self.values: dict[str, float | None] = {}

    @property
    def moment(self) -> Moment:
        return Moment(self.now, self.mono, self.trusted)

    def readings(self, sensor: str) -> Reading | None:
        if sensor not in self.values:
            return None
        value = self.values[sensor]
        silent = Fault.of("sensor.silent", id=sensor, since=self.now.isoformat(), detail="-") if value is None else None
        return Reading(value, self.now, silent)

    def say(self, **values: float | None) -> None:
        self.values |= {name.replace("_", "-"): value for name, value in values.items()}

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.mono += seconds

    def step(self, **by: float) -> None:
        """Somebody sets the wall clock."""
        self.now += timedelta(**by)

    def restart(self, dark_s: float) -> None:
        """Power gone for so long: the monotonic clock begins anew, sensors have said nothing yet."""
        self.now += timedelta(seconds=dark_s)
        self.mono = 3.0
        self.values.clear()
