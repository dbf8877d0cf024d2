"""What is wrong now, by the part or thing that it is wrong with."""

from collections.abc import Callable

from edge_agent.contract.errors import Fault


class Faults:
    """Faults by name; the one that came last is shown in the node's status."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self.on_change: Callable[[], None] = lambda: None

    def set(self, name: str, fault: Fault | None) -> None:
        """Note a fault, or that it is gone."""
        if self._faults.get(name) == fault:
            return
        if fault is None:
            self._faults.pop(name, None)
        else:
            self._faults.pop(name, None)
            self._faults[name] = fault
        self.on_change()

    def get(self, name: str) -> Fault | None:
        """What is wrong with a part or thing now."""
        return self._faults.get(name)

    @property
    def newest(self) -> Fault | None:
        """The one to show."""
        return next(reversed(self._faults.values()), None)

    def __len__(self) -> int:
        return len(self._faults)
