"""Notices when SQLite silently leaves out transactions that had been on disk, because its WAL file was damaged.

SQLite stops at the first frame whose checksum is wrong, as it must after a power cut. But a commit is synchronised
before the next one begins, so a power cut can only spoil the newest. Two commits beyond the last good frame mean that
the card lost data. Format: sqlite.org/fileformat2.html, section 4.
"""

import sqlite3
import struct
from pathlib import Path

_HEADER, _FRAME = 32, 24
_MAGIC = (0x377F0682, 0x377F0683)


def commits(database: Path) -> list[int] | None:
    """Numbers (from 1) of the WAL's frames that end a transaction, good or not; None when its header is damaged.

    Call it before the database is opened. Raises OSError.
    """
    path = database.with_name(database.name + "-wal")
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER or not any(header):
                return []
            page, salt = struct.unpack(">I", header[8:12])[0], header[16:24]
            if not _sound(header) or not 512 <= page <= 65536:
                return None
            ends, number = [], 0
            while len(frame := file.read(_FRAME)) == _FRAME:
                number += 1
                if frame[8:16] == salt and any(frame[4:8]):
                    ends.append(number)
                file.seek(page, 1)
            return ends
    except FileNotFoundError:
        return []


def cut(connection: sqlite3.Connection, ends: list[int] | None) -> bool:
    """Whether transactions that had been on disk are missing, now that SQLite has read the WAL."""
    if ends is None:
        return True
    good = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    return sum(1 for number in ends if number > good) >= 2


def _sound(header: bytes) -> bool:
    """The header's own checksum: Fibonacci-like sums over its first 24 bytes."""
    magic = struct.unpack(">I", header[:4])[0]
    if magic not in _MAGIC:
        return False
    words = struct.unpack(">6I" if magic & 1 else "<6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second) == header[24:32]
