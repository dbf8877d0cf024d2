"""What is wrong with one switched thing, by what its contacts, its current and its power say. Pure."""

from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import Trouble
from edge_agent.control.facts import Moment, Readings


class Monitor:
    """The faults of one thing, by TALQ's names: each is told after `confirm_s`, and cleared after `clear_s`."""

    def __init__(self, entry: SwitchedEntry) -> None:
        self.again_s: float | None = None
        """Look again after so many seconds, though nothing is new; None: only on news."""

    def look(
        self,
        moment: Moment,
        wanted: float,
        actual: float | None,
        readings: Readings,
        *,
        line: Fault | None = None,
        supply_lost: bool = False,
    ) -> tuple[Trouble, ...]:
        """What is wrong now, the gravest first; the same objects as long as nothing changes.

        `wanted`: per cent that its line was last told to be, limits and ramps done. `actual`: as in its state. `line`:
        why its line does not answer. `supply_lost`: the mains of its cabinet are gone, so that dark lamps are no
        fault of theirs.
        """
        raise NotImplementedError

    def dump(self) -> JsonObject:
        """What is told, to be kept through a restart: a fault keeps its beginning, and is not told twice."""
        raise NotImplementedError

    def load(self, kept: JsonObject) -> None:
        """Go on with what `dump` gave; what makes no sense in it is left out."""
        raise NotImplementedError
