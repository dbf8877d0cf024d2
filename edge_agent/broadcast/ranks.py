"""Who goes before whom, and who may interrupt. Pure."""

from collections.abc import Sequence
from datetime import datetime

from edge_agent.broadcast.item import Item
from edge_agent.config.broadcast import Broadcast
from edge_agent.contract.bulletins import BulletinClass

_CLASSES: tuple[BulletinClass, ...] = ("emergency", "priority", "ordinary")


class Ranks:
    """The node's rules, and what a person chose."""

    def __init__(self, policy: Broadcast) -> None:
        self._authorities = {name: place for place, name in enumerate(policy.authorities)}
        self._later_first = policy.clash == "authority-then-later"
        self._chosen: tuple[str, ...] = ()

    def choose(self, items: Sequence[str]) -> tuple[str, ...]:
        """A person's order, which goes before what was chosen earlier; returns all that is remembered (20 at most)."""
        self._chosen = (*items, *(name for name in self._chosen if name not in items))[:20]
        return self._chosen

    def decided(self, *items: str) -> bool:
        """Whether a person said in which order these go."""
        return all(name in self._chosen for name in items)

    def key(self, item: Item, came: datetime, number: int) -> tuple[float, ...]:
        """The smallest goes first. `came`: when it was asked for, counts as its instant where it has none."""
        instant = (item.at or came).timestamp()
        if item.class_ == "priority" and self._later_first:
            instant = -instant
        return (
            _CLASSES.index(item.class_),
            self._chosen.index(item.id) if item.id in self._chosen else len(self._chosen),
            float(item.again),
            -self._authority(item),
            instant,
            number,
        )

    def interrupts(self, new: Item, playing: Item) -> bool:
        """A higher class always; of two emergencies the one of the higher authority, when it is heard first."""
        if new.class_ != playing.class_:
            return _CLASSES.index(new.class_) < _CLASSES.index(playing.class_)
        return new.class_ == "emergency" and not new.again and self._authority(new) > self._authority(playing)

    def _authority(self, item: Item) -> int:
        return self._authorities.get(item.authority, -1)
