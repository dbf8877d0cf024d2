"""Nodes of communes that this hub does not serve: who they are, so that somebody can put it right."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hub.clock import Clock
from hub.notice import Notice

MOST_COMMUNES = 20
MOST_NODES = 100
"""Of each commune; whoever floods the broker fills no memory."""


@dataclass(slots=True)
class Stranger:
    """A commune that `communes` does not name. `nodes`: names, at most `MOST_NODES`."""

    commune: str
    last: datetime
    nodes: dict[str, None] = field(default_factory=dict)


class Strangers:
    """Since the hub began."""

    def __init__(self, communes: Iterable[str], clock: Clock, notice: Notice) -> None:
        """`communes`: those whose nodes are listened to; none given: all."""
        self._served = frozenset(communes)
        self._clock = clock
        self._notice = notice
        self._known: dict[str, Stranger] = {}
        self.messages = 0
        """How many were refused."""

    def refuses(self, commune: str, node: str) -> bool:
        """Whether a message of that node is not for this hub; then it is noted."""
        if not self._served or commune in self._served:
            return False
        self.messages += 1
        self._note(commune, node)
        return True

    def all(self) -> list[Stranger]:
        """By commune."""
        return sorted(self._known.values(), key=lambda each: each.commune)

    def _note(self, commune: str, node: str) -> None:
        if commune not in self._known and len(self._known) >= MOST_COMMUNES:
            return
        known = self._known.setdefault(commune, Stranger(commune, self._clock.now()))
        known.last = self._clock.now()
        if node not in known.nodes and len(known.nodes) < MOST_NODES:
            known.nodes[node] = None
            self._notice.bump()
