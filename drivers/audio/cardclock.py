"""When a sound card is at which frame: a line from the system's monotonic time to the card's frames.

A card has a crystal of its own and tells its position late: only in steps of N frames (USB packets, DMA bursts), and
we learn it only after the call has returned. All of that errs to one side: told at t, the position p means p <= f(t).
So the line f lies on top of all readings and as low as it can: for the slope that is the linear program of Moon, Skelly
and Towsley ("Estimation and removal of clock skew from network delay measurements", INFOCOM 1999), whose solution is
the edge of the readings' upper convex hull above their mean time. A step costs
nothing as long as some readings come right after one: the caller reads at irregular instants.
"""

from collections import deque
from itertools import pairwise

_BIN_S = 0.25  # one reading is kept of each: the one that says most
_BINS = 240  # a minute: long enough for a slope within 0.1 ppm, short enough to follow a crystal that warms up
_READY_S = 0.05
_READY_READINGS = 8
_WILDEST_PPM = 1000.0  # no crystal is that far off
_PRIOR_PPM = 60.0  # what crystals of cheap cards differ by
_KNOWN_PPM = 2.0  # what one differs by from what it was a moment ago
_WANDER_PPM = 0.3
_OFF_S = 1e-3
_STILL_S = 0.06  # cards tell their position in shorter steps

_Point = tuple[float, float]


class CardClock:
    """`read` what the card tells; ask `time_of` a frame once `ready`. Times: CLOCK_MONOTONIC, seconds."""

    def __init__(self, rate: int, drift_ppm: float | None = None, step_s: float = 0.0) -> None:
        """`drift_ppm`: what it was last time; `step_s`: in how long steps it may tell its position at the worst."""
        self.rate = rate
        self._still_s = max(_STILL_S, 2 * step_s)
        self._known_ppm = _PRIOR_PPM if drift_ppm is None else _KNOWN_PPM
        self._prior = rate * (1 + (drift_ppm or 0.0) * 1e-6)
        self._slope_ppm = self._known_ppm  # how uncertain the slope is
        self.pace = self._prior  # frames per second
        self.restarts = -1
        self.restart()

    def restart(self) -> None:
        """Forget where the card was, for it stood still or began anew; how fast it is stays known."""
        self.restarts += 1
        self._points: deque[_Point] = deque(maxlen=_BINS)  # the best reading of each bin: time, frames
        self._best: _Point | None = None  # of the bin that is open
        self._best_over = 0.0
        self._first: float | None = None
        self._bin = 0.0  # when the open bin began
        self._last: _Point = (0.0, 0.0)
        self._t0 = self._f0 = 0.0  # the line goes through this point
        self._readings = self._below = 0
        self._gap_s = 0.0  # how far the kept readings lie under the line, on average
        self.still = False

    @property
    def ready(self) -> bool:
        """Whether enough is known for an answer."""
        return (
            not self.still
            and self._readings >= _READY_READINGS
            and self._first is not None
            and self._last[0] - self._first >= _READY_S
        )

    @property
    def drift_ppm(self) -> float:
        """By how much the card is fast, in millionths."""
        return (self.pace / self.rate - 1) * 1e6

    @property
    def uncertainty_s(self) -> float:
        """How far kept readings lie under the line on average: between two of them nothing better is known."""
        return self._gap_s + 1 / self.rate

    def time_of(self, frame: float) -> float:
        """When that frame is heard."""
        return self._t0 + (frame - self._f0) / self.pace

    def frame_at(self, time: float) -> float:
        """Which frame is heard then."""
        return self._f0 + (time - self._t0) * self.pace

    def read(self, time: float, frames: int) -> None:
        """Take a reading: at `time`, right after the call, `frames` were heard. Restarts by itself when it must."""
        point, last = (time, float(frames)), self._last
        if self.still:
            self._last = point
            if point[1] > last[1]:
                self.restart()
            return
        if self._first is None:
            self._first = self._bin = time
            self._t0, self._f0 = point
        self._last = point
        self._readings += 1
        over = frames - self.frame_at(time)
        if self._wrong(over / self.rate, time - self._first):
            return
        if self._best is None or over > self._best_over:
            self._best, self._best_over = point, over
        if over > 0:  # p <= f(t): the line was too low, that much is certain
            self._t0, self._f0 = point
            self._best_over = 0.0
        if time - self._bin >= _BIN_S:
            self._close_bin(time)

    def _wrong(self, over_s: float, age_s: float) -> bool:
        """Whether the line cannot be right any more. Notes that the card stands still, restarts if it jumped ahead."""
        if -over_s > self._still_s:
            self.still = True
            return True
        if over_s > _OFF_S and age_s > 1.0:
            self.restart()
            return True
        return False

    def _close_bin(self, time: float) -> None:
        best = self._best or self._last
        under_s = (self.frame_at(best[0]) - best[1]) / self.rate
        # Readings that are all late, bin after bin: the card paused for less than what counts as standing still.
        self._below = self._below + 1 if under_s > _OFF_S + 6 * self._gap_s and len(self._points) > 4 else 0
        if self._below >= 2:
            self.restart()
            return
        self._points.append(best)
        self._best, self._bin = None, time
        self._fit()

    def _fit(self) -> None:
        points = self._points
        span = points[-1][0] - points[0][0]
        if len(points) > 2 and span > 0:
            self._fit_pace(span)
        self._fit_place()
        gaps = [self.frame_at(t) - p for t, p in list(points)[-40:]]
        self._gap_s = max(0.0, sum(gaps) / len(gaps)) / self.rate

    def _fit_pace(self, span: float) -> None:
        points = list(self._points)
        middle = sum(t for t, _ in points) / len(points)
        left, right = _edge_above(points, middle)
        pace = (right[1] - left[1]) / (right[0] - left[0])
        gap = sum(left[1] + (t - left[0]) * pace - p for t, p in points) / len(points) / self.rate
        doubt = 3e6 * (gap + 2e-6) / span / len(points) ** 0.5
        weight = 1 / (1 + (doubt / self._known_ppm) ** 2)
        ppm = ((self._prior + weight * (pace - self._prior)) / self.rate - 1) * 1e6
        self.pace = self.rate * (1 + max(-_WILDEST_PPM, min(_WILDEST_PPM, ppm)) * 1e-6)
        self._slope_ppm = min(doubt, self._known_ppm) + _WANDER_PPM
        if doubt < _KNOWN_PPM:  # from now on a restart goes on from here
            self._prior, self._known_ppm = self.pace, _KNOWN_PPM

    def _fit_place(self) -> None:
        """Lay the line on the readings, the older the softer: what the slope is wrong by adds up with their age."""
        now = self._points[-1][0]
        slack = self._slope_ppm * 1e-6 * self.rate
        self._f0 = max(p + (now - t) * (self.pace - slack) for t, p in self._points)
        self._t0 = now


def _edge_above(points: list[_Point], middle: float) -> tuple[_Point, _Point]:
    """Return the two ends of the upper convex hull's edge above `middle`. `points` in the order of time."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    for left, right in pairwise(hull):
        if right[0] >= middle:
            return left, right
    return hull[-2], hull[-1]


def _turns_left(a: _Point, b: _Point, c: _Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0
