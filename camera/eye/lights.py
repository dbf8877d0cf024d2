"""The lights that a street is known in: a lamp on or off, infrared, a flash.

When the light changes, the ground of the light that comes back is at hand, and a body in that very picture is seen.
"""

from __future__ import annotations

import cv2
import numpy as np

from camera.eye.ground import STRUCTURE, Floats, Plane, Window

_LIGHT_PART, _LIGHT_LEVELS, _LIGHT_ALIKE = 0.25, 7.0, 0.45
"""A change of light: so much of the picture is brighter or darker by so much, and its structure stays so much alike."""
_MOST = 8
"""Lights remembered; 57 kB each. The one not seen for longest goes."""
_COARSE = 4
"""Compared are the means of squares of so many pixels."""
_LEVELS, _PART_OF = 3.0, 0.06
"""So many grey levels, and such a part of the brightness, make no other light."""
_ALIKE_PART = 0.75
"""So much of the picture must be as it was: the rest may be a body."""


class Lights:
    """Remembers the ground of each light."""

    def __init__(self) -> None:
        self._known: list[tuple[Floats, Plane]] = []

    def remember(self, ground: Floats) -> None:
        """Keep the ground of a light that ends, in place of what was kept of the same."""
        coarse = _coarse(ground)
        self._known = [entry for entry in self._known if _likeness(coarse, entry[0]) < _ALIKE_PART][-(_MOST - 1) :]
        self._known.append((coarse, np.clip(ground + 0.5, 0, 255).astype(np.uint8)))

    def find(self, picture: Floats) -> Floats | None:
        """Return the ground of the light that a picture was taken in, None when it is a new one."""
        coarse = _coarse(picture)
        ranked = sorted(((_likeness(coarse, entry[0]), number) for number, entry in enumerate(self._known)))
        if not ranked or ranked[-1][0] < _ALIKE_PART:
            return None
        return self._known[ranked[-1][1]][1].astype(np.float32)


def another_light(now: Window, before: Window, alike: Floats) -> bool:
    """Tell whether the light changed in much of the picture while its structure stayed."""
    step = now.mean - before.mean
    level = _LIGHT_LEVELS + 0.06 * before.mean
    changed = np.abs(step) > level
    part = float(changed.mean())
    if part < _LIGHT_PART:
        return False
    structured = changed & (before.spread > STRUCTURE) & (now.spread > STRUCTURE)
    if structured.mean() < 0.02:  # nothing to compare: it was dark, or is
        return part > 0.6
    return float(np.median(alike[structured])) > _LIGHT_ALIKE


def _coarse(picture: Floats) -> Floats:
    height, width = picture.shape
    size = max(1, width // _COARSE), max(1, height // _COARSE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _likeness(now: Floats, then: Floats) -> float:
    """Return the part of the picture that is equally bright in both."""
    return float((np.abs(now - then) < _LEVELS + _PART_OF * then).mean())
