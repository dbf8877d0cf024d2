"""The state of one speaker, as it is shown."""

from collections.abc import Callable

from edge_agent.clock import Clock
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import SpeakerState

_WORST_FIRST = ("device", "sound", "emergency", "voice", "amplifier", "listening")
_IDLE: dict[str, object] = {
    "actual": "idle",
    "playing": None,
    "title": None,
    "class_": None,
    "since": None,
    "ends": None,
}


class SpeakerBoard:
    """Everybody who knows something of the speaker tells it here; of several faults the gravest is shown."""

    def __init__(self, speaker: str, clock: Clock, post: Callable[[SpeakerState], None]) -> None:
        self._clock = clock
        self._post = post
        self._faults: dict[str, Fault] = {}
        self._preparing = 0
        self.state = SpeakerState(id=speaker, at=clock.now(), actual="idle")

    def say(self, **changes: object) -> None:
        """Publish what has changed; None takes a value away."""
        self._publish(changes)

    def idle(self) -> None:
        """Nothing plays any more."""
        self._publish({**_IDLE, "actual": "preparing" if self._preparing else "idle"})

    def preparing(self, more: int) -> None:
        """One more text, or one less, is being made to sound for this speaker."""
        self._preparing += more
        if self.state.actual != "playing":
            self._publish({"actual": "preparing" if self._preparing else "idle"})

    def fault(self, part: str, fault: Fault | None) -> None:
        """What is wrong with a part (see `_WORST_FIRST`), or that it is right again."""
        if self._faults.get(part) == fault:
            return
        if fault is None:
            del self._faults[part]
        else:
            self._faults[part] = fault
        self._publish({})

    def repeat(self) -> None:
        """Publish it again."""
        self._post(self.state)

    def _publish(self, changes: dict[str, object]) -> None:
        fault = next((self._faults[part] for part in _WORST_FIRST if part in self._faults), None)
        news = {**changes, "fault": fault}
        if all(getattr(self.state, name) == value for name, value in news.items()):
            return
        self.state = self.state.model_copy(update={**news, "at": self._clock.now()})
        self._post(self.state)
