"""How each node stands, and how many of a place stand so: kept as messages come, so that no page counts thousands."""

from collections.abc import Callable, Iterable
from enum import IntFlag
from typing import TYPE_CHECKING

from edge_agent.contract.reports import AnyState, BulletinState, SpeakerState
from hub.language import sort_key

if TYPE_CHECKING:
    from hub.registry import Node


class Mark(IntFlag):
    """What is true of a node now."""

    ONLINE = 1
    AWAY = 2
    FAULTY = 4
    """It says that something of it is wrong; what it said before it went away counts no more."""
    SILENT = 8
    """What it played last was not heard."""
    ON_AIR = 16
    ALARM = 32
    """An emergency repeats."""
    UNREADY = 64
    """It has a bulletin to air that is not ready, or cannot be aired."""


NO_MARK = Mark(0)


def _unready(state: AnyState) -> bool:
    if not isinstance(state, BulletinState) or state.next is None:
        return False
    return state.actual == "preparing" or state.fault is not None


_OF_STATE: tuple[tuple[Mark, Callable[[AnyState], bool]], ...] = (
    (Mark.FAULTY, lambda state: state.fault is not None and not isinstance(state, BulletinState)),
    (Mark.SILENT, lambda state: isinstance(state, SpeakerState) and state.heard is False),
    (Mark.ON_AIR, lambda state: isinstance(state, SpeakerState) and state.actual != "idle"),
    (Mark.ALARM, lambda state: isinstance(state, SpeakerState) and bool(state.emergencies)),
    (Mark.UNREADY, _unready),
)


def marks_of(state: AnyState | None) -> Mark:
    """What a state of one thing says of its node."""
    found = NO_MARK
    if state is not None:
        for mark, is_so in _OF_STATE:
            if is_so(state):
                found |= mark
    return found


class Standings:
    """Sums by place (written as grants write them), nodes by place and by mark, all nodes in the order of names."""

    def __init__(self) -> None:
        self.in_place: dict[str, dict[str, Node]] = {}
        self.marked: dict[Mark, dict[str, Node]] = {mark: {} for mark in Mark}
        self._sums: dict[str, dict[Mark, int]] = {}
        self._ordered: list[Node] | None = []

    def add(self, node: "Node") -> None:
        """A new node, or one whose name or area changed (after `remove`)."""
        for place in _places(node):
            self.in_place.setdefault(place, {})[node.address] = node
        self._count(node, node.marks, 1)
        self._ordered = None

    def remove(self, node: "Node") -> None:
        """Forget it, as it was when it was added."""
        for place in _places(node):
            inside = self.in_place[place]
            inside.pop(node.address, None)
            if not inside:
                del self.in_place[place]
        self._count(node, node.marks, -1)
        self._ordered = None

    def change(self, node: "Node", marks: Mark) -> None:
        """A node's marks become these."""
        self._count(node, node.marks & ~marks, -1)
        self._count(node, marks & ~node.marks, 1)
        node.marks = marks

    def sums(self, place: str = "") -> dict[Mark, int]:
        """How many nodes of a place have each mark."""
        return {mark: self._sums.get(place, {}).get(mark, 0) for mark in Mark}

    def ordered(self) -> "list[Node]":
        """All nodes as Vietnamese readers expect them; not to be altered."""
        if self._ordered is None:
            self._ordered = in_order(self.in_place.get("", {}).values())
        return self._ordered

    def _count(self, node: "Node", marks: Mark, step: int) -> None:
        for mark in marks:
            for place in _places(node):
                sums = self._sums.setdefault(place, {})
                sums[mark] = sums.get(mark, 0) + step
            if step > 0:
                self.marked[mark][node.address] = node
            else:
                self.marked[mark].pop(node.address, None)


def in_order(nodes: "Iterable[Node]") -> "list[Node]":
    """By title."""
    return sorted(nodes, key=lambda node: (sort_key(node.title), node.address))


def _places(node: "Node") -> tuple[str, ...]:
    area = (f"{node.commune}//{node.area}",) if node.area else ()
    return ("", node.commune, *area)
