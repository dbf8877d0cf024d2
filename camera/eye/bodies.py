"""Tell bodies from light, glow and shadows, each by its shape and what is behind it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.eye.ground import STRUCTURE, WINDOW, Floats, Window

_GLOW, _EDGELESS = 20.0, 0.2
"""So much brighter without an edge of so much of that is no body."""
_AROUND = 12
"""Pixels around a body in which a lamp that lights it would be seen."""


def bodies_of(unlike: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Close gaps and fill outlines: a plain body differs from plain ground at its edges only."""
    closed = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    whole = np.zeros_like(closed)
    cv2.drawContours(whole, outlines, -1, 1, -1)
    return whole.astype(np.uint8, copy=False)


def shrunk(part: NDArray[Any]) -> float:
    """Return how much of a blob is body: windows find its edge half a window too far out."""
    wide, high, size = (int(value) for value in part[2:5])
    return size * max(0, wide - WINDOW + 1) * max(0, high - WINDOW + 1) / (wide * high)


def only_light(part: NDArray[np.bool_], alike: Floats, now: Window, ground: Window) -> bool:
    """Tell whether what was there is still there, only brighter or darker."""
    structured = part & (ground.spread > STRUCTURE)
    if np.count_nonzero(structured) < 0.4 * np.count_nonzero(part):
        return False
    step = now.mean[structured] - ground.mean[structured]
    one_way = max(float((step > 0).mean()), float((step < 0).mean())) > 0.9
    return one_way and float(np.median(alike[structured])) > 0.75


def only_glow(part: NDArray[np.bool_], now: Window, ground: Window) -> bool:
    """Tell whether it is a bright patch without an edge: an insect before the lens, a beam of light."""
    step = now.picture - ground.picture
    edge = np.abs(step - cv2.blur(step, (WINDOW, WINDOW)))
    bright, sharp = float(np.percentile(step[part], 90)), float(np.percentile(edge[part], 95))
    return bright > _GLOW and sharp < _EDGELESS * bright


def takes_light(part: NDArray[np.bool_], now: Window, ground: Window) -> bool:
    """Tell whether a body is darker than what is behind it: rain, insects and beams of light are brighter."""
    step = now.picture[part] - ground.picture[part]
    return float(np.percentile(step, 10)) < -_GLOW / 2 and float(np.percentile(step, 90)) < _GLOW / 2


def newly_lit(part: NDArray[np.bool_], place: NDArray[Any], now: Window, before: Window) -> bool:
    """Tell whether the light changed all around: it may be a shadow, or what a lamp makes seen."""
    left, top, wide, high = (int(value) for value in place[:4])
    about = (
        slice(max(0, top - _AROUND), top + high + _AROUND),
        slice(max(0, left - _AROUND), left + wide + _AROUND),
    )
    beside = ~part[about]
    then = before.mean[about][beside]
    return bool(then.size) and float((np.abs(now.mean[about][beside] - then) > 3 + 0.03 * then).mean()) > 0.6
