"""Find what moves in a series of small luma pictures, which may be seconds apart.

Something moves where the picture is unlike the ground AND unlike the picture before: what was left behind, parked or
newly lit differs from the ground only. Everything is judged anew with each picture; `Doubts` asks for a second one
where one picture can deceive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.eye.bodies import bodies_of, newly_lit, only_glow, only_light, shrunk, takes_light
from camera.eye.ground import WINDOW, Floats, Ground, Plane, Window, left_over
from camera.eye.lights import Lights, another_light
from camera.eye.zones import WHOLE, areas_of
from camera.settings import Motion, Sensitivity

LONG_SIDE = 320
"""Pixels of the longer side of the picture that is looked at."""
_TIMES: dict[Sensitivity, float] = {"low": 16.0, "normal": 8.0, "high": 5.0}
"""How many times more than usual must be left over."""
_FAINT = 0.5
"""Of that, for a body that a second picture must show again, elsewhere."""
_AGAIN = 0.6
"""Of that, against the picture before: it has noise of its own."""
_THIN = 5
"""What is thinner than half of it (pixels of the small picture) is not seen: rain, snow, digits, wires."""
_DROPS, _LIT_DROPS = 3, 4
"""What is brighter and narrower is taken away before, by day and by night: rain so dense is not thin to a median."""
_LEARN_PICTURES, _LEARN_S = 6, 8.0
_APART_S = 0.8
"""The picture before is at least so old: a slow walker does little in a fifteenth of a second."""
_SMALL = 0.002
"""Less of the picture may be two drops side by side, or a branch in a gust."""
_MUCH = 0.45
"""More of the picture at once may be a body before the lens, or the camera that was touched."""


@dataclass(frozen=True, slots=True)
class Body:
    """One of the things that move: where (fractions: left, top, right, bottom), and how much of the picture."""

    box: tuple[float, float, float, float]
    size: float
    faint: bool = False
    """Little unlike what is behind it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What moves: how much of the picture, where (fractions: left, top, right, bottom), in which zones."""

    score: float
    box: tuple[float, float, float, float]
    zones: tuple[str, ...]
    doubtful: bool
    """One picture of this kind can deceive: insects and beams of light at night, drops, a flash, what is faint."""
    bodies: tuple[Body, ...] = ()


class MotionFinder:
    """Looks at the pictures of one camera, in their order."""

    def __init__(self, settings: Motion, height: int, width: int) -> None:
        self._settings = settings
        self._areas = areas_of(settings, height, width)
        self._seen = np.maximum.reduce([area.mask for area in self._areas])
        self._shape = (height, width)
        self._ground: Ground | None = None
        self._lights = Lights()
        self._before: Window | None = None
        self._before_s = self._last_s = 0.0
        self._pictures, self._first_s = 0, 0.0
        self.learning = True
        """Until the first pictures are known nothing can be said."""
        self.light_changed = False
        """Whether the last picture showed another light: nothing can be said of it either."""

    def look(self, small: Plane, at_s: float, night: bool = False) -> Found | None:
        """Return what moves in `small` (luma, `height` x `width`), seen at `at_s` (seconds, growing)."""
        now = _smoothed(small, night)
        if self._ground is None or self._before is None:
            self._ground, self._before = Ground(now.picture), now
            self._first_s = self._before_s = self._last_s = at_s
            self._pictures = 1
            return None
        passed_s = max(0.0, at_s - self._last_s)
        self._last_s = at_s
        self._pictures += 1
        self.learning = self._pictures <= _LEARN_PICTURES or at_s - self._first_s < _LEARN_S
        before = self._before
        rest, alike = self._ground.unlike(now)
        found, moving, known = None, None, None
        other_light = another_light(now, before, alike)
        if other_light:
            known = self._lights.find(now.picture)
            self._lights.remember(self._ground.picture)
            self._ground.start_again(now.picture if known is None else known)
            rest, alike = self._ground.unlike(now)
        self.light_changed = other_light and known is None
        if not self.light_changed:
            if not self.learning:
                found, moving = self._moving((now, None if other_light else before), (rest, alike), night)
            self._ground.learn(now, rest, moving, passed_s)
        if other_light or at_s - self._before_s >= _APART_S:
            self._before, self._before_s = now, at_s
        return found

    def _moving(
        self, pictures: tuple[Window, Window | None], unlikeness: tuple[Floats, Floats], night: bool
    ) -> tuple[Found | None, NDArray[np.bool_] | None]:
        """Find what is unlike the ground and, where its light was the same, unlike the picture before."""
        assert self._ground is not None  # noqa: S101 - look() has set it
        now, before = pictures
        rest, alike = unlikeness
        settings = self._settings
        sensitivity = (night and settings.night_sensitivity) or settings.sensitivity
        times = _TIMES[sensitivity]
        if before is not None:
            usual = self._ground.usual
            change, _ = left_over(now, before, usual)
            rest = np.minimum(rest, change / (_AGAIN * usual))
        rest = rest * self._seen
        faint = rest > times * _FAINT
        if np.count_nonzero(faint) < 20:
            return None, None
        blobs = bodies_of(faint)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=8)
        if count < 2:
            return None, None
        clear = rest > times
        doubt = before is None
        return self._judge((labels, stats), (alike, clear), now, (night, doubt))

    def _judge(
        self,
        blobs: tuple[NDArray[Any], NDArray[Any]],
        looks: tuple[Floats, NDArray[np.bool_]],
        now: Window,
        dark: tuple[bool, bool],
    ) -> tuple[Found | None, NDArray[np.bool_] | None]:
        """Keep the bodies that are large enough in a zone, and say whether one picture is enough."""
        assert self._ground is not None  # noqa: S101
        ground = self._ground.window
        labels, stats = blobs
        alike, clear = looks
        night, doubt = dark
        height, width = self._shape
        kept, zones, bodies, sure = [], set(), [], False
        least = min(area.least for area in self._areas)
        for label in range(1, len(stats)):
            if shrunk(stats[label]) < least:
                continue
            part = labels == label
            body = shrunk(stats[label]) / stats[label, cv2.CC_STAT_AREA]
            inside = [area for area in self._areas if body * np.count_nonzero(part & (area.mask > 0)) >= area.least]
            if not inside or only_light(part, alike, now, ground) or (night and only_glow(part, now, ground)):
                continue
            kept.append(label)
            zones |= {area.id for area in inside}
            left, top, wide, high, _ = (int(value) for value in stats[label])
            place = (left / width, top / height, (left + wide) / width, (top + high) / height)
            faint = not self._clear(part & clear)
            bodies.append(Body(place, shrunk(stats[label]) / (height * width), faint))
            deceives = bodies[-1].size < _SMALL or newly_lit(part, stats[label], now, self._before or ground)
            sure = sure or not (faint or deceives or (night and not takes_light(part & clear, now, ground)))
        if not kept:
            return None, None
        moving = np.isin(labels, kept)
        score = sum(body.size for body in bodies)
        best = max(bodies, key=lambda body: body.size)
        crowd = len(stats) - 1 - len(kept) > 6
        doubtful = doubt or crowd or score > _MUCH or not sure
        near = cv2.dilate(moving.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
        return Found(score, best.box, tuple(sorted(zones - {WHOLE})), doubtful, tuple(bodies)), near

    def _clear(self, part: NDArray[np.bool_]) -> bool:
        """Tell whether enough of a body is so much unlike that one picture is enough."""
        _, _, stats, _ = cv2.connectedComponentsWithStats(bodies_of(part), connectivity=8)
        least = min(area.least for area in self._areas)
        return any(shrunk(one) >= least for one in stats[1:])


def _smoothed(small: Plane, night: bool) -> Window:
    """Return the picture without what is thin."""
    smooth = cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((1, _LIT_DROPS if night else _DROPS), np.uint8))
    return Window(np.asarray(cv2.medianBlur(smooth, _THIN), np.float32))


def small_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the small picture of a picture so large."""
    scale = min(1.0, LONG_SIDE / max(height, width))
    return max(16, round(height * scale)), max(16, round(width * scale))


def small_of(luma: Plane) -> Plane:
    """Return the small picture of a luma plane."""
    height, width = small_size(*luma.shape)
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
