"""Which nodes an area means."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from hub.cap.geo import Region
from hub.cap.message import Area, Circle, Points, Value
from hub.cap.settings import CapSettings
from hub.people.rights import Place

REMEMBERED = 64
"""Alerts of which is remembered which nodes lie in what they draw."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A node as areas see it: its address, its place with the area named, its position in degrees if it is known."""

    address: str
    place: Place
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """The nodes that areas mean. `unplaced`: nodes of which nobody knows, for they do not say where they stand.

    `unknown`: descriptions of areas of which only the name is given, or whose codes mean nothing here.
    """

    nodes: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def covered(areas: Iterable[Area], spots: Iterable[Spot], settings: CapSettings) -> Covered:
    """The nodes in these areas: within any of their polygons, circles and geocodes (CAP 1.2, section 3.2.4)."""
    known, listed = _known(settings), tuple(areas)
    coded = [[place for code in area.geocodes for place in _places(code, known, settings)] for area in listed]
    places = {place for found in coded for place in found}
    unknown = [a.description for a, found in zip(listed, coded, strict=True) if not (found or a.polygons or a.circles)]
    drawn = region(tuple((area.polygons, area.circles) for area in listed))
    nodes: list[str] = []
    unplaced: list[str] = []
    for spot in spots:
        if any(place in places for place in _around(spot.place)) or (spot.position and drawn.holds(*spot.position)):
            nodes.append(spot.address)
        elif drawn and spot.position is None:
            unplaced.append(spot.address)
    return Covered(tuple(sorted(nodes)), tuple(sorted(unplaced)), tuple(dict.fromkeys(unknown)))


@lru_cache(maxsize=REMEMBERED)
def region(drawn: tuple[tuple[tuple[Points, ...], tuple[Circle, ...]], ...]) -> Region:
    """What is drawn of areas; remembered, for the pages ask of the same alerts again and again."""
    polygons = (points for found, _ in drawn for points in found)
    return Region(polygons, (circle for _, found in drawn for circle in found))


def _around(place: Place) -> Iterator[Place]:
    """All places that hold this one, as `Place.holds` has it."""
    found = product({"", place.commune}, {"", place.area}, {"", place.node})
    around = (Place(commune, area, node) for commune, area, node in found)
    return (each for each in around if each.holds(place))


_Known = dict[str, list[tuple[str, tuple[Place, ...]]]]


def _known(settings: CapSettings) -> _Known:
    known: _Known = {}
    for code in settings.geocodes:
        known.setdefault(code.value, []).append((code.name, code.places))
    return known


def _places(code: Value, known: _Known, settings: CapSettings) -> list[Place]:
    """What a code means: as configured, else a commune's own code."""
    found = [place for name, places in known.get(code.value, ()) if name in ("", code.name) for place in places]
    if found or code.name not in settings.commune_codes or not code.value:
        return found
    return [Place(code.value)]
