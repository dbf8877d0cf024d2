"""What every microphone does the same way: one recording at a time, and how it describes itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from drivers.contract import Capability, DriverFault

LONGEST_S = 600.0


def capability(name: str) -> Capability:
    """Return the one capability of a microphone."""
    return Capability(id="microphone", name=name, kind="microphone", writable=False)


class MicrophoneTurn:
    """Open or closed, and if open, for one recording at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False
        self.open = False

    @contextmanager
    def taken(self, seconds: float) -> Iterator[None]:
        """Hold the microphone. Raises ValueError, and DriverFault `driver.closed` or `microphone.busy`."""
        if not 0 < seconds <= LONGEST_S:
            raise ValueError(f"seconds must be above 0 and at most {LONGEST_S:g}, not {seconds}")
        if not self.open:
            raise DriverFault("driver.closed", f"{self._name} is not open")
        if self._busy:
            raise DriverFault("microphone.busy", f"{self._name} is recording something else", retry=True)
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
