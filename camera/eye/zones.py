"""Zones and masks drawn on the small picture that is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.settings import Motion, Polygon

Mask = NDArray[np.uint8]
WHOLE = ""
"""The zone of a camera that has none: the whole picture. Not told in events."""


@dataclass(frozen=True, slots=True)
class Area:
    """A zone: 1 where motion counts, and the least pixels that must move in it."""

    id: str
    mask: Mask
    least: float


def filled(polygons: Iterable[Polygon], height: int, width: int) -> Mask:
    """Return 1 within any of the polygons, 0 outside."""
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        corners = np.array([(x * width, y * height) for x, y in polygon], np.float64)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask


def areas_of(settings: Motion, height: int, width: int) -> list[Area]:
    """Return where motion counts: the zones without the masks, or the whole picture without them."""
    seen = 1 - filled(settings.masks, height, width)
    size = height * width
    if not settings.zones:
        return [Area(WHOLE, seen, settings.smallest * size)]
    return [
        Area(
            zone.id,
            filled([zone.points], height, width) & seen,
            (settings.smallest if zone.smallest is None else zone.smallest) * size,
        )
        for zone in settings.zones
    ]
