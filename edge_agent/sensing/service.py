"""Sensors are asked in a fair pace or heard, checked, and told on when something changed."""

from collections.abc import Callable, Sequence

from drivers.contract import Measuring, Watching
from edge_agent.clock import Clock
from edge_agent.config.sensing import Sensor
from edge_agent.contract.switched import SensorState
from edge_agent.control.facts import Reading
from edge_agent.recorder import Recorder

MeasuringDrivers = Callable[[str], Measuring | None]
WatchingDrivers = Callable[[str], Watching | None]


class Sensing:
    """All sensors of the node."""

    def __init__(
        self,
        sensors: Sequence[Sensor],
        clock: Clock,
        recorder: Recorder,
        *,
        measuring: MeasuringDrivers,
        watching: WatchingDrivers,
        post: Callable[[SensorState], None],
    ) -> None:
        """`measuring` and `watching` give the open driver of a name, or None; `post` publishes a state."""
        raise NotImplementedError

    def reading(self, sensor_id: str) -> Reading | None:
        """The newest reading, already unknown when it is too old; None for one that was never read. (`Readings`)"""
        raise NotImplementedError

    def listen(self, changed: Callable[[str], None]) -> None:
        """Call with the id of a sensor whenever its value changed, or became known or unknown. Many listeners."""
        raise NotImplementedError

    def values(self) -> dict[str, float]:
        """For telemetry: `sensor/{id}` of all that is known now."""
        raise NotImplementedError

    def driver_changed(self, name: str) -> None:
        """A driver came or went: ask it now, or say at once that its sensors are unknown. (`Hardware.on_change`)

        Without this call it is noticed within a second.
        """
        raise NotImplementedError

    async def run(self) -> None:
        """Measure, listen and tell, until cancelled."""
        raise NotImplementedError
