"""Cabinets: watched, reported, and asked by the things behind them whether the mains are there."""

from collections.abc import Callable, Sequence

from edge_agent.clock import Clock
from edge_agent.config.sensing import Cabinet
from edge_agent.contract.switched import CabinetState
from edge_agent.control.cabinet import Load
from edge_agent.control.facts import Readings
from edge_agent.recorder import Recorder
from edge_agent.store.database import Database


class CabinetService:
    """All cabinets of the node."""

    def __init__(
        self,
        cabinets: Sequence[Cabinet],
        clock: Clock,
        database: Database,
        recorder: Recorder,
        *,
        readings: Readings,
        loads: Callable[[], Sequence[Load]],
        post: Callable[[CabinetState], None],
    ) -> None:
        """`readings`: `Sensing.reading`; `loads` gives all switched things as they are; `post` publishes a state."""
        raise NotImplementedError

    def supply_lost(self, thing_id: str) -> bool:
        """Whether the mains of the cabinet that a thing stands behind are gone now."""
        raise NotImplementedError

    def listen(self, changed: Callable[[str], None]) -> None:
        """Call with the id of a switched thing whenever its supply went or came back."""
        raise NotImplementedError

    def sensor_changed(self, sensor_id: str) -> None:
        """Look at the cabinets that use this sensor. (For `Sensing.listen`)"""
        raise NotImplementedError

    def thing_changed(self, thing_id: str) -> None:
        """Look soon at the cabinets that this thing stands behind: what should be on has changed."""
        raise NotImplementedError

    def values(self) -> dict[str, float]:
        """For telemetry: `power/{id}` and `energy/{id}`."""
        raise NotImplementedError

    async def load(self) -> None:
        """Read the sums that were kept."""
        raise NotImplementedError

    async def run(self) -> None:
        """Watch, until cancelled; then keep the sums once more."""
        raise NotImplementedError
