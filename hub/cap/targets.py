"""Which nodes an area means."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.cap.geo import Shape, in_circle, shapes
from hub.cap.message import Area, Circle, Value
from hub.cap.settings import CapSettings
from hub.people.rights import Place


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
    known = _known(settings)
    places: list[Place] = []
    polygons: list[Shape] = []
    circles: list[Circle] = []
    unknown: list[str] = []
    for area in areas:
        coded = [place for code in area.geocodes for place in _places(code, known, settings)]
        places += coded
        polygons += shapes(area.polygons)
        circles += area.circles
        if not coded and not area.polygons and not area.circles:
            unknown.append(area.description)
    drawn = bool(polygons or circles)
    nodes: list[str] = []
    unplaced: list[str] = []
    for spot in spots:
        if any(place.holds(spot.place) for place in places) or _within(spot, polygons, circles):
            nodes.append(spot.address)
        elif drawn and spot.position is None:
            unplaced.append(spot.address)
    return Covered(tuple(sorted(nodes)), tuple(sorted(unplaced)), tuple(dict.fromkeys(unknown)))


def _within(spot: Spot, polygons: list[Shape], circles: list[Circle]) -> bool:
    if spot.position is None:
        return False
    return any(p.holds(*spot.position) for p in polygons) or any(in_circle(c, *spot.position) for c in circles)


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
