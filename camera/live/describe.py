"""What a browser must know before the first picture: codec name, size, and the record with the parameter sets."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from camera.live.bits import BadParameters, Bits
from camera.live.units import Codec, kind_of

_AVC_HIGH = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_AVC_PROFILES = _AVC_HIGH | {66, 77, 88}


@dataclass(frozen=True, slots=True)
class Description:
    """A stream of pictures. `entry` and `record` name the sample entry and the box of its parameter sets."""

    name: str
    """As RFC 6381 has it, for example avc1.64001f."""
    width: int
    height: int
    entry: bytes
    record_name: bytes
    record: bytes


def describe(codec: Codec, parameters: tuple[bytes, ...]) -> Description:
    """Read the parameter sets. Raises BadParameters when they are not complete or make no sense."""
    kinds = {kind_of(codec, unit) for unit in parameters}
    if not kinds >= ({7, 8} if codec == "h264" else {32, 33, 34}):
        raise BadParameters("parameter sets are missing")
    return _avc(parameters) if codec == "h264" else _hevc(parameters)


def _avc(parameters: tuple[bytes, ...]) -> Description:
    sequences = [unit for unit in parameters if kind_of("h264", unit) == 7]
    pictures = [unit for unit in parameters if kind_of("h264", unit) == 8]
    first = sequences[0]
    width, height, extension = _avc_sequence(first)
    record = bytes([1, *first[1:4], 0xFF, 0xE0 | len(sequences)]) + _with_lengths(sequences)
    record += bytes([len(pictures)]) + _with_lengths(pictures) + extension
    return Description(f"avc1.{first[1:4].hex()}", width, height, b"avc1", b"avcC", record)


def _avc_sequence(unit: bytes) -> tuple[int, int, bytes]:
    """Return width, height, and what `avcC` says of high profiles. H.264, 7.3.2.1.1."""
    bits = Bits(unit[1:])
    profile = bits.take(8)
    if profile not in _AVC_PROFILES:
        raise BadParameters("the pictures have a profile that does not exist")
    bits.take(16)
    bits.unsigned()
    chroma, planes, extension = 1, False, b""
    if profile in _AVC_HIGH:
        chroma = bits.unsigned()
        planes = chroma == 3 and bool(bits.take(1))
        luma_depth, chroma_depth = bits.unsigned(), bits.unsigned()
        if chroma > 3 or luma_depth > 6 or chroma_depth > 6:
            raise BadParameters("the pictures have a form that does not exist")
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 12 if chroma == 3 else 8)
        if profile in {100, 110, 122, 144}:
            extension = bytes([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0])
    _skip_order(bits)
    bits.unsigned()
    bits.take(1)
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.take(1)
    bits.take(1 if frames_only else 2)
    fields = 2 - frames_only
    grey = chroma == 0 or planes
    left, right, top, bottom = [bits.unsigned() for _ in range(4)] if bits.take(1) else [0] * 4
    across = 2 if chroma in {1, 2} and not grey else 1
    down = fields * (2 if chroma == 1 and not grey else 1)
    return (*_size(columns * 16 - across * (left + right), rows * 16 * fields - down * (top + bottom)), extension)


def _skip_scaling(bits: Bits, lists: int) -> None:
    for place in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if place < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_order(bits: Bits) -> None:
    """Pass over how pictures are ordered."""
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()


def _hevc(parameters: tuple[bytes, ...]) -> Description:
    sequence = next(unit for unit in parameters if kind_of("hevc", unit) == 33)
    bits = Bits(sequence[2:])
    bits.take(4)
    layers, nested = bits.take(3), bits.take(1)
    profile = [bits.take(8) for _ in range(12)]
    _skip_layers(bits, layers)
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma == 3:
        bits.take(1)
    width, height = bits.unsigned(), bits.unsigned()
    left, right, top, bottom = [bits.unsigned() for _ in range(4)] if bits.take(1) else [0] * 4
    luma_depth, chroma_depth = bits.unsigned(), bits.unsigned()
    if chroma > 3 or luma_depth > 7 or chroma_depth > 7:
        raise BadParameters("the pictures have a form that does not exist")
    across, down = 2 if chroma in {1, 2} else 1, 2 if chroma == 1 else 1
    size = _size(width - across * (left + right), height - down * (top + bottom))
    form = bytes([0xFC, 0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth])
    record = bytes([1, *profile]) + b"\xf0\0" + form + b"\0\0" + bytes([(layers + 1) << 3 | nested << 2 | 3, 3])
    for kind in (32, 33, 34):
        units = [unit for unit in parameters if kind_of("hevc", unit) == kind]
        record += bytes([0x80 | kind]) + len(units).to_bytes(2, "big") + _with_lengths(units)
    return Description(_hevc_name(profile), *size, b"hvc1", b"hvcC", record)


def _skip_layers(bits: Bits, layers: int) -> None:
    """Pass over what is said of temporal sub-layers. H.265, 7.3.3."""
    told = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in told:
        bits.take(88 * has_profile + 8 * has_level)


def _hevc_name(profile: list[int]) -> str:
    """ISO 14496-15, annex E.3."""
    space = ("", "A", "B", "C")[profile[0] >> 6]
    compatible = int(f"{int.from_bytes(bytes(profile[1:5]), 'big'):032b}"[::-1], 2)
    tier = "H" if profile[0] & 0x20 else "L"
    constraints = bytes(profile[5:11]).rstrip(b"\0")
    parts = [f"hvc1.{space}{profile[0] & 0x1F}", f"{compatible:X}", f"{tier}{profile[11]}"]
    return ".".join([*parts, *(f"{each:X}" for each in constraints)])


def _size(width: int, height: int) -> tuple[int, int]:
    if not (0 < width <= 0xFFFF and 0 < height <= 0xFFFF):
        raise BadParameters("the pictures have a size that no camera has")
    return width, height


def _with_lengths(units: list[bytes]) -> bytes:
    if len(units) > 31 or any(len(unit) > 0xFFFF for unit in units):
        raise BadParameters("there are too many parameter sets")
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
