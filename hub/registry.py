"""What the nodes say of themselves, as of now: status, about, and the state of each thing. In memory only.

The broker keeps it all as retained messages, so it is back a moment after each start.
"""

import logging
from dataclasses import dataclass, field

from edge_agent.contract.reports import About, AnyState, Status
from hub.clock import Clock
from hub.messages import Message
from hub.notice import Notice
from hub.presence import Offline, Presence

logger = logging.getLogger(__name__)

MAX_THINGS = 1000
"""States remembered per node."""


@dataclass
class Node:
    """What one node said last. `version` rises with each change."""

    commune: str
    name: str
    status: Status | None = None
    about: About | None = None
    states: dict[tuple[str, str], AnyState] = field(default_factory=dict)
    offline: Offline | None = None
    version: int = 0

    @property
    def address(self) -> str:
        """`{commune}/{node}`."""
        return f"{self.commune}/{self.name}"

    @property
    def key(self) -> str:
        """What its card is called on the page."""
        return key_of(self.address)

    @property
    def online(self) -> bool:
        """Whether the node is there, as far as the broker says."""
        return self.status is not None and self.status.online

    @property
    def title(self) -> str:
        """As people call it."""
        return self.about.name if self.about and self.about.name.strip() else self.name

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known (any more)."""
        return self.status is None and self.about is None and not self.states


def key_of(address: str) -> str:
    """What a node's card is called on the page."""
    return f"n_{address.replace('/', '_')}"


class Registry:
    """All nodes."""

    def __init__(self, presence: Presence, notice: Notice, clock: Clock, most: int) -> None:
        """`most`: nodes remembered; further ones are not shown."""
        self._presence = presence
        self._notice = notice
        self._clock = clock
        self._most = most
        self._refused = 0
        self.nodes: dict[str, Node] = {}

    def apply(self, message: Message) -> bool:
        """Take a status, about or state; whether there was room for it."""
        node = self.nodes.get(message.address)
        if node is None:
            if message.body is None or not self._has_room():
                return False
            node = self.nodes[message.address] = Node(message.topic.commune, message.topic.node)
        if not self._take(node, message):
            return False
        node.version += 1
        if node.is_empty:
            del self.nodes[message.address]
        self._notice.bump()
        return True

    def is_online(self, address: str) -> bool:
        """Whether that node is known and there."""
        node = self.nodes.get(address)
        return node is not None and node.online

    def _take(self, node: Node, message: Message) -> bool:
        body = message.body
        match message.topic.channel:
            case "status":
                node.status = body if isinstance(body, Status) else None
                node.offline = self._presence.note(node.address, node.status, self._clock.now(), message.retained)
            case "about":
                node.about = body if isinstance(body, About) else None
            case _:
                return self._take_state(node, message)
        return True

    def _take_state(self, node: Node, message: Message) -> bool:
        key = (message.topic.kind or "", message.topic.thing or "")
        if message.body is None:
            node.states.pop(key, None)
        elif key in node.states or len(node.states) < MAX_THINGS:
            node.states[key] = message.body  # type: ignore[assignment]  # decode() has checked the pair
        else:
            return False
        return True

    def _has_room(self) -> bool:
        if len(self.nodes) < self._most:
            return True
        self._refused += 1
        if self._refused == 1:
            logger.error("more than %d nodes; further ones are not shown (limits.nodes)", self._most)
        return False
