"""Where a point lies: in a polygon, in a circle. Degrees, WGS 84, latitude before longitude as in CAP."""

import math
from collections.abc import Iterable
from itertools import pairwise

from hub.cap.message import Circle, Points

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG; H. Moritz, Geodetic Reference System 1980)."""
_MARGIN = 1e-6
"""Degrees; for rounding."""
_MOST_BANDS = 4096
_MOST_KNOWN = 20_000
_NEAR = 1e-12
"""Of a side, in square degrees: what lies so near lies on it."""


class Shape:
    """A closed polygon, its sides sorted into bands of latitude so that few of them are looked at for one point.

    Sides are straight in degrees, as maps of a country draw them; a polygon across the 180th meridian is not meant.
    One that crosses itself holds what an odd number of its borders lies around.
    """

    def __init__(self, points: Points) -> None:
        self._south, self._north = min(p[0] for p in points), max(p[0] for p in points)
        self._west, self._east = min(p[1] for p in points), max(p[1] for p in points)
        self._count = self._bands_for(points)
        self._bands: list[list[tuple[float, float, float, float]]] = [[] for _ in range(self._count)]
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
            if not (y1 <= latitude <= y2 or y2 <= latitude <= y1):
                continue
            beside = (x2 - x1) * (latitude - y1) - (y2 - y1) * (longitude - x1)
            if -_NEAR < beside < _NEAR and (x1 <= longitude <= x2 or x2 <= longitude <= x1):
                return True
            if (y1 > latitude) != (y2 > latitude):
                inside ^= (beside > 0) == (y2 > y1)
        return inside

    def _bands_for(self, points: Points) -> int:
        """As many as there are sides, but that long sides, which lie in many, do not fill the memory."""
        height = self._north - self._south
        reach = sum(abs(y1 - y2) for (y1, _), (y2, _) in pairwise(points)) / height if height > 0 else 1.0
        return max(1, min(_MOST_BANDS, int(4 * len(points) / max(1.0, reach))))

    def _band(self, latitude: float) -> int:
        height = self._north - self._south
        return min(self._count - 1, int((latitude - self._south) / height * self._count)) if height > 0 else 0


class Disc:
    """A circle, with the box in which it lies: most points lie beside that."""

    def __init__(self, circle: Circle) -> None:
        self._circle = circle
        angle = circle.radius_km / EARTH_KM
        self._high = math.degrees(angle) + _MARGIN
        north = math.radians(abs(circle.latitude)) + angle
        around = north < math.pi / 2  # no pole lies within
        ratio = math.sin(angle) / math.cos(math.radians(circle.latitude)) if around else 1.0
        self._wide = math.degrees(math.asin(min(1.0, ratio))) + _MARGIN if around else 180.0

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether the point lies within or on the border."""
        if abs(latitude - self._circle.latitude) > self._high:
            return False
        beside = abs(longitude - self._circle.longitude)
        return min(beside, 360 - beside) <= self._wide and in_circle(self._circle, latitude, longitude)


class Region:
    """Polygons and circles together. What it said of a point it knows: nodes stand still, and are asked of often."""

    def __init__(self, polygons: Iterable[Points], circles: Iterable[Circle]) -> None:
        self._parts = [Shape(points) for points in dict.fromkeys(polygons)]
        self._discs = [Disc(circle) for circle in dict.fromkeys(circles)]
        self._known: dict[tuple[float, float], bool] = {}

    def __bool__(self) -> bool:
        return bool(self._parts or self._discs)

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether the point lies within any of them."""
        at = (latitude, longitude)
        if at not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[at] = any(p.holds(*at) for p in self._parts) or any(d.holds(*at) for d in self._discs)
        return self._known[at]


def distance_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Great-circle distance in km by the haversine formula (R. W. Sinnott, Sky and Telescope 68 (1984) 159)."""
    y1, y2 = math.radians(latitude), math.radians(to_latitude)
    dy, dx = y2 - y1, math.radians(to_longitude - longitude)
    h = math.sin(dy / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin(dx / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def in_circle(circle: Circle, latitude: float, longitude: float) -> bool:
    """Whether the point lies within the circle or on its border."""
    return distance_km(circle.latitude, circle.longitude, latitude, longitude) <= circle.radius_km
