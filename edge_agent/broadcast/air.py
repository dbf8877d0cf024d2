"""The air of one speaker: who is on it, who waits, and who has to make room."""

from collections.abc import Callable, Sequence

from drivers.contract import PlayStart
from edge_agent.broadcast.item import Item
from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Fault
from edge_agent.desk.act import Begin


class Air:
    """One speaker. Reached as `station.air(speaker_id)`."""

    @property
    def lead_s(self) -> float:
        """How many seconds before an item's `at` to call `air`, so that streams and amplifier are ready."""
        raise NotImplementedError

    async def air(
        self, item: Item, begin: Begin | None = None, on_start: Callable[[PlayStart], None] | None = None
    ) -> Airing:
        """Wait for its turn, play it, and return what was heard, when it is over.

        `begin` is awaited once, right before it is played for the first time; what it raises goes through.
        The Airing's state is `aired`, or `partly` with a code (`speaker.stopped`, `speaker.device_lost`,
        `bulletin.dropped` ...) when it was cut short. A cancelled call ends the sound.

        Raises Refusal when nothing was heard: `command.busy` (queue full), `bulletin.missed_busy` (`not_after`),
        `speaker.stopped`, `speaker.no_device` and what the driver says.
        """
        raise NotImplementedError

    def position_s(self, item_id: str) -> float | None:
        """Seconds of its sources that were heard so far, `skip_s` included; None while it has not begun, or is over.

        The planner asks every few seconds, so that after a power cut it goes on from there.
        """
        raise NotImplementedError

    def cut(self, item_id: str, fault: Fault) -> bool:
        """End an item that waits or plays, for this reason; False when there is none. Its `air` call then returns."""
        raise NotImplementedError

    def stop(self, by: str) -> bool:
        """Cut everything; True when something played."""
        raise NotImplementedError

    def order(self, items: Sequence[str]) -> None:
        """A person's choice of what goes first."""
        raise NotImplementedError
