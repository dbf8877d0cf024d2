"""What keeps a thing off whatever anybody wants: no water, a full tank, an open door, too long a run."""

from collections.abc import Iterable

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.control.facts import Held, Moment, Readings


class Interlocks:
    """The interlocks of one thing: its blocks by sensors, and its longest run with the rest after it."""

    def __init__(self, entry: SwitchedEntry, sensors: Iterable[Sensor] = ()) -> None:
        """`sensors` give names and units to what is said."""
        self.sensors = frozenset(block.sensor for block in entry.blocks)

    def look(self, moment: Moment, running: bool, readings: Readings) -> Held | None:
        """What holds the thing off now, or None. `running`: whether it is on, as far as is known."""
        raise NotImplementedError

    def again_s(self, moment: Moment) -> float | None:
        """Seconds after which to look again though no sensor has news; after `look`, whether or not it held."""
        raise NotImplementedError

    def reset(self) -> None:
        """Somebody has looked: let go of what stays, and of a wait before the next try."""
        raise NotImplementedError

    def dump(self) -> JsonObject:
        """What must survive a power cut; equal while nothing worth keeping has changed."""
        raise NotImplementedError

    def load(self, body: JsonObject, moment: Moment) -> None:
        """What was kept; what cannot be read is left out. Before the first `look`."""
        raise NotImplementedError
