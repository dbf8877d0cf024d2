"""What one node said of itself last."""

from dataclasses import dataclass, field

from edge_agent.contract.reports import About, AnyState, Status
from hub.marks import NO_MARK, Mark
from hub.plain import area_id, plain
from hub.presence import Offline


@dataclass(slots=True, eq=False)
class Node:
    """What one node said last. `version` rises with each change.

    `area`: as addresses write it; `words`: what a search looks in; `marks`: how it stands.
    """

    commune: str
    name: str
    status: Status | None = None
    about: About | None = None
    states: dict[tuple[str, str], AnyState] = field(default_factory=dict)
    offline: Offline | None = None
    version: int = 0
    area: str = ""
    words: str = ""
    marks: Mark = NO_MARK
    marked: dict[tuple[str, str], Mark] = field(default_factory=dict)
    """Marks of single things; most have none."""
    address: str = field(init=False)
    """`{commune}/{node}`."""

    def __post_init__(self) -> None:
        self.address = f"{self.commune}/{self.name}"
        self.name_anew()

    @property
    def key(self) -> str:
        """What its card is called on the page."""
        return key_of(self.address)

    @property
    def online(self) -> bool:
        """Whether the node is there, as far as the broker says."""
        return self.status is not None and self.status.online

    @property
    def is_older(self) -> bool:
        """Whether it is from before texts could name voices and nodes be examined: every later one tells its voices."""
        return self.about is not None and not self.about.speaks

    @property
    def title(self) -> str:
        """As people call it."""
        return self.about.name if self.about and self.about.name.strip() else self.name

    def name_anew(self) -> None:
        """After it said what it is."""
        zone = self.about.zone if self.about else None
        self.area = area_id(zone)
        self.words = plain(f"{self.title} {zone or ''} {self.address}")

    def stand(self) -> Mark:
        """How it stands now."""
        status = self.status
        if status is None:
            return NO_MARK
        if not status.online:
            return Mark.AWAY | (self._of_things() & Mark.SILENT)
        return Mark.ONLINE | self._of_things() | (Mark.FAULTY if status.fault else NO_MARK)

    def _of_things(self) -> Mark:
        found = NO_MARK
        for mark in self.marked.values():
            found |= mark
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known (any more)."""
        return self.status is None and self.about is None and not self.states


def key_of(address: str) -> str:
    """What a node's card is called on the page."""
    return f"n_{address.replace('/', '_')}"
