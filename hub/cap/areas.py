"""Areas of a message as they are written: polygons, circles and codes, each bounded, every mistake with its place."""

import math
import re
from itertools import pairwise

from hub.cap.message import Area, Circle, Points, Value
from hub.cap.reading import Part

MOST_POINTS = 10_000
"""Corners of all polygons of a message together."""
MOST_SHAPES = 1_000
"""Polygons and circles of a message together."""
MOST_CODES = 5_000
"""Geocodes of an area: a message may name every commune of the country."""
WIDEST = 180.0
"""Degrees of longitude that a side of a polygon spans at most; of a longer one nobody knows which way round it goes."""
_NUMBER = re.compile(r"[-+]?(\d{1,6}(\.\d{0,20})?|\.\d{1,20})", re.ASCII)
_AREA = ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling")


def values(part: Part, name: str, most: int = 1_000) -> tuple[Value, ...]:
    """Names and values of the elements of this name."""
    found: list[Value] = []
    for each in part.parts(name, most):
        each.only("valueName", "value")
        found.append(Value(each.text("valueName", required=True), each.text("value")))
    return tuple(found)


def read_area(part: Part) -> Area:
    """One area; what is wrong is written to the findings of its part."""
    part.only(*_AREA)
    polygons = (_polygon(each) for each in part.parts("polygon"))
    circles = (_circle(each) for each in part.parts("circle"))
    return Area(
        part.text("areaDesc", required=True),
        tuple(p for p in polygons if p is not None),
        tuple(c for c in circles if c is not None),
        values(part, "geocode", MOST_CODES),
    )


def _polygon(part: Part) -> Points | None:
    text = part.element.text
    if not text.strip():
        part.note("cap.note_empty_polygon")
        return None
    pairs = text.split()
    if len(pairs) > MOST_POINTS:
        part.bad("cap.bad_points", limit=MOST_POINTS)
        return None
    points = [_point(pair) for pair in pairs]
    for pair, point in zip(pairs, points, strict=True):
        if point is None:
            part.bad("cap.bad_point", value=pair)
            return None
    found = tuple(point for point in points if point is not None)
    return found if _is_ring(part, found) else None


def _is_ring(part: Part, points: Points) -> bool:
    """Whether they go around something of which it is clear what it is."""
    if len(points) < 4:
        part.bad("cap.bad_polygon_short")
    elif points[0] != points[-1]:
        part.bad("cap.bad_polygon_open")
    elif any(abs(here[1] - there[1]) > WIDEST for here, there in pairwise(points)):
        part.note("cap.note_wide_polygon")
    else:
        return True
    return False


def _circle(part: Part) -> Circle | None:
    pair, _, radius = part.words().partition(" ")
    point, reach = _point(pair), _number(radius.strip())
    if point is None or reach is None or not 0 <= reach <= 20_100:  # half the way around the earth
        part.bad("cap.bad_circle", value=part.element.text)
        return None
    return Circle(point[0], point[1], reach)


def _point(text: str) -> tuple[float, float] | None:
    latitude, comma, longitude = text.partition(",")
    y, x = _number(latitude), _number(longitude)
    if not comma or y is None or x is None or abs(y) > 90 or abs(x) > 180:
        return None
    return y, x


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def limit(part: Part, areas: list[Area]) -> None:
    """Complain where all areas of a message together draw more than maps need."""
    if sum(len(points) for area in areas for points in area.polygons) > MOST_POINTS:
        part.bad("cap.bad_points", "info", limit=MOST_POINTS)
    if sum(len(area.polygons) + len(area.circles) for area in areas) > MOST_SHAPES:
        part.bad("cap.bad_shapes", "info", limit=MOST_SHAPES)
