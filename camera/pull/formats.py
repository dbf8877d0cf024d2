"""Know at every picture how it is coded, also when the camera says it late, or says something else in mid-stream."""

from __future__ import annotations

import logging

from camera.frames import VideoFormat
from camera.live.bits import BadParameters
from camera.live.describe import describe
from camera.live.units import Codec, configured, kind_of, parameters_among, units_of

logger = logging.getLogger(__name__)

_HEAD_BYTES = 8192
"""Parameter sets come before the picture itself; some 100 bytes in all."""
_SMALLEST = 64
"""Pixels: noise that passes for parameter sets mostly tells of less."""
_START_CODE = b"\0\0\0\1"


class FormatTracker:
    """Follows the parameter sets of one connection (Annex B, as RTP brings it). For one thread."""

    def __init__(self, video: VideoFormat, codec: Codec) -> None:
        self._video, self._codec = video, codec
        self._sets, _length_size = configured(codec, video.extradata)
        self._complete = bool(video.extradata and video.width and video.height) or self._adopt(self._sets)

    def of_key(self, data: bytes) -> VideoFormat | None:
        """Return the format of a key frame; None as long as the camera has not said it all."""
        if found := parameters_among(self._codec, units_of(data[:_HEAD_BYTES], 0)):
            kinds = {kind_of(self._codec, unit) for unit in found}
            sets = (*found, *(unit for unit in self._sets if kind_of(self._codec, unit) not in kinds))
            sets = parameters_among(self._codec, sets)
            if sets != self._sets:
                self._complete = self._adopt(sets) or self._complete
        return self._video if self._complete else None

    def _adopt(self, sets: tuple[bytes, ...]) -> bool:
        """Make a format of new parameter sets; return whether they are complete and make sense."""
        try:
            seen = describe(self._codec, sets)
        except BadParameters as error:
            logger.info("parameter sets that are left out: %s", error)
            return False
        if min(seen.width, seen.height) < _SMALLEST:
            return False
        extradata = b"".join(_START_CODE + unit for unit in sets)
        self._video = self._video.changed(extradata, seen.width, seen.height)
        self._sets = sets
        return True
