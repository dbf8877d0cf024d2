"""What nodes are called, kept for the log: it outlives the node, and is read by programs that see no broker."""

from functools import partial

from edge_agent.contract.reports import About
from hub.aired import keeping
from hub.store import Store, StoreFull

_MOST = 10_000


class Naming:
    """Writes a name when it is new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, str | None]] = {}

    def learn(self, address: str, about: About) -> None:
        """Take what a node says of itself; tried again with its next word where the card is too slow."""
        called = (about.name, about.zone)
        if self._known.get(address) == called or len(self._known) >= _MOST:
            return
        try:
            self._store.offer(partial(keeping.name, address=address, about=about))
        except StoreFull:
            return
        self._known[address] = called
