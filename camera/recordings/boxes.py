"""Read fragmented MP4 from the disk: what is whole, how long it plays, where its pictures lie. Without PyAV.

Made for files that a power cut, a worn card or a stranger may have spoiled: whatever is not understood ends the file.
Boxes: ISO/IEC 14496-12, 8.8; the mark is ours.
"""

from __future__ import annotations

import binascii
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024
"""More than any `ftyp` and `moov` without pictures."""
MOOF_LIMIT = 1024 * 1024
_BOX = struct.Struct(">I4s")
_MARK = struct.Struct(">QqqI")
_MARK_ID = bytes.fromhex("7a1dc0ffee0a4e0b9d3c52e1ab5e6f01")
MARK_BYTES = _BOX.size + len(_MARK_ID) + _MARK.size
_HARMLESS = frozenset({b"uuid", b"free", b"skip", b"styp", b"sidx", b"prft", b"emsg", b"mfra"})
_SERIAL_LIMIT = 1 << 40
_TIME_LIMIT_MS = 253_402_300_799_000
"""The end of the year 9999."""
_NOT_KEY = 0x00010000


class BadFile(ValueError):
    """It is no fragmented MP4."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What our files say of themselves, so that the index can be made again from them. Milliseconds since 1970, UTC."""

    serial: int
    begin: int
    end: int = 0
    """0 in the mark behind the head; the one at the end of a finished file has it."""

    def pack(self) -> bytes:
        """Return it as a `uuid` box, which players skip."""
        body = struct.pack(">Qqq", self.serial, self.begin, self.end)
        return _BOX.pack(MARK_BYTES, b"uuid") + _MARK_ID + body + struct.pack(">I", binascii.crc32(body))

    @classmethod
    def parse(cls, box: bytes) -> Mark | None:
        """Return the mark that a whole box holds; None when it is another box or spoiled."""
        if len(box) != MARK_BYTES or box[4:8] != b"uuid" or box[8:24] != _MARK_ID:
            return None
        serial, begin, end, check = _MARK.unpack(box[24:])
        sound = binascii.crc32(box[24:-4]) == check
        good = sound and serial < _SERIAL_LIMIT and all(0 <= at < _TIME_LIMIT_MS for at in (begin, end))
        return cls(serial, begin, end) if good else None


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file."""

    init: bytes
    """`ftyp` and `moov`."""
    timescale: int
    mark: Mark | None
    size: int
    """Where the fragments begin."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one picture lies, and when it is shown; times in the file's timescale."""

    place: int
    size: int
    dts: int
    offset: int
    duration: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """One `moof` and its `mdat`, wholly in the file."""

    place: int
    size: int
    entries: tuple[Entry, ...]

    @property
    def begin(self) -> int:
        """When its first picture is decoded."""
        return self.entries[0].dts

    @property
    def end(self) -> int:
        """When its last picture is over."""
        return self.entries[-1].dts + self.entries[-1].duration


def read_head(fd: int) -> Head:
    """Read the beginning of a file. Raises `BadFile`, `OSError`."""
    data = os.pread(fd, HEAD_LIMIT, 0)
    place, moov = 0, b""
    while not moov:
        size, kind = _box_at(data, place)
        if (kind != b"ftyp") if place == 0 else (kind not in {b"moov", b"free", b"uuid"}):
            raise BadFile("it does not begin as MP4 does")
        if kind == b"moov":
            moov = data[place + 8 : place + size]
        place += size
    mark = Mark.parse(data[place : place + MARK_BYTES])
    timescale = _timescale(moov)
    return Head(data[:place], timescale, mark, place + (MARK_BYTES if mark else 0))


def last_mark(fd: int, size: int) -> Mark | None:
    """Return the mark that ends a finished file."""
    mark = Mark.parse(os.pread(fd, MARK_BYTES, size - MARK_BYTES)) if size > MARK_BYTES else None
    return mark if mark is not None and mark.end > mark.begin else None


def fragments(fd: int, head: Head, size: int) -> Iterator[Fragment]:
    """Yield the whole fragments in the first `size` bytes of a file, up to the first thing that is not sound."""
    place = head.size
    while place + 16 <= size:
        try:
            length, kind = _box_in_file(fd, place, size)
            if kind in _HARMLESS:
                place += length
                continue
            if kind != b"moof" or length > MOOF_LIMIT:
                return
            moof = os.pread(fd, length, place)
            payload, kind = _box_in_file(fd, place + length, size)
            if kind != b"mdat":
                return
            entries = _entries(moof[8:], place)
        except (BadFile, struct.error):
            return
        end = place + length + payload
        if not entries or not all(place + length + 8 <= one.place and one.place + one.size <= end for one in entries):
            return
        yield Fragment(place, length + payload, entries)
        place = end


def is_sound(fd: int, fragment: Fragment) -> bool:
    """Whether the lengths inside the pictures add up: what the disk never wrote reads as zeros or as old data.

    For H.264 and H.265, whose pictures are chains of lengths and units.
    """
    for entry in fragment.entries:
        place, end = entry.place, entry.place + entry.size
        while place < end:
            unit = int.from_bytes(os.pread(fd, 4, place), "big")
            if unit == 0:
                return False
            place += 4 + unit
        if place != end:
            return False
    return True


def _box_at(data: bytes, place: int) -> tuple[int, bytes]:
    if place + 8 > len(data):
        raise BadFile("a box is not whole")
    size, kind = _BOX.unpack_from(data, place)
    if size < 8 or place + size > len(data):
        raise BadFile("a box is not whole")
    return size, kind


def _box_in_file(fd: int, place: int, limit: int) -> tuple[int, bytes]:
    head = os.pread(fd, 8, place)
    if len(head) < 8:
        raise BadFile("a box is not whole")
    size, kind = _BOX.unpack(head)
    if size < 8 or place + size > limit:
        raise BadFile("a box is not whole")
    return size, kind


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        size, kind = _box_at(data, place)
        yield kind, data[place + 8 : place + size]
        place += size


def _inside(data: bytes, *path: bytes) -> bytes:
    for name in path:
        data = next((body for kind, body in _boxes(data) if kind == name), b"")
    return data


def _timescale(moov: bytes) -> int:
    mdhd = _inside(moov, b"trak", b"mdia", b"mdhd")
    if len(mdhd) < 24:
        raise BadFile("it says no time scale")
    scale = int.from_bytes(mdhd[20:24] if mdhd[0] == 1 else mdhd[12:16], "big")
    if not scale:
        raise BadFile("its time scale is zero")
    return scale


@dataclass(slots=True)
class _Defaults:
    duration: int = 0
    size: int = 0
    flags: int = 0


def _entries(moof: bytes, place: int) -> tuple[Entry, ...]:
    """Read one track fragment, as we and libav write it: offsets count from the `moof`."""
    traf = _inside(moof, b"traf")
    defaults = _tfhd(_inside(traf, b"tfhd"))
    tfdt = _inside(traf, b"tfdt")
    begin = int.from_bytes(tfdt[4:12] if tfdt[:1] == b"\x01" else tfdt[4:8], "big")
    return _trun(_inside(traf, b"trun"), defaults, begin, place)


def _tfhd(body: bytes) -> _Defaults:
    flags = int.from_bytes(body[1:4], "big")
    place = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    found = _Defaults()
    for bit, name in ((0x8, "duration"), (0x10, "size"), (0x20, "flags")):
        if flags & bit:
            setattr(found, name, struct.unpack_from(">I", body, place)[0])
            place += 4
    return found


def _trun(body: bytes, defaults: _Defaults, begin: int, place: int) -> tuple[Entry, ...]:
    flags, count = int.from_bytes(body[1:4], "big"), struct.unpack_from(">I", body, 4)[0]
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    at = 8
    data_at = place
    if flags & 0x1:
        data_at += struct.unpack_from(">i", body, at)[0]
        at += 4
    first_flags = None
    if flags & 0x4:
        first_flags = struct.unpack_from(">I", body, at)[0]
        at += 4
    if count * 4 * len(fields) != len(body) - at or (not fields and count > 1):
        raise BadFile("a list of pictures is not whole")
    entries: list[Entry] = []
    rows = struct.unpack_from(f">{count * len(fields)}I", body, at)
    for number in range(count):
        row = dict(zip(fields, rows[number * len(fields) :], strict=False))
        duration, size = row.get(0x100, defaults.duration), row.get(0x200, defaults.size)
        kind = row.get(0x400, defaults.flags)
        if number == 0 and first_flags is not None:
            kind = first_flags
        offset = row.get(0x800, 0)
        offset -= (offset & 0x80000000) << 1
        entries.append(Entry(data_at, size, begin, offset, duration, not kind & _NOT_KEY))
        data_at, begin = data_at + size, begin + duration
    return tuple(entries)
