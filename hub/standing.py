"""How each node stands, and how many of a place stand so: kept as messages come, so that no page counts thousands."""

from collections.abc import Iterable

from hub.language import sort_key
from hub.marks import Mark
from hub.node import Node


class Standings:
    """Sums by place (written as grants write them), nodes by place and by mark, all nodes in the order of names."""

    def __init__(self) -> None:
        self.in_place: dict[str, dict[str, Node]] = {}
        self.marked: dict[Mark, dict[str, Node]] = {mark: {} for mark in Mark}
        self._sums: dict[str, dict[Mark, int]] = {}
        self._ordered: list[Node] | None = []

    def add(self, node: Node) -> None:
        """A new node, or one whose name or area changed (after `remove`)."""
        for place in _places(node):
            self.in_place.setdefault(place, {})[node.address] = node
        self._count(node, node.marks, 1)
        self._ordered = None

    def remove(self, node: Node) -> None:
        """Forget it, as it was when it was added."""
        for place in _places(node):
            inside = self.in_place[place]
            inside.pop(node.address, None)
            if not inside:
                del self.in_place[place]
        self._count(node, node.marks, -1)
        self._ordered = None

    def change(self, node: Node, marks: Mark) -> None:
        """A node's marks become these."""
        self._count(node, node.marks & ~marks, -1)
        self._count(node, marks & ~node.marks, 1)
        node.marks = marks

    def sums(self, place: str = "") -> dict[Mark, int]:
        """How many nodes of a place have each mark."""
        return {mark: self._sums.get(place, {}).get(mark, 0) for mark in Mark}

    def ordered(self) -> list[Node]:
        """All nodes as Vietnamese readers expect them; not to be altered."""
        if self._ordered is None:
            self._ordered = in_order(self.in_place.get("", {}).values())
        return self._ordered

    def _count(self, node: Node, marks: Mark, step: int) -> None:
        for mark in marks:
            for place in _places(node):
                sums = self._sums.setdefault(place, {})
                sums[mark] = sums.get(mark, 0) + step
            if step > 0:
                self.marked[mark][node.address] = node
            else:
                self.marked[mark].pop(node.address, None)


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """By title."""
    return sorted(nodes, key=lambda node: (sort_key(node.title), node.address))


def _places(node: Node) -> tuple[str, ...]:
    area = (f"{node.commune}//{node.area}",) if node.area else ()
    return ("", node.commune, *area)
