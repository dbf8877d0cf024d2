"""Look at one camera: decode, find motion, make events with their pictures, judge what the picture is like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from camera.eye.decode import Follower, Plane, decode_key, is_grey, luma_of, print_of
from camera.eye.detector import Detector, overlap
from camera.eye.events import BETTER, Doubts, EventMaker
from camera.eye.finder import Found, MotionFinder, small_of, small_size
from camera.eye.picture import PictureJudge
from camera.eye.still import snapshot_from
from camera.eye.words import Look, Moved, Seen
from camera.model import CameraFault, MotionEvent
from camera.settings import Detector as DetectorSettings
from camera.settings import Motion

if TYPE_CHECKING:
    import av

_OFTEN_S = 0.24
"""Pictures that follow faster are decoded (`frames: all`), not looked at: 4 a second find what lasts a second."""
_JUDGE_S = 5.0
_DARK = 50.0
"""Mean brightness of a night."""
_BROKEN_OFF_S = 30.0
_MOST_DETECTED = 960
"""Longer side of the picture that a detector gets, in pixels."""

OpenDetector = Callable[[DetectorSettings], Detector]


@dataclass(slots=True)
class _Shown:
    """The picture that shows the running event best, and how much moved in it."""

    jpeg: bytes
    score: float


class CameraWatch:
    """Looks at the pictures of one camera, in their order. `open_detector` is asked once for the model, if any."""

    def __init__(self, camera: str, settings: Motion, open_detector: OpenDetector) -> None:
        self._camera, self._settings = camera, settings
        self._follower = Follower()
        self._finder: MotionFinder | None = None
        self._size = (0, 0)
        self._doubts, self._events, self._judge = Doubts(), EventMaker(camera, settings), PictureJudge()
        self._shown: _Shown | None = None
        self._last: datetime | None = None
        self._begun: datetime | None = None
        self._judged: datetime | None = None
        self._moving: bool | None = None
        self._detector: Detector | None = None
        self._fault: CameraFault | None = None
        if settings.detector is not None:
            self._try_detector(lambda: open_detector(settings.detector))  # type: ignore[arg-type]

    def look(self, look: Look) -> tuple[list[Moved], Seen]:
        """Look at a picture; return the events that began or ended with it, and what was seen."""
        told: list[Moved] = []
        fault = self._fault
        try:
            picture = self._decode(look)
            if picture is not None and self._due(look.at):
                told = self._examine(picture, look)
        except CameraFault as broken:
            fault, self._moving = broken, None
        fault = fault or self._fault
        seen = Seen(look.camera, look.number, self._moving, self._judge.state, self._judge.since)
        if fault is not None:
            seen = replace(seen, code=fault.code, detail=fault.detail)
        return told, seen

    def broke_off(self) -> list[Moved]:
        """No picture came for long: end the event that goes on."""
        self._doubts = Doubts()
        self._follower.cut()
        return self._with_pictures(self._events.finish())

    def _decode(self, look: Look) -> av.VideoFrame | None:
        if self._settings.frames == "all":
            return self._follower.decode(look.coded, look.key)
        return decode_key(look.coded, fast=True) if look.key else None

    def _due(self, at: datetime) -> bool:
        if self._last is None or at < self._last - timedelta(seconds=1):
            return True
        return (at - self._last).total_seconds() >= _OFTEN_S

    def _examine(self, picture: av.VideoFrame, look: Look) -> list[Moved]:
        luma = luma_of(picture)
        small = small_of(luma)
        told = self._begin_anew(look.at, luma.shape)
        self._judge_picture(small, luma, look.at)
        assert self._finder is not None and self._begun is not None and self._last is not None  # noqa: S101
        night = float(small.mean()) < _DARK or is_grey(picture)
        found = self._finder.look(small, (look.at - self._begun).total_seconds(), night)
        before, self._last = self._last, look.at
        begin = self._doubts.ask(found, look.at, before)
        label = None
        if found is not None and begin is not None and self._events.open is None:
            found, label = self._recognised(picture, found)
        if self._finder.light_changed:
            return told
        if found is None or begin is None:
            told += self._with_pictures(self._events.still(look.at))
        else:
            events = self._events.moving(begin, look.at, found, label)
            told += self._with_pictures([event for event in events if event.end is not None])
            self._show(picture, found, look)
            told += self._with_pictures([event for event in events if event.end is None])
        self._moving = None if self._finder.learning else self._events.open is not None
        return told

    def _begin_anew(self, at: datetime, size: tuple[int, ...]) -> list[Moved]:
        """Forget what does not fit: another size of pictures, a clock that was put back, a long gap."""
        told: list[Moved] = []
        passed_s = (at - self._last).total_seconds() if self._last is not None else 0.0
        if passed_s < -1 or passed_s > _BROKEN_OFF_S:
            told = self._with_pictures(self._events.finish())
            self._doubts = Doubts()
        if self._finder is None or self._begun is None or size != self._size or passed_s < -1:
            self._size = (size[0], size[1])
            self._finder, self._begun = MotionFinder(self._settings, *small_size(*self._size)), at
        if self._last is None or abs(passed_s) > _BROKEN_OFF_S or passed_s < 0:
            self._last = at
        return told

    def _judge_picture(self, small: Plane, luma: Plane, at: datetime) -> None:
        if self._judged is None or abs((at - self._judged).total_seconds()) >= _JUDGE_S:
            self._judged = at
            self._judge.look(small, at, print_of(luma))

    def _recognised(self, picture: av.VideoFrame, found: Found) -> tuple[Found | None, str | None]:
        """Ask the detector what moves; nothing of what is wanted: no motion. Without a working model: motion."""
        detector = self._detector
        if detector is None:
            return found, None
        scale = min(1.0, _MOST_DETECTED / max(picture.width, picture.height))
        wide, high = (max(2, round(side * scale)) for side in (picture.width, picture.height))
        try:
            things = detector.detect(picture.reformat(wide, high, "rgb24").to_ndarray().astype(np.uint8, copy=False))
        except CameraFault as fault:
            self._detector, self._fault = None, fault
            return found, None
        for thing in things:
            if overlap(thing.box, found.box) > 0:
                return replace(found, score=thing.score, box=thing.box), thing.label
        return None, None

    def _try_detector(self, opened: Callable[[], Detector]) -> None:
        try:
            self._detector = opened()
        except CameraFault as fault:
            self._fault = fault

    def _show(self, picture: av.VideoFrame, found: Found, look: Look) -> None:
        """Keep the picture when it shows the event better; people get it with the deblocking filter."""
        if self._shown is not None and found.score < BETTER * self._shown.score:
            return
        if self._settings.frames == "key":
            picture = decode_key(look.coded)
        jpeg = snapshot_from(picture, look.at, self._settings.masks, found.box).jpeg
        self._shown = _Shown(jpeg, found.score)

    def _with_pictures(self, events: list[MotionEvent]) -> list[Moved]:
        """Add the picture to each event; the one of an event that ended goes."""
        told = [Moved(event, self._shown.jpeg if self._shown is not None else b"") for event in events]
        if self._events.open is None:
            self._shown = None
        return told
