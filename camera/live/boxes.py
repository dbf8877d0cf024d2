"""Write the boxes of fragmented MP4 (ISO 14496-12): an init, and fragments of one picture each."""

from __future__ import annotations

import struct

from camera.live.clock import TICKS_PER_S, Place
from camera.live.describe import Description

_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY_FLAGS = 0x02000000
"""sample_depends_on = 2: on no other picture."""
_DELTA_FLAGS = 0x01010000
"""sample_depends_on = 1, sample_is_non_sync_sample."""
_FRAGMENT = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIi IIIi I4s")
"""moof(mfhd, traf(tfhd, tfdt, trun with one picture)) and the head of mdat."""
_MOOF, _TRAF, _TRUN = 104, 80, 36


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(name, struct.pack(">I", flags), *parts)


def init(video: Description) -> bytes:
    """Return `ftyp` and `moov` of one video track, times in 1/90000 s."""
    return _box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5iso6mp41") + _box(
        b"moov", _movie_header(), _track(video), _box(b"mvex", _full(b"trex", 0, struct.pack(">5I", 1, 1, 0, 0, 0)))
    )


def _movie_header() -> bytes:
    times = struct.pack(">4I", 0, 0, 1000, 0)
    return _full(b"mvhd", 0, times, struct.pack(">IH10x", 0x10000, 0x100), _MATRIX, bytes(24), struct.pack(">I", 2))


def _track(video: Description) -> bytes:
    size = struct.pack(">II", video.width << 16, video.height << 16)
    header = _full(b"tkhd", 3, struct.pack(">5I", 0, 0, 1, 0, 0), bytes(16), _MATRIX, size)
    media = _full(b"mdhd", 0, struct.pack(">4IHH", 0, 0, TICKS_PER_S, 0, 0x55C4, 0))  # language: und
    handler = _full(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"video\0")
    place = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    information = _box(b"minf", _full(b"vmhd", 1, bytes(8)), place, _samples(video))
    return _box(b"trak", header, _box(b"mdia", media, handler, information))


def _samples(video: Description) -> bytes:
    entry = _box(
        video.entry,
        struct.pack(">6xH16xHH", 1, video.width, video.height),
        struct.pack(">IIIH32xHh", 0x480000, 0x480000, 0, 1, 24, -1),  # 72 dpi, one picture a sample, colour
        _box(video.record_name, video.record),
    )
    empty = [_full(name, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco")]
    return _box(b"stbl", _full(b"stsd", 0, struct.pack(">I", 1), entry), *empty, _full(b"stsz", 0, bytes(8)))


def fragment(number: int, place: Place, *, is_key: bool, sample: bytes) -> bytes:
    """Return `moof` and `mdat` with one picture."""
    head = _FRAGMENT.pack(
        _MOOF, b"moof",
        16, b"mfhd", 0, number,
        _TRAF, b"traf",
        16, b"tfhd", 0x020000, 1,  # default-base-is-moof
        20, b"tfdt", 0x01000000, place.dts,
        _TRUN, b"trun", 0x01000F01, 1, _MOOF + 8,  # offset; duration, size, flags, composition offset
        place.duration, len(sample), _KEY_FLAGS if is_key else _DELTA_FLAGS, place.delay,
        8 + len(sample), b"mdat",
    )  # fmt: skip
    return head + sample
