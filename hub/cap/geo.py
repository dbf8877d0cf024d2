"""Where a point lies: in a polygon, in a circle. Degrees, WGS 84, latitude before longitude as in CAP."""

import math
from collections.abc import Sequence
from itertools import pairwise

from hub.cap.message import Circle, Points

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG; H. Moritz, Geodetic Reference System 1980)."""
_BANDS = 64


class Shape:
    """A closed polygon, its sides sorted into bands of latitude so that few of them are looked at for one point.

    Sides are straight in degrees, as maps of a country draw them; a polygon across the 180th meridian is not meant.
    """

    def __init__(self, points: Points) -> None:
        self._south, self._north = min(p[0] for p in points), max(p[0] for p in points)
        self._west, self._east = min(p[1] for p in points), max(p[1] for p in points)
        self._bands: list[list[tuple[float, float, float, float]]] = [[] for _ in range(_BANDS)]
        for (y1, x1), (y2, x2) in pairwise(points):
            side = (y1, x1, y2, x2)
            for band in range(self._band(min(y1, y2)), self._band(max(y1, y2)) + 1):
                self._bands[band].append(side)

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether the point lies within or on the border: rays to the east cross the border an odd number of times.

        Source: M. Shimrat, Algorithm 112, Communications of the ACM 5 (1962) 434.
        """
        if not (self._south <= latitude <= self._north and self._west <= longitude <= self._east):
            return False
        inside = False
        for y1, x1, y2, x2 in self._bands[self._band(latitude)]:
            if _on_side(latitude, longitude, y1, x1, y2, x2):
                return True
            if (y1 > latitude) != (y2 > latitude):
                inside ^= longitude < x1 + (latitude - y1) * (x2 - x1) / (y2 - y1)
        return inside

    def _band(self, latitude: float) -> int:
        height = self._north - self._south
        return min(_BANDS - 1, int((latitude - self._south) / height * _BANDS)) if height > 0 else 0


def _on_side(y: float, x: float, y1: float, x1: float, y2: float, x2: float) -> bool:
    if not (min(y1, y2) <= y <= max(y1, y2) and min(x1, x2) <= x <= max(x1, x2)):
        return False
    return abs((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)) < 1e-12


def distance_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Great-circle distance in km by the haversine formula (R. W. Sinnott, Sky and Telescope 68 (1984) 159)."""
    y1, y2 = math.radians(latitude), math.radians(to_latitude)
    dy, dx = y2 - y1, math.radians(to_longitude - longitude)
    h = math.sin(dy / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin(dx / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def in_circle(circle: Circle, latitude: float, longitude: float) -> bool:
    """Whether the point lies within the circle or on its border."""
    return distance_km(circle.latitude, circle.longitude, latitude, longitude) <= circle.radius_km


def shapes(polygons: Sequence[Points]) -> tuple[Shape, ...]:
    """The polygons, ready to be asked."""
    return tuple(Shape(points) for points in polygons)
