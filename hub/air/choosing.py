"""Which clusters somebody means: areas and single nodes that a form offers, and the nodes that were chosen."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.forms import Fields
from hub.language import sort_key
from hub.node import Node
from hub.people.areas import Areas
from hub.people.rights import Person, Place, Right

FIELD = "at:"
"""Begins the name of a field that stands for a place: `at:26734//thon-dong`."""
MOST = 150
"""Places that are offered; more are chosen by the whole commune, or from the cluster itself."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A place that can be chosen. `nodes`: clusters in it at which one has the right; `online`: of these."""

    place: str
    name: str
    nodes: int
    online: int
    chosen: bool = False
    whole: bool = False
    """Whether it is all of them."""


def has_speaker(node: Node) -> bool:
    """Whether there is a loudspeaker."""
    if node.about is not None and any(c.kind == "speaker" for c in node.about.capabilities):
        return True
    return any(kind == "speaker" for kind, _ in node.states)


def speaking_nodes(areas: Areas, who: Person, right: Right) -> list[Node]:
    """The nodes with a loudspeaker at which somebody has the right."""
    return [node for node in areas.nodes(who, right) if has_speaker(node)]


def offered(areas: Areas, who: Person, right: Right, chosen: Iterable[str] = ()) -> list[Offered]:
    """What somebody may choose from: each commune as a whole, then its areas, then nodes without an area."""
    marked = set(chosen)
    nodes = speaking_nodes(areas, who, right)
    of_commune: dict[str, list[Node]] = {}
    of_area: dict[Place, list[Node]] = {}
    for node in nodes:
        of_commune.setdefault(node.commune, []).append(node)
        of_area.setdefault(Place(node.commune, node.area), []).append(node)
    many = len(of_commune) > 1
    whole = [
        _offered(Place(commune), commune if many else "", of_commune[commune], marked, whole=True)
        for commune in sorted(of_commune)
        if len({node.area or node.name for node in of_commune[commune]}) > 1
    ]
    known = {place: about.zone for place, (first, *_) in of_area.items() if place.area and (about := first.about)}
    parts = [
        _offered(place, f"{zone} ({place.commune})" if many else f"{zone}", of_area[place], marked)
        for place, zone in known.items()
    ]
    alone = [_offered(areas.place(node), node.title, [node], marked) for node in nodes if not node.area]
    singly = [
        _offered(Place(node.commune, "", node.name), node.title, [node], marked)
        for node in nodes
        if node.area and node.address in marked
    ]
    return [*whole, *sorted([*parts, *alone], key=lambda one: sort_key(one.name)), *singly][:MOST]


def _offered(place: Place, name: str, nodes: list[Node], marked: set[str], *, whole: bool = False) -> Offered:
    online = sum(node.online for node in nodes)
    return Offered(str(place), name, len(nodes), online, str(place) in marked, whole)


def places_in(fields: Fields) -> list[str]:
    """The places that a form names."""
    return [name.removeprefix(FIELD) for name, value in fields.items() if name.startswith(FIELD) and value]


def nodes_in(areas: Areas, who: Person, right: Right, places: Iterable[str]) -> list[Node]:
    """The nodes with a loudspeaker in these places; only those at which somebody has the right, each once."""
    found: dict[str, Node] = {}
    for text in dict.fromkeys(places):
        if text:  # `` would be everywhere, and no form offers that
            for node in areas.inside(Place.parse(text)):
                if has_speaker(node) and who.may(right, areas.place(node)):
                    found[node.address] = node
    return sorted(found.values(), key=lambda node: (sort_key(node.title), node.address))


def by_commune(addresses: Iterable[str]) -> dict[str, list[str]]:
    """Addresses by their commune: one command is for nodes of one."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(address.partition("/")[0], []).append(address)
    return found
