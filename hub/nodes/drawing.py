"""A sketch of a commune: its nodes where they stand, north up; or on a picture that somebody has fitted to the ground.

Positions are WGS 84. Over a commune the earth is flat enough: a degree of longitude is a degree of latitude times the
cosine of the latitude (equirectangular projection, standard parallel in the middle).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_agent.contract.reports import Position
from hub.marks import Mark
from hub.node import Node

SIZE = 1000.0
"""Width of the drawing in its own units; the height follows."""
MARGIN = 90.0
CELL = 130.0
"""Nodes that stand closer than a finger are one mark."""
LEAST_DEGREES = 0.002
"""About 200 m: fewer would blow up the error of the positions."""
STATES = ("alarm", "away", "faulty", "on_air", "good", "unknown")
"""The worst first: that is what a mark of several nodes shows."""

Spot = tuple[float, float]


class NotOnePlane(ValueError):
    """The three points lie on a line, or two of them at the same place."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A point of a picture, in pixels, and where it is on the ground."""

    x: float
    y: float
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Fit:
    """From the ground to a picture: x = a*longitude + b*latitude + c, y = d*longitude + e*latitude + f."""

    x: tuple[float, float, float]
    y: tuple[float, float, float]

    def at(self, place: Position) -> Spot:
        """Where a place is, in pixels."""
        lon, lat = place.longitude, place.latitude
        return (
            self.x[0] * lon + self.x[1] * lat + self.x[2],
            self.y[0] * lon + self.y[1] * lat + self.y[2],
        )


@dataclass(frozen=True, slots=True)
class Marker:
    """One node or several that stand close together."""

    number: int
    x: float
    y: float
    state: str
    nodes: tuple[Node, ...]


def fit(pins: Sequence[Pin]) -> Fit:
    """The affine map through three points (Cramer's rule). Raises NotOnePlane."""
    (a, b, c) = pins
    whole = _area((a, b, c))
    sides = [math.hypot(p.longitude - q.longitude, p.latitude - q.latitude) for p, q in ((a, b), (b, c), (a, c))]
    if min(sides) == 0 or abs(whole) < 0.02 * max(sides) ** 2:
        raise NotOnePlane
    return Fit(_solved(pins, [p.x for p in pins], whole), _solved(pins, [p.y for p in pins], whole))


def _area(pins: Sequence[Pin]) -> float:
    (a, b, c) = pins
    return (b.longitude - a.longitude) * (c.latitude - a.latitude) - (c.longitude - a.longitude) * (
        b.latitude - a.latitude
    )


def _solved(pins: Sequence[Pin], values: Sequence[float], whole: float) -> tuple[float, float, float]:
    (a, b, c), (u, v, w) = pins, values
    of_lon = ((v - u) * (c.latitude - a.latitude) - (w - u) * (b.latitude - a.latitude)) / whole
    of_lat = ((b.longitude - a.longitude) * (w - u) - (c.longitude - a.longitude) * (v - u)) / whole
    return of_lon, of_lat, u - of_lon * a.longitude - of_lat * a.latitude


def sketch_fit(places: Sequence[Position]) -> tuple[Fit, float]:
    """North up, all places inside; and the height of the drawing."""
    lats, lons = [p.latitude for p in places], [p.longitude for p in places]
    middle_lat, middle_lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    narrow = max(math.cos(math.radians(middle_lat)), 0.01)
    across = max((max(lons) - min(lons)) * narrow, LEAST_DEGREES)
    up = max(max(lats) - min(lats), LEAST_DEGREES)
    height = min(max(SIZE * up / across, SIZE * 0.6), SIZE * 1.4)
    scale = min((SIZE - 2 * MARGIN) / across, (height - 2 * MARGIN) / up)
    x = (scale * narrow, 0.0, SIZE / 2 - scale * narrow * middle_lon)
    y = (0.0, -scale, height / 2 + scale * middle_lat)
    return Fit(x, y), height


def markers(spots: Iterable[tuple[Node, Spot]], cell: float = CELL) -> tuple[Marker, ...]:
    """One mark for each group of nodes that stand close together."""
    cells: dict[tuple[int, int], list[tuple[Node, Spot]]] = {}
    for node, spot in spots:
        cells.setdefault((int(spot[0] // cell), int(spot[1] // cell)), []).append((node, spot))
    found = []
    for number, inside in enumerate(cells.values(), 1):
        x = sum(spot[0] for _, spot in inside) / len(inside)
        y = sum(spot[1] for _, spot in inside) / len(inside)
        nodes = tuple(node for node, _ in inside)
        found.append(Marker(number, x, y, min(map(state_of, nodes), key=STATES.index), nodes))
    return tuple(found)


def state_of(node: Node) -> str:
    """How a node stands, in one word for style sheets."""
    marks = node.marks
    if Mark.ALARM in marks and Mark.ONLINE in marks:
        return "alarm"
    if Mark.AWAY in marks:
        return "away"
    if Mark.ONLINE not in marks:
        return "unknown"
    if Mark.FAULTY in marks or Mark.SILENT in marks:
        return "faulty"
    return "on_air" if Mark.ON_AIR in marks else "good"
