"""Finds the FAT partition in an image or on a device: partition tables MBR and GPT, or no table at all."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from edge_agent.card.faults import CardFault

SECTOR = 512
_FAT_TYPES = frozenset({0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E, 0xEF})
_PROTECTIVE = 0xEE
_FAT_GUIDS = frozenset({UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"), UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")})
"""Microsoft basic data, and the EFI system partition."""
_MOST_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Partition:
    """Where a FAT file system lies, in bytes."""

    offset: int
    length: int


def fat_partitions(file: BinaryIO, name: str) -> list[Partition]:
    """All partitions that hold a FAT file system and lie inside the file, in the order of the table.

    Raises CardFault: no table and no FAT file system, a damaged GPT, or no such partition.
    """
    size = file.seek(0, 2)
    first = _at(file, 0, SECTOR)
    if _is_fat(first):
        return [Partition(0, size)]
    if first[510:512] != b"\x55\xaa":
        raise CardFault("card.no_table", path=name)
    entries = list(_mbr(first))
    if any(kind == _PROTECTIVE for kind, _ in entries):
        found = _gpt(file, name)
    else:
        found = [partition for kind, partition in entries if kind in _FAT_TYPES]
    usable = [
        each
        for each in found
        if each.length >= SECTOR and each.offset + each.length <= size and _is_fat(_at(file, each.offset, SECTOR))
    ]
    if not usable:
        raise CardFault("card.no_fat", path=name)
    return usable


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _mbr(sector: bytes) -> Iterator[tuple[int, Partition]]:
    for place in range(446, 510, 16):
        kind = sector[place + 4]
        start, count = struct.unpack_from("<II", sector, place + 8)
        if kind and count:
            yield kind, Partition(start * SECTOR, count * SECTOR)


def _gpt(file: BinaryIO, name: str) -> list[Partition]:
    head = _at(file, SECTOR, SECTOR)
    if len(head) < SECTOR or head[:8] != b"EFI PART":
        raise CardFault("card.bad_gpt", path=name)
    length, checksum = struct.unpack_from("<II", head, 12)
    at, count, each, table_sum = struct.unpack_from("<QIII", head, 72)
    if not 92 <= length <= SECTOR or not 1 <= count <= _MOST_ENTRIES or not 128 <= each <= 1024:
        raise CardFault("card.bad_gpt", path=name)
    if zlib.crc32(head[:16] + bytes(4) + head[20:length]) != checksum:
        raise CardFault("card.bad_gpt", path=name)
    if at >= 2**55:
        raise CardFault("card.bad_gpt", path=name)
    table = _at(file, at * SECTOR, count * each)
    if len(table) < count * each or zlib.crc32(table) != table_sum:
        raise CardFault("card.bad_gpt", path=name)
    return list(_entries(table, each))


def _entries(table: bytes, each: int) -> Iterator[Partition]:
    for place in range(0, len(table), each):
        kind = UUID(bytes_le=table[place : place + 16])
        start, end = struct.unpack_from("<QQ", table, place + 32)
        if kind in _FAT_GUIDS and end >= start and end < 2**55:
            yield Partition(start * SECTOR, (end - start + 1) * SECTOR)


def _is_fat(sector: bytes) -> bool:
    """A boot sector of FAT12, FAT16 or FAT32: a jump, a sane geometry, at least one table."""
    if len(sector) < SECTOR or sector[510:512] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return False
    sector_size, per_cluster, reserved, tables = struct.unpack_from("<HBHB", sector, 11)
    plain = per_cluster and per_cluster & (per_cluster - 1) == 0
    return sector_size in (512, 1024, 2048, 4096) and bool(plain) and reserved > 0 and tables in (1, 2)
