"""Finds nodes: by words without accents, by how they stand, by area and commune; a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from hub.language import sort_key
from hub.marks import Mark
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Place, Right
from hub.plain import plain
from hub.shown import Shown

ON_PAGE = 25
SHOWS: dict[str, Mark] = {
    "online": Mark.ONLINE,
    "away": Mark.AWAY,
    "faults": Mark.FAULTY,
    "silent": Mark.SILENT,
    "unready": Mark.UNREADY,
    "on_air": Mark.ON_AIR,
}
_LONGEST = 100
AREAS_MOST = 300
"""So many areas are offered to choose from; among more one searches."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for. `place`: as grants write it; `show`: a key of `SHOWS`, or all."""

    words: str = ""
    show: str = ""
    place: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """What the address of the page says; nonsense asks for nothing."""
        show, page = query.get("show", ""), query.get("page", "")
        return cls(
            words=" ".join(query.get("q", "")[:_LONGEST].split()),
            show=show if show in SHOWS else "",
            place=query.get("place", "")[:_LONGEST],
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def query(self, **changed: object) -> str:
        """The address of the same list with some of it changed."""
        named = {"q": self.words, "show": self.show, "place": self.place, "page": self.page} | changed
        return urlencode({name: value for name, value in named.items() if value and (name, value) != ("page", 1)})


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found. `counts`: how many there are of each of `SHOWS`, and of all (empty key)."""

    nodes: tuple[Node, ...]
    all: int
    page: int
    pages: int
    counts: Mapping[str, int]


def find(shown: Shown, asked: Asked) -> Found:
    """Look among the nodes that who asks may see."""
    nodes = everywhere = shown.nodes()
    if asked.place:
        inside = {node.address for node in shown.areas.inside(Place.parse(asked.place))}
        nodes = [node for node in nodes if node.address in inside]
    if terms := plain(asked.words).split():
        nodes = [node for node in nodes if all(term in node.words for term in terms)]
    marked = shown.registry.standings.marked
    if nodes is everywhere and len(nodes) == len(shown.registry.nodes):
        counts = {show: len(marked[mark]) for show, mark in SHOWS.items()}
    else:
        own = {node.address for node in nodes}
        counts = {show: len(own & marked[mark].keys()) for show, mark in SHOWS.items()}
    counts[""] = len(nodes)
    if asked.show:
        has = marked[SHOWS[asked.show]]
        nodes = [node for node in nodes if node.address in has]
    pages = max(1, -(-len(nodes) // ON_PAGE))
    page = min(asked.page, pages)
    return Found(tuple(nodes[(page - 1) * ON_PAGE : page * ON_PAGE]), len(nodes), page, pages, counts)


def places(shown: Shown) -> tuple[tuple[str, str], ...]:
    """The areas and communes that can be chosen: as grants write them, and in words."""
    who, inside = person(), shown.registry.standings.in_place
    known = [Place.parse(place) for place in inside if place]
    if not who.may_everywhere(Right.SEE):
        known = [place for place in known if any(place.holds(own) or own.holds(place) for own in who.places(Right.SEE))]
    many = len({place.commune for place in known}) > 1
    chosen = [(str(place), place.commune) for place in known if not place.area] if many else []
    areas = [(str(place), _called(place, inside[str(place)], many)) for place in known if place.area]
    return (*sorted(chosen), *sorted(areas, key=lambda area: sort_key(area[1]))[:AREAS_MOST])


def _called(place: Place, nodes: Mapping[str, Node], many: bool) -> str:
    about = next(iter(nodes.values())).about
    name = about.zone.strip() if about and about.zone else place.area
    return f"{name} ({place.commune})" if many else name
