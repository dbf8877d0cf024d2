"""Reads what a PMTiles file says of itself (specification version 3), and whether the map's page can draw it."""

import json
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

HEADER = struct.Struct("<7sB11Q6B4iB2i")
"""Magic, version, eleven offsets, lengths and counts, six bytes, bounds, and a middle: 127 bytes."""
MOST_DIRECTORY = 16_384
"""Header and root directory stand in the first so many bytes."""
MOST_METADATA = 5_000_000
NO_COMPRESSION, GZIP = (0, 1), 2
VECTOR = 1
PICTURES = (2, 3, 4, 5)
"""PNG, JPEG, WebP, AVIF."""
DEEPEST = 26
BASEMAP = frozenset({"earth", "roads"})
"""Layers that a Protomaps basemap has; tiles of another scheme would be drawn empty."""
_TAG = re.compile(r"<[^>]*>")


class BadExtract(Exception):
    """A file that cannot be used: the key of a sentence in hub/text."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Extract:
    """A file that can be drawn. `bounds`: south, west, north, east, degrees."""

    size: int
    vector: bool
    least_zoom: int
    most_zoom: int
    bounds: tuple[float, float, float, float]
    credit: str


def look(path: Path) -> Extract:
    """What a file is. Raises BadExtract, OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size
        head = file.read(HEADER.size)
        if len(head) < HEADER.size or head[:7] != b"PMTiles":
            raise BadExtract("map.not_pmtiles")
        if head[7] != 3:
            raise BadExtract("map.not_version_3")
        return _looked(file, size, HEADER.unpack(head))


def _looked(file: BinaryIO, size: int, head: tuple[Any, ...]) -> Extract:
    root, root_length, meta, meta_length, leaves, leaves_length, data, data_length = head[2:10]
    _, packed, tiles_packed, kind, least, most = head[13:19]
    if max(root + root_length, meta + meta_length, leaves + leaves_length, data + data_length) > size:
        raise BadExtract("map.cut_off")
    if kind not in (VECTOR, *PICTURES) or {packed, tiles_packed} - {*NO_COMPRESSION, GZIP}:
        raise BadExtract("map.other_kind")
    if root + root_length > MOST_DIRECTORY or not least <= most <= DEEPEST:
        raise BadExtract("map.damaged")
    _check_directory(_unpacked(_read(file, root, root_length), packed))
    said = _metadata(_unpacked(_read(file, meta, min(meta_length, MOST_METADATA)), packed))
    if kind == VECTOR and not BASEMAP & {str(layer.get("id")) for layer in said.get("vector_layers") or () if layer}:
        raise BadExtract("map.other_scheme")
    west, south, east, north = (degrees / 1e7 for degrees in head[19:23])
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise BadExtract("map.damaged")
    credit = " ".join(_TAG.sub("", str(said.get("attribution") or "")).split())[:300]
    return Extract(size, kind == VECTOR, least, most, (south, west, north, east), credit)


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _unpacked(raw: bytes, packed: int) -> bytes:
    if packed != GZIP:
        return raw
    try:
        return zlib.decompressobj(wbits=31).decompress(raw, MOST_METADATA)
    except zlib.error as error:
        raise BadExtract("map.damaged") from error


def _metadata(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadExtract("map.damaged") from error
    if not isinstance(said, dict):
        raise BadExtract("map.damaged")
    return said


def _check_directory(raw: bytes) -> None:
    """A count of entries, then four numbers of each, as varints."""
    length = next((place for place, byte in enumerate(raw[:10], 1) if byte < 128), 0)
    if not length:
        raise BadExtract("map.damaged")
    count = sum((byte & 127) << 7 * place for place, byte in enumerate(raw[:length]))
    if count == 0:
        raise BadExtract("map.empty")
    if sum(byte < 128 for byte in raw[length:]) != 4 * count:
        raise BadExtract("map.damaged")
