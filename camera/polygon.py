"""Parts of a picture that a person drew: what makes a polygon usable, and what lies in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_core import PydanticCustomError

Corners = Sequence[Sequence[float]]

_LEAST_AREA = 0.0001
"""Part of the picture: a hundredth of its width and height. Less is a mistake of the hand."""
_STEPS = 40
"""Places looked at along the width and the height to see what is covered."""


def check_corners(value: Any) -> Any:
    """Refuse corners that make no part of a picture, in words that name the corner; other mistakes are not seen here.

    Raises `PydanticCustomError`: config.polygon_bare, config.polygon_few, config.polygon_outside,
    config.polygon_crosses, config.polygon_flat.
    """
    if not isinstance(value, list | tuple):
        return value
    if value and all(isinstance(part, int | float) for part in value):
        raise PydanticCustomError("config.polygon_bare", "corners without a list around them", {})
    if len(value) < 3:
        raise PydanticCustomError("config.polygon_few", "{count} corners, at least 3", {"count": len(value)})
    if not all(_is_place(corner) for corner in value):
        return value
    for number, (x, y) in enumerate(value, start=1):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            params = {"number": number, "x": x, "y": y}
            raise PydanticCustomError("config.polygon_outside", "corner {number} lies outside of the picture", params)
    if (pair := _crossing(value)) is not None:
        params = {"one": f"{pair[0]}–{_after(pair[0], value)}", "other": f"{pair[1]}–{_after(pair[1], value)}"}
        raise PydanticCustomError("config.polygon_crosses", "sides {one} and {other} cross", params)
    if area(value) < _LEAST_AREA:
        raise PydanticCustomError("config.polygon_flat", "the corners enclose nothing", {})
    return value


def area(corners: Corners) -> float:
    """Part of the picture that a polygon without crossings encloses (the shoelace formula)."""
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in sides)) / 2


def holds(corners: Corners, x: float, y: float) -> bool:
    """Whether a place lies in a polygon: a ray to the right crosses an odd number of its sides."""
    inside = False
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]):
            inside = not inside
    return inside


def covered(masks: Sequence[Corners], zone: Corners | None = None) -> bool:
    """Whether masks leave nothing of a zone, or of the whole picture, but slivers of a fortieth."""
    if not masks:
        return False
    looked = [place for place in _places() if zone is None or holds(zone, *place)]
    return bool(looked) and all(any(holds(mask, *place) for mask in masks) for place in looked)


def _places() -> Iterator[tuple[float, float]]:
    for row in range(_STEPS):
        for column in range(_STEPS):
            yield (column + 0.5) / _STEPS, (row + 0.5) / _STEPS


def _is_place(corner: Any) -> bool:
    return (
        isinstance(corner, list | tuple)
        and len(corner) == 2
        and all(isinstance(part, int | float) and not isinstance(part, bool) for part in corner)
    )


def _after(number: int, corners: Corners) -> int:
    return number % len(corners) + 1


def _crossing(corners: Corners) -> tuple[int, int] | None:
    """The first two sides that cross, by the numbers of the corners where they begin, from 1."""
    count = len(corners)
    for one in range(count):
        for other in range(one + 2, count):
            if (one, other) == (0, count - 1):  # neighbours share a corner
                continue
            a, b = corners[one], corners[one + 1]
            c, d = corners[other], corners[(other + 1) % count]
            if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
                return one + 1, other + 1
    return None


def _turn(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
