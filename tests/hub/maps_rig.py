"""Writes small PMTiles files (version 3): pictures of one colour, or a Protomaps basemap of three shapes."""

import gzip
import io
import json
import math
import struct
from collections.abc import Iterable

WEST, SOUTH, EAST, NORTH = 105.0, 20.0, 107.0, 22.0
ZOOMS = range(7, 11)
VECTOR, PNG = 1, 2


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def tile_id(z: int, x: int, y: int) -> int:
    """Place on the Hilbert curves of all zooms in turn."""
    found, side = (4**z - 1) // 3, 1 << z
    step = side >> 1
    while step:
        right, lower = int(x & step > 0), int(y & step > 0)
        found += step * step * ((3 * right) ^ lower)
        if not lower:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        step >>= 1
    return found


def places() -> Iterable[tuple[int, int, int]]:
    """All tiles that touch the bounds."""
    for z in ZOOMS:
        (left, top), (right, low) = _tile(z, WEST, NORTH), _tile(z, EAST, SOUTH)
        yield from ((z, x, y) for x in range(left, right + 1) for y in range(top, low + 1))


def pmtiles(kind: int, tile: bytes, metadata: dict[str, object]) -> bytes:
    """A file whose tiles are all the same."""
    ids = sorted(tile_id(*place) for place in places())
    steps = [now - before for before, now in zip([0, *ids], ids, strict=False)]
    columns = (steps, [1] * len(ids), [len(tile)] * len(ids), [1] * len(ids))
    root = gzip.compress(varint(len(ids)) + b"".join(varint(number) for column in columns for number in column))
    said = gzip.compress(json.dumps(metadata).encode())
    data = 127 + len(root) + len(said)
    lengths = (127, len(root), 127 + len(root), len(said), data, 0, data, len(tile), len(ids), len(ids), 1)
    kinds = (1, 2, 2 if kind == VECTOR else 1, kind, ZOOMS[0], ZOOMS[-1])
    bounds = [round(degrees * 1e7) for degrees in (WEST, SOUTH, EAST, NORTH)]
    head = struct.pack("<7sB11Q6B4iB2i", b"PMTiles", 3, *lengths, *kinds, *bounds, ZOOMS[0], 1060000000, 210000000)
    return head + root + said + tile


def pictures(colour: tuple[int, int, int], credit: str = "") -> bytes:
    """Of one colour."""
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(made, "PNG")
    return pmtiles(PNG, made.getvalue(), {"attribution": credit})


def basemap(credit: str = "") -> bytes:
    """Earth, water in the right half of each tile, a road across."""
    square = [(0, 0), (4096, 0), (4096, 4096), (0, 4096)]
    right = [(2048, 0), (4096, 0), (4096, 4096), (2048, 4096)]
    tile = _layer("earth", 3, square) + _layer("water", 3, right) + _layer("roads", 2, [(0, 2048), (4096, 2048)])
    layers = [{"id": name, "fields": {}} for name in ("earth", "water", "roads")]
    return pmtiles(VECTOR, gzip.compress(tile), {"attribution": credit, "vector_layers": layers})


def _tile(z: int, lon: float, lat: float) -> tuple[int, int]:
    side, radians = 1 << z, math.radians(lat)
    return int((lon + 180) / 360 * side), int((1 - math.asinh(math.tan(radians)) / math.pi) / 2 * side)


def _field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def _layer(name: str, shape: int, line: list[tuple[int, int]]) -> bytes:
    """A layer of Mapbox Vector Tiles 2.1 with one shape: 2 a line, 3 a polygon; its `kind` says what it is."""
    numbers, before = [1 << 3 | 1], (0, 0)
    for place, spot in enumerate(line):
        if place == 1:
            numbers.append(len(line) - 1 << 3 | 2)
        for now, then in zip(spot, before, strict=True):
            numbers.append(2 * (now - then) if now >= then else -2 * (now - then) - 1)
        before = spot
    numbers += [15] if shape == 3 else []
    kind = {"earth": "earth", "water": "ocean", "roads": "major_road"}[name]
    shape_body = _field(2, varint(0) + varint(0)) + varint(3 << 3) + varint(shape)
    shape_body += _field(4, b"".join(map(varint, numbers)))
    body = varint(15 << 3) + varint(2) + _field(1, name.encode()) + _field(2, shape_body) + _field(3, b"kind")
    return _field(3, body + _field(4, _field(1, kind.encode())) + varint(5 << 3) + varint(4096))
