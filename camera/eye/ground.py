"""What stands still before a camera, learnt picture by picture, and how unlike it a picture is.

Compared is structure, not brightness. In each small window the picture is fitted to the ground by a gain and an
offset (least squares); what the fit leaves over is compared with what it leaves over there at other times. A cloud, a
lamp or the camera's exposure changes gain and offset and leaves nothing over; a body leaves its outline and its
pattern. Rain, leaves, the camera's running clock and coding noise raise what is usual where they are.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Floats = NDArray[Any]
"""Of 32 bits."""

WINDOW = 7
"""Side of the windows, in pixels of the small picture."""
STRUCTURE = 30.0
"""Variance of a window that has structure to compare."""
_FLOOR = 2.0
"""Variance (grey levels squared) that is never taken for a change: rounding and coding."""
_GAINS = (0.1, 10.0)
_LEARN_S = 20.0
_USUAL_S, _SOON_S = 150.0, 15.0
"""How fast what is usual falls and rises."""
_PARKED_S = 25.0
"""How fast what came and stands still becomes ground."""
_UNUSUAL_MOST = 8.0
"""Times the usual: more is taken as so much, or one flash would blind the place for minutes."""


class Window:
    """A picture with the sums over its windows that comparing it needs."""

    def __init__(self, picture: Floats) -> None:
        self.picture = picture
        self.mean = box(picture)
        self.spread: Floats = np.maximum(box(picture * picture) - self.mean * self.mean, 0)


def box(values: Floats) -> Floats:
    """Return the mean over each window."""
    found: Floats = cv2.blur(values, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)
    return found


def left_over(now: Window, then: Window, noise: Floats | float) -> tuple[Floats, Floats]:
    """Fit `then` to `now` in each window; return the variance left over and the correlation (-1 to 1).

    Where `then` has no structure, its gain cannot be told from it and is taken from the brightness.
    """
    shared = box(now.picture * then.picture) - now.mean * then.mean
    weight = noise + _FLOOR
    brighter = np.clip((now.mean + 4) / (then.mean + 4), *_GAINS)
    gain = np.clip((shared + weight * brighter) / (then.spread + weight), *_GAINS)
    rest = now.spread - 2 * gain * shared + gain * gain * then.spread
    alike = shared / np.sqrt((now.spread + _FLOOR) * (then.spread + _FLOOR))
    return np.maximum(rest, 0), alike


class Ground:
    """The running picture of what stands still, and what is usually left over at each pixel."""

    def __init__(self, first: Floats) -> None:
        self._picture = first.copy()
        self._window: Window | None = None
        self._usual: Floats = np.full(first.shape, 2 * _FLOOR, np.float32)
        self._around: Floats | None = None

    @property
    def window(self) -> Window:
        """The ground, ready to be compared."""
        if self._window is None:
            self._window = Window(self._picture)
        return self._window

    @property
    def usual(self) -> Floats:
        """What is usually left over at each pixel and around it (variance)."""
        if self._around is None:
            around: Floats = cv2.blur(self._usual, (31, 31), borderType=cv2.BORDER_REFLECT)
            self._around = np.maximum(self._usual, around) + _FLOOR
        return self._around

    def unlike(self, now: Window) -> tuple[Floats, Floats]:
        """Return how many times more than usual is left over at each pixel, and the correlation."""
        rest, alike = left_over(now, self.window, self._usual)
        return rest / self.usual, alike

    @property
    def picture(self) -> Floats:
        """The ground itself."""
        return self._picture

    def start_again(self, picture: Floats) -> None:
        """Take a picture for the ground: the light is another one, and what sways shows as much more or less in it."""
        brighter = (box(picture) + 4) / (self.window.mean + 4)
        noise = np.minimum(self._usual, 2 * _FLOOR)
        self._usual = noise + (self._usual - noise) * brighter * brighter
        self._picture = picture.copy()
        self._window = self._around = None

    def learn(self, now: Window, rest: Floats, moving: NDArray[np.bool_] | None, passed_s: float) -> None:
        """Let the ground follow the picture, but not where something moves; `rest` is what `unlike` returned."""
        pace = np.float32(min(0.5, passed_s / _LEARN_S))
        usual = np.minimum(rest, _UNUSUAL_MOST) * (self.usual)
        rises = usual > self._usual
        speed = np.where(rises, np.float32(min(0.4, passed_s / _SOON_S)), np.float32(min(0.3, passed_s / _USUAL_S)))
        share: Floats | np.float32 = pace
        if moving is not None:
            share = np.where(moving, np.float32(min(0.3, passed_s / _PARKED_S / 3)), pace)
            speed[moving] = 0
        self._picture += share * (now.picture - self._picture)
        self._usual += speed * (usual - self._usual)
        self._window = self._around = None
