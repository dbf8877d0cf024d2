"""The live view's tap on a stream: nearly free while nobody looks, one fMP4 piece per picture while somebody does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

from camera.frames import EncodedFrame, VideoFormat
from camera.live.bits import BadParameters
from camera.live.boxes import fragment, init
from camera.live.clock import LiveClock, Place
from camera.live.describe import Description, describe
from camera.live.units import Codec, configured, parameters_among, renewed, sample, units_of
from camera.model import LivePiece, Stream

logger = logging.getLogger(__name__)

Send = Callable[[LivePiece], bool]
"""Takes a piece without blocking; False when there is no room: the tap then leaves out up to the next key frame."""

GROUP_BYTES = 4 * 1024 * 1024
"""The newest group of pictures is kept up to this size; of a longer one, a new viewer sees nothing till the next."""
QUIET_S = 600.0
"""Why a stream cannot be shown is logged at most once in so long."""
_CODECS: dict[str, Codec] = {"h264": "h264", "hevc": "hevc"}


_EPOCHS = 1 << 32


def _epoch_now() -> int:
    """Return the eighths of a second since 1970, in 32 bits: no epoch comes again in a process that is started anew.

    Starting takes longer than an eighth; with whole seconds the second process of one second repeated the first's.
    """
    return int(time.time() * 8) % _EPOCHS


class LiveTap:
    """A `FrameSink`. `feed` and `cut` come from the puller's thread, `begin` and `end` from another.

    The init goes out again before each key frame: whoever joins, or has lost a piece, begins there.
    """

    def __init__(self, camera: str, stream: Stream, send: Send) -> None:
        self._camera, self._stream, self._send = camera, stream, send
        self._lock = threading.Lock()
        self._clock = LiveClock()
        self._group: list[tuple[EncodedFrame, Place | None, int]] = []  # without places while nobody looks
        self._group_bytes = 0
        self._on = self._whole = False
        self._format: VideoFormat | None = None
        self._told: tuple[bytes, ...] = ()
        self._length_size = 0
        self._parameters: tuple[bytes, ...] = ()
        self._quiet_until_s = 0.0
        self._video: Description | None = None
        self._init = b""
        self._epoch, self._number = _epoch_now(), 0

    def begin(self) -> None:
        """Send from now on: init, the newest key frame, what followed, then each picture as it arrives.

        Called again while on, all that is sent again, with the same epoch and numbers.
        """
        with self._lock:
            if not self._on:
                self._clock.cut()
                self._group = [(frame, self._clock.place(frame), number) for frame, _place, number in self._group]
            self._on, self._whole = True, False
            for frame, place, number in self._group:
                if place is not None:
                    self._give(frame, place, number)

    def end(self) -> None:
        """Send no more."""
        with self._lock:
            self._on = False

    def feed(self, frame: EncodedFrame) -> None:
        """Take the next picture."""
        with self._lock:
            if frame.is_key:
                self._group, self._group_bytes = [], 0
                self._look(frame)
            if self._video is None:
                return
            self._number += 1
            place = self._clock.place(frame) if self._on else None
            if frame.is_key or self._group:
                self._keep(frame, place)
            if place is not None:
                self._give(frame, place, self._number)

    def cut(self) -> None:
        """The stream broke off: what was kept is old."""
        with self._lock:
            self._group, self._group_bytes = [], 0
            self._whole, self._video = False, None
            self._clock.cut()

    def _keep(self, frame: EncodedFrame, place: Place | None) -> None:
        self._group_bytes += len(frame.data)
        if self._group_bytes <= GROUP_BYTES:
            self._group.append((frame, place, self._number))
        else:
            self._group = []

    def _look(self, frame: EncodedFrame) -> None:
        """Begin a new epoch when the parameter sets are new: those in the picture count, else those told before it."""
        codec = _CODECS.get(frame.format.codec)
        if codec is None:
            self._video = None
            return
        if frame.format is not self._format:
            self._format = frame.format
            self._told, self._length_size = configured(codec, frame.format.extradata)
        inside = parameters_among(codec, units_of(frame.data, self._length_size))
        self._told = parameters = renewed(codec, self._told, inside)
        try:
            self._video = describe(codec, parameters)
        except BadParameters as error:
            if self._on and (now_s := time.monotonic()) >= self._quiet_until_s:
                self._quiet_until_s = now_s + QUIET_S
                logger.warning("%s cannot be shown live: %s", self._camera, error)
            self._video = None
            return
        if parameters != self._parameters:
            self._parameters, self._init = parameters, init(self._video)
            self._epoch, self._number = max(self._epoch + 1, _epoch_now()) % _EPOCHS, 0

    def _give(self, frame: EncodedFrame, place: Place, number: int) -> None:
        """Send a picture, before a key frame the init; once one is lost, what follows is worth nothing."""
        if frame.is_key:
            self._whole = self._post("init", 0, frame, self._init)
        if self._whole and self._video is not None:
            codec = _CODECS[frame.format.codec]
            data = sample(codec, units_of(frame.data, self._length_size))
            piece = fragment(number, place, is_key=frame.is_key, sample=data)
            self._whole = self._post("key" if frame.is_key else "delta", number, frame, piece)

    def _post(self, kind: Literal["init", "key", "delta"], number: int, frame: EncodedFrame, data: bytes) -> bool:
        video = self._video
        if video is None:
            return False
        return self._send(
            LivePiece(
                camera=self._camera,
                stream=self._stream,
                kind=kind,
                epoch=self._epoch,
                number=number,
                at=frame.at,
                codec=video.name,
                width=video.width,
                height=video.height,
                data=data,
            )
        )
