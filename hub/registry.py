"""What the nodes say of themselves, as of now: status, about, and the state of each thing. In memory only.

The broker keeps it all as retained messages, so it is back a moment after each start.
"""

import logging
from collections.abc import Iterable
from typing import cast

from edge_agent.contract.reports import About, AnyState, BulletinState, SpeakerState, Status
from hub.clock import Clock
from hub.coming import Coming
from hub.forgotten import Forgotten
from hub.marks import NO_MARK, Mark, marks_of
from hub.messages import Message
from hub.node import Node
from hub.notice import Notice
from hub.presence import Presence
from hub.standing import Standings

logger = logging.getLogger(__name__)

MAX_THINGS = 1000
"""States remembered per node."""


class Registry:
    """All nodes."""

    def __init__(self, presence: Presence, notice: Notice, clock: Clock, most: int, forgotten: Forgotten) -> None:
        """`most`: nodes remembered; further ones are not shown."""
        self._presence = presence
        self.forgotten = forgotten
        self._notice = notice
        self._clock = clock
        self._most = most
        self._refused = 0
        self.nodes: dict[str, Node] = {}
        self.standings = Standings()
        self.coming = Coming()
        self.unheard: set[tuple[str, str]] = set()
        """Loudspeakers, by address and id, whose last sound was not heard: a node that began anew does not know it."""

    def apply(self, message: Message) -> bool:
        """Take a status, about or state; whether there was room for it, and it is of a node that is shown."""
        if self.forgotten.hides(message.address):
            if self.forgotten.keep(message):
                return False
            logger.info("%s is back after it was forgotten", message.address)
            self.forgotten.came_back(message.address, self._clock.now())
            self._again(self.forgotten.taken(message.address))
        return self._apply(message)

    async def forget(self, address: str, by: str) -> bool:
        """Take a node that is away out of everything; False: it is there, or nobody knows it.

        Raises SQLAlchemyError, StoreFull; then it is as it was.
        """
        node = self.nodes.get(address)
        if node is None or node.online:
            return False
        self._drop(node)
        try:
            await self.forgotten.hide(node, self._clock.now(), by)
        except BaseException:
            self._again(self.forgotten.taken(address))
            raise
        return True

    async def remember(self, address: str) -> bool:
        """Show a forgotten node again; False: it is not hidden. Raises SQLAlchemyError, StoreFull."""
        if not self.forgotten.hides(address):
            return False
        await self.forgotten.remember(address)
        self._again(self.forgotten.taken(address))
        return True

    def _drop(self, node: Node) -> None:
        for kind, id_ in node.states:
            if kind == "bulletin":
                self.coming.put(node.address, id_, None)
        self.standings.remove(self.nodes.pop(node.address))
        self._notice.bump()

    def _again(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._apply(message)

    def _apply(self, message: Message) -> bool:
        node = self.nodes.get(message.address)
        if node is None:
            if message.body is None or not self._has_room():
                return False
            node = self.nodes[message.address] = Node(message.topic.commune, message.topic.node)
            self.standings.add(node)
        if not self._take(node, message):
            return False
        node.version += 1
        self.standings.change(node, node.stand())
        if node.is_empty:
            self.standings.remove(self.nodes.pop(message.address))
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
                self._name(node, body if isinstance(body, About) else None)
            case _:
                return self._take_state(node, message)
        return True

    def _name(self, node: Node, about: About | None) -> None:
        if node.about == about:
            return
        self.standings.remove(node)
        node.about = about
        node.name_anew()
        self.standings.add(node)

    def _take_state(self, node: Node, message: Message) -> bool:
        key = (message.topic.kind or "", message.topic.thing or "")
        if message.body is None:
            if isinstance(node.states.pop(key, None), BulletinState):
                self.coming.put(node.address, key[1], None)
            node.marked.pop(key, None)
            return True
        if key in node.states or len(node.states) < MAX_THINGS:
            node.states[key] = state = cast(AnyState, message.body)  # decode() has checked the pair
            if isinstance(state, BulletinState):
                self.coming.put(node.address, key[1], state)
            if marks := marks_of(state) | self._silent(node.address, state):
                node.marked[key] = marks
            else:
                node.marked.pop(key, None)
            return True
        return False

    def _silent(self, address: str, state: AnyState) -> Mark:
        """A loudspeaker that was not heard stays silent until it is heard."""
        if not isinstance(state, SpeakerState):
            return NO_MARK
        if state.heard is not None:
            (self.unheard.discard if state.heard else self.unheard.add)((address, state.id))
        return Mark.SILENT if (address, state.id) in self.unheard else NO_MARK

    def _has_room(self) -> bool:
        if len(self.nodes) < self._most:
            return True
        self._refused += 1
        if self._refused == 1:
            logger.error("more than %d nodes; further ones are not shown (limits.nodes)", self._most)
        return False
