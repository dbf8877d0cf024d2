"""Residential areas: which nodes stand in which. A node says so itself (`zone` of its configuration)."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.node import Node
from hub.people.rights import Person, Place, Right, widest
from hub.plain import area_id
from hub.registry import Registry


@dataclass(frozen=True, slots=True)
class Area:
    """A residential area, and the addresses of its nodes."""

    place: Place
    name: str
    nodes: tuple[str, ...]


class Areas:
    """What areas there are, by what the nodes say now."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def place(self, node: Node) -> Place:
        """Where a node stands, its area named."""
        return Place(node.commune, node.area, node.name)

    def place_of(self, address: str) -> Place:
        """The same by its address; for a forgotten node as it was; for one nobody knows without an area."""
        node = self._registry.nodes.get(address)
        if node is not None:
            return self.place(node)
        commune, _, name = address.partition("/")
        gone = self._registry.forgotten.get(address)
        return Place(commune, gone.area if gone else "", name)

    def may(self, who: Person, right: Right, address: str) -> bool:
        """Whether somebody has a right at a node."""
        return who.may(right, self.place_of(address))

    def nodes(self, who: Person, right: Right) -> list[Node]:
        """The nodes at which somebody has a right."""
        if who.may_everywhere(right):
            return list(self._registry.nodes.values())
        inside = [self._in(place) for place in widest(who.places(right))]
        return list({address: node for nodes in inside for address, node in nodes.items()}.values())

    def all(self, nodes: Iterable[Node] | None = None) -> tuple[Area, ...]:
        """The areas in which these nodes stand (all, if not given), by name."""
        found: dict[Place, tuple[str, list[str]]] = {}
        for node in self._registry.nodes.values() if nodes is None else nodes:
            if node.area and node.about:
                place, zone = Place(node.commune, node.area), node.about.zone
                found.setdefault(place, (str(zone).strip(), []))[1].append(node.address)
        areas = (Area(place, name, tuple(sorted(addresses))) for place, (name, addresses) in found.items())
        return tuple(sorted(areas, key=lambda area: (area.name.casefold(), str(area.place))))

    def communes(self) -> set[str]:
        """The communes of all nodes."""
        return {place for place in self._registry.standings.in_place if place and "/" not in place}

    def inside(self, place: Place) -> list[Node]:
        """The nodes that stand in a place."""
        return list(self._in(place).values())

    def _in(self, place: Place) -> dict[str, Node]:
        if place.node:
            address = f"{place.commune}/{place.node}"
            node = self._registry.nodes.get(address)
            return {address: node} if node is not None and place.holds(self.place(node)) else {}
        return self._registry.standings.in_place.get(str(place), {})


__all__ = ["Area", "Areas", "area_id"]
