"""Pack compressed pictures into fragmented MP4 without touching them (stream copy).

Whatever was written up to the end of a fragment plays, so a power cut costs the last fragment at most. The same pieces
suit a file and Media Source in a browser: first `init_segment`, then fragments. libav writes the head, which knows the
codecs; the fragments are written here, so that their length and their end are known.
Boxes: ISO/IEC 14496-12, 8.8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from camera.frames import EncodedFrame, VideoFormat
from camera.timeline import TICKS_PER_S, TIME_BASE, Timeline

FRAGMENT_LIMIT = 8 * 1024 * 1024
"""Bytes after which a fragment ends without a key frame, so that a camera with endless groups fills no memory."""
FRAGMENT_LONGEST_S = 4
"""Seconds after which a fragment ends without a key frame. A power cut costs one second more at most: so long may
pictures wait for the recorder's thread."""
FRAGMENT_SHORTEST_S = 0.9
"""A key frame sooner than this begins no fragment: a stream of key frames alone would wear out the card."""

_LENGTH = struct.Struct(">I")
_START = b"\x00\x00\x01"
_WITH_UNITS = frozenset({"h264", "hevc"})
_TRUN_FLAGS = 0x01000000 | 0x000F01
"""Version 1 (signed offsets); data offset; duration, size, flags and offset of each sample."""
_TFHD_FLAGS = 0x020000
"""The base of offsets is the moof."""
KEY_FLAGS = 0x02000000
DELTA_FLAGS = 0x01010000
"""sample_depends_on 2: on none; 1: on others, and no sync sample (8.8.3.1)."""


@dataclass(slots=True)
class Sample:
    """One picture in a fragment; times in ticks (`camera.timeline.TICKS_PER_S`). Never changed."""

    data: bytes
    dts: int
    offset: int
    """How long after its decoding it is shown."""
    is_key: bool


def init_segment(video: VideoFormat) -> bytes:
    """Return `ftyp` and `moov`. Raises `av.FFmpegError` or `ValueError` for a codec that no MP4 holds."""
    import av

    pieces: list[bytes] = []

    class Target:
        """It cannot seek, so nothing written is ever changed."""

        def write(self, data: bytes) -> int:
            pieces.append(bytes(data))
            return len(data)

    # PyAV takes any object with write(); its type hint asks for a whole file.
    target: Any = Target()
    options = {"movflags": "empty_moov+default_base_moof+frag_custom"}
    container = av.open(target, "w", format="mp4", options=options)
    stream = container.add_stream_from_template(video.template)
    stream.time_base = TIME_BASE
    if video.codec == "hevc":
        stream.codec_context.codec_tag = "hvc1"  # Apple plays no hev1
    container.start_encoding()
    head = b"".join(pieces)
    container.close()
    return head


def is_length_prefixed(video: VideoFormat) -> bool:
    """Whether the pictures come as in MP4, and not in the form of a byte stream (ISO/IEC 14496-10, annex B)."""
    return video.codec not in _WITH_UNITS or (video.extradata or b"")[:1] == b"\x01"


def length_prefixed(data: bytes) -> bytes:
    """Turn a picture in annex B form into length-prefixed units. Raises `ValueError` when it holds none."""
    pieces: list[bytes] = []
    end = len(data)
    while (at := data.rfind(_START, 0, end)) >= 0:  # from behind: three times as fast in CPython
        unit = data[at + 3 : end].rstrip(b"\x00")  # zeros before the next start code are no part of a unit
        if unit:
            pieces += (unit, _LENGTH.pack(len(unit)))
        end = at
    if not pieces:
        raise ValueError("no unit begins in the picture")
    pieces.reverse()
    return b"".join(pieces)


def fragment(number: int, samples: Sequence[Sample], end: int) -> bytes:
    """Return `moof` and `mdat` with these pictures, the last of which is shown up to `end` (decoding ticks)."""
    entries: list[int] = []
    for place, sample in enumerate(samples):
        until = samples[place + 1].dts if place + 1 < len(samples) else end
        flags = KEY_FLAGS if sample.is_key else DELTA_FLAGS
        entries += (max(0, until - sample.dts), len(sample.data), flags, sample.offset & 0xFFFFFFFF)
    size = 88 + 4 * len(entries)
    moof = struct.pack(
        f">I4s I4sII I4s I4sII I4sIQ I4sIII{len(entries)}I",
        *(size, b"moof"),
        *(16, b"mfhd", 0, number),
        *(size - 24, b"traf"),
        *(16, b"tfhd", _TFHD_FLAGS, 1),
        *(20, b"tfdt", 0x01000000, samples[0].dts),
        *(20 + 4 * len(entries), b"trun", _TRUN_FLAGS, len(samples), size + 8),
        *entries,
    )
    payload = [sample.data for sample in samples]
    return b"".join((moof, _LENGTH.pack(8 + sum(map(len, payload))), b"mdat", *payload))


class Fragmenter:
    """Makes one fragmented MP4 that starts at time zero. The first picture must be a key frame.

    Methods raise `av.FFmpegError` or `ValueError` for pictures that no MP4 can hold.
    """

    def __init__(self, video: VideoFormat) -> None:
        self.format = video
        self.header = init_segment(video)
        self.ticks = 0
        """How long what was handed out plays."""
        self._as_is = is_length_prefixed(video)
        self._timeline = Timeline()
        self._samples: list[Sample] = []
        self._bytes = self._number = self._last_step = 0

    def push(self, frame: EncodedFrame) -> bytes:
        """Add a picture; return the fragment that it completed, which ends before it, or nothing."""
        if not frame.data:
            raise ValueError("a picture without data")
        data = frame.data if self._as_is else length_prefixed(frame.data)
        place = self._timeline.place(frame)
        done = self._take(place.dts) if self._ends(frame, place.dts) else b""
        self._samples.append(Sample(data, place.dts, place.pts - place.dts, frame.is_key))
        self._bytes += len(data)
        self._last_step = place.duration
        return done

    def finish(self) -> bytes:
        """End the file; return the last fragment."""
        return self._take(self._samples[-1].dts + self._last_step) if self._samples else b""

    def _ends(self, frame: EncodedFrame, dts: int) -> bool:
        if not self._samples:
            return False
        span = dts - self._samples[0].dts
        if frame.is_key and span >= FRAGMENT_SHORTEST_S * TICKS_PER_S:
            return True
        return span >= FRAGMENT_LONGEST_S * TICKS_PER_S or self._bytes + len(frame.data) > FRAGMENT_LIMIT

    def _take(self, end: int) -> bytes:
        self._number += 1
        samples, self._samples, self._bytes, self.ticks = self._samples, [], 0, end
        return fragment(self._number, samples, end)
