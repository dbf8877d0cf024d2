"""What every speaker does the same way: checks of arguments, one play at a time, how it describes itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from drivers.contract import Capability, DriverFault


def capability(name: str) -> Capability:
    """Return the one capability of a speaker; its number is the volume."""
    return Capability(id="speaker", name=name, kind="speaker", minimum=0.0, maximum=1.0)


def require_sane(at: datetime | None, volume: float) -> None:
    """Raise ValueError for an instant without a zone or a volume outside 0..1."""
    if at is not None and at.tzinfo is None:
        raise ValueError("at must be aware: an instant without a time zone is not one")
    if not 0.0 <= volume <= 1.0:
        raise ValueError(f"volume must be within 0..1, not {volume}")


class Turn:
    """Open or closed, and if open, for one play at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False
        self.open = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the speaker. Raises DriverFault `driver.closed` or `speaker.busy`."""
        if not self.open:
            raise DriverFault("driver.closed", f"{self._name} is not open")
        if self._busy:
            raise DriverFault("speaker.busy", f"{self._name} is playing something else", retry=True)
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
