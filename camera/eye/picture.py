"""Judge over minutes what a camera's picture is like: good, covered, moved, blurred, dark or frozen.

Compared is the pattern of edges, blurred, with patterns of this camera that were seen for long: by day, by night,
under lamps. A pattern is slow to be learnt and never learnt while the picture is not good. Fog takes contrast, not
the relation of fine to coarse edges, and dusk is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.model import Picture

Plane = NDArray[np.uint8]
Floats = NDArray[Any]
"""Of 32 bits."""

ENTER_S: dict[Picture, float] = {"dark": 60, "frozen": 60, "covered": 60, "moved": 120, "blurred": 300}
"""How long it must look so before it is told."""
LEAVE_S = 30.0
_LEARN_S = 60.0
_ADOPT_S = 6 * 3600.0
"""A camera that was turned on purpose: its new view is taken for the right one after so long."""
_PACE_S = 900.0
_MOST_VIEWS = 4
_ALIKE, _OTHER = 0.55, 0.33
"""Correlation of patterns: below the first another light, below the second another place."""
_SURE = 0.75
_SHIFT, _SHIFTED_ALIKE, _SHIFTED_MORE = 0.025, 0.6, 0.2
"""Turned a little: shifted by so much of the width it is so much alike, and so much more than unshifted."""
_DARK_LEVEL, _DARK_SPREAD = 30.0, 5.0
_FLAT = 0.25
"""Edges (grey levels per pixel) of a picture that shows nothing."""
_LEFT, _SHARP = 0.35, 0.7
"""Parts of the usual: edges of a covered, fine edges of a blurred picture."""


@dataclass(slots=True)
class _View:
    """A pattern of edges that this camera has, and how strong and how sharp it is."""

    edges: Floats
    strength: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class _Look:
    """What one picture says."""

    edges: Floats
    strength: float
    sharpness: float
    level: float
    spread: float


class PictureJudge:
    """Judges the pictures of one camera, in their order."""

    def __init__(self) -> None:
        self._views: list[_View] = []
        self._state: Picture | None = None
        self._since: datetime | None = None
        self._seems: Picture = "good"
        self._seems_since: datetime | None = None
        self._last: tuple[datetime, int] | None = None
        self._same_since: datetime | None = None
        self._begun: datetime | None = None

    @property
    def state(self) -> Picture | None:
        """What the picture is like; None until it is known."""
        return self._state

    @property
    def since(self) -> datetime | None:
        """Since when."""
        return self._since

    def look(self, small: Plane, at: datetime, fingerprint: int) -> Picture | None:
        """Take a picture (luma, small) of `at`; `fingerprint` is the same only for wholly equal pictures."""
        if self._last is not None and at < self._last[0]:
            self._forget_times()
        passed_s = (at - self._last[0]).total_seconds() if self._last is not None else 0.0
        self._begun = self._begun or at
        seems = self._seeming(_look_at(small), at, fingerprint, passed_s)
        self._last = (at, fingerprint)
        if seems != self._seems or self._seems_since is None:
            self._seems, self._seems_since = seems, at
        self._settle(at)
        return self._state

    def _forget_times(self) -> None:
        """The clock was put back."""
        self._last = self._seems_since = self._same_since = None
        self._begun = None

    def _settle(self, at: datetime) -> None:
        assert self._seems_since is not None and self._begun is not None  # noqa: S101 - look() has set them
        lasted = (at - self._seems_since).total_seconds()
        if self._state is None:
            if (at - self._begun).total_seconds() < _LEARN_S:
                return
            self._state, self._since = "good", self._begun
        needed = LEAVE_S if self._seems == "good" else ENTER_S[self._seems]
        if self._seems != self._state and lasted >= needed:
            self._state, self._since = self._seems, self._seems_since

    def _seeming(self, look: _Look, at: datetime, fingerprint: int, passed_s: float) -> Picture:
        """Return what this picture alone says."""
        if look.level < _DARK_LEVEL and look.spread < _DARK_SPREAD:
            return "dark"
        if self._last is not None and fingerprint == self._last[1]:
            self._same_since = self._same_since or self._last[0]
            if (at - self._same_since).total_seconds() >= 10:
                return "frozen"
        else:
            self._same_since = None
        if look.strength < _FLAT and not self._views:
            return "covered"
        return self._against_views(look, at, passed_s)

    def _against_views(self, look: _Look, at: datetime, passed_s: float) -> Picture:
        if not self._views:
            self._views = [_View(look.edges, look.strength, look.sharpness)]
            return "good"
        alike = [_correlation(view.edges, look.edges) for view in self._views]
        best = int(np.argmax(alike))
        view = self._views[best]
        if alike[best] < _OTHER:
            if look.strength < max(_FLAT, _LEFT * view.strength):
                return "covered" if look.level >= _DARK_LEVEL else "good"
            return self._moved(look, at)
        if alike[best] < _SURE and _shifted(view.edges, look.edges, alike[best]):
            return self._moved(look, at)
        if look.sharpness < _SHARP * view.sharpness:
            return "blurred"
        if self._state in {None, "good"}:
            self._learn(look, view, alike[best], passed_s)
        return "good"

    def _moved(self, look: _Look, at: datetime) -> Picture:
        if self._state == "moved" and self._since and at - self._since > timedelta(seconds=_ADOPT_S):
            self._views = [_View(look.edges, look.strength, look.sharpness)]
            return "good"
        return "moved"

    def _learn(self, look: _Look, view: _View, alike: float, passed_s: float) -> None:
        """Follow the view slowly; what is only roughly alike (another light) becomes a view beside it."""
        if alike < _ALIKE and len(self._views) < _MOST_VIEWS:
            self._views.append(_View(look.edges, look.strength, look.sharpness))
            return
        young = self._state is None
        pace = min(0.3, passed_s / (_LEARN_S if young else _PACE_S))
        view.edges = view.edges + np.float32(pace) * (look.edges - view.edges)
        view.strength += pace * (look.strength - view.strength)
        view.sharpness += pace * (look.sharpness - view.sharpness)


def _look_at(small: Plane) -> _Look:
    """Return edges against the contrast around them, blurred, and how strong and how sharp they are."""
    values = small.astype(np.float32)
    smooth = cv2.GaussianBlur(values, (0, 0), 1.2)
    wide = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    high = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    steep = cv2.magnitude(wide, high)
    noise = float(np.median(steep[::2, ::2])) * 1.5 + 0.6
    strong = np.maximum(steep - noise, 0)
    edges = strong / (strong + 2 * noise)
    height, width = small.shape
    pattern = cv2.resize(cv2.GaussianBlur(edges, (0, 0), 2.5), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    strength = float(np.sqrt((strong * strong).mean()))
    sharpness = _steepest(values, 0.8) / (_steepest(values, 3.0) + 0.3)
    return _Look(pattern, strength, sharpness, float(np.percentile(small[::2, ::2], 95)), float(small.std()))


def _steepest(values: Floats, sigma: float) -> float:
    """Return the slope of the steepest edges at a scale, without the noise: blurring flattens the fine ones only."""
    smooth = cv2.GaussianBlur(values, (0, 0), sigma)
    steep = cv2.magnitude(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    )
    usual, top = np.percentile(steep[::2, ::2], (50, 99))
    return max(0.0, float(top) - float(usual))


def _shifted(view: Floats, now: Floats, alike: float) -> bool:
    """Tell whether the pattern is the view's, but elsewhere."""
    height, width = view.shape
    aside, down = width // 7, height // 7
    middle = np.ascontiguousarray(now[down : height - down, aside : width - aside])
    _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(view, middle, cv2.TM_CCOEFF_NORMED))
    away = float(np.hypot(x - aside, y - down))
    return away >= _SHIFT * width and best >= max(_SHIFTED_ALIKE, alike + _SHIFTED_MORE)


def _correlation(one: Floats, other: Floats) -> float:
    first, second = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / scale if scale > 1e-6 else 0.0
