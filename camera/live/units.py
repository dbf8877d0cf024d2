"""Take a compressed picture apart into its units, and put those a browser needs together as MP4 wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Codec = Literal["h264", "hevc"]
_START = b"\0\0\1"
_AVC_PARAMETERS = frozenset({7, 8})
_HEVC_PARAMETERS = frozenset({32, 33, 34})


def kind_of(codec: Codec, unit: bytes) -> int:
    """Return the `nal_unit_type`."""
    return unit[0] & 0x1F if codec == "h264" else (unit[0] >> 1) & 0x3F


def units_of(data: bytes, length_size: int) -> list[bytes]:
    """Return the units of a picture: behind start codes (`length_size` 0, H.264 annex B), or behind their lengths."""
    return _counted(data, length_size) if length_size else _started(data)


def _started(data: bytes) -> list[bytes]:
    units = []
    begin = data.find(_START)
    while begin >= 0:
        end = data.find(_START, begin + 3)
        # a unit never ends with a zero byte: those belong to the start code behind it
        if unit := data[begin + 3 : end if end >= 0 else len(data)].rstrip(b"\0"):
            units.append(unit)
        begin = end
    return units


def _counted(data: bytes, length_size: int) -> list[bytes]:
    units, place = [], 0
    while place + length_size < len(data):
        begin = place + length_size
        place = begin + int.from_bytes(data[place:begin], "big")
        if unit := data[begin:place]:
            units.append(unit)
    return units


def is_picture(codec: Codec, unit: bytes) -> bool:
    """Whether it is a part of the picture itself.

    The rest stays out of the pieces: parameter sets stand in the init (avc1 and hvc1 want them nowhere else), and
    delimiters, filler and SEI only cost bytes.
    """
    kind = kind_of(codec, unit)
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


def parameters_among(codec: Codec, units: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the parameter sets, each once, ordered by their kind."""
    kinds = _AVC_PARAMETERS if codec == "h264" else _HEVC_PARAMETERS
    found = dict.fromkeys(unit for unit in units if kind_of(codec, unit) in kinds)
    return tuple(sorted(found, key=lambda unit: kind_of(codec, unit)))


def renewed(codec: Codec, old: tuple[bytes, ...], new: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the parameter sets that hold from now on: of a kind that is among the new ones, none of the old."""
    kinds = {kind_of(codec, unit) for unit in new}
    return parameters_among(codec, [*new, *(unit for unit in old if kind_of(codec, unit) not in kinds)])


def sample(codec: Codec, units: Iterable[bytes]) -> bytes:
    """Return the picture's units behind lengths of four bytes."""
    parts = []
    for unit in units:
        if is_picture(codec, unit):
            parts += [len(unit).to_bytes(4, "big"), unit]
    return b"".join(parts)


def configured(codec: Codec, extradata: bytes | None) -> tuple[tuple[bytes, ...], int]:
    """Return the parameter sets that libav's extradata holds, and the `length_size` of the stream's pictures."""
    if not extradata:
        return (), 0
    if extradata[0] != 1:
        return parameters_among(codec, _started(extradata)), 0
    if codec == "h264" and len(extradata) > 6:
        return parameters_among(codec, _avc_record(extradata)), (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 22:
        return parameters_among(codec, _hevc_record(extradata)), (extradata[21] & 3) + 1
    return (), 0


def _avc_record(record: bytes) -> list[bytes]:
    """`AVCDecoderConfigurationRecord`, ISO 14496-15, 5.3.3.1."""
    units, place = [], 5
    for mask in (0x1F, 0xFF):
        count, place = record[place] & mask if place < len(record) else 0, place + 1
        taken, place = _listed(record, place, count)
        units += taken
    return units


def _hevc_record(record: bytes) -> list[bytes]:
    """`HEVCDecoderConfigurationRecord`, ISO 14496-15, 8.3.3.1."""
    units, place = [], 23
    for _ in range(record[22]):
        count = int.from_bytes(record[place + 1 : place + 3], "big")
        taken, place = _listed(record, place + 3, count)
        units += taken
    return units


def _listed(record: bytes, place: int, count: int) -> tuple[list[bytes], int]:
    units = []
    for _ in range(count):
        begin = place + 2
        place = begin + int.from_bytes(record[begin - 2 : begin], "big")
        if unit := record[begin:place]:
            units.append(unit)
    return units, place
